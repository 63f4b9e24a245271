package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/**
 * A bottleneck of 100 Mbit/s and 20 ms, with room for half a second. The sender is one that would send twice that if
 * nobody kept it from it, as CUBIC does until packets are lost.
 */
class ShortQueueTest {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
    private static final int STEP = 5;
    private static final int SHORTEST = 20_000;
    private static final long RATE = 12_500_000;
    private static final int LONG = 500_000;

    private long now = -3_000 * MS; // a clock may begin anywhere
    private final ShortQueue shortQueue = new ShortQueue(now);
    private long rate = RATE;
    /** Of {@link #rate}, what others take. */
    private long others;
    /** us of the bottleneck's time. */
    private double queue;

    private double acknowledged;
    private long limit;
    private double longest;

    private long look(boolean isHeldUp) {
        TcpInfo tcp = new TcpInfo((long) (SHORTEST + queue), (long) acknowledged, 0);
        limit = shortQueue.limit(now, isHeldUp, tcp);
        return limit;
    }

    /** Sends for a while as fast as it may. Returns how much of what the path could carry has arrived. */
    private double send(long millis) {
        double before = acknowledged;
        double possible = 0;
        longest = 0;
        for (long i = 0; i < millis; i += STEP) {
            now += STEP * MS;
            long sent = limit > 0 ? Math.min(limit, 2 * rate) : 2 * rate;
            double arrives = queue > 0 ? rate : Math.min(rate, sent + others);
            queue = Math.min(LONG, Math.max(0, queue + 1_000.0 * STEP * (sent + others - arrives) / rate));
            longest = Math.max(longest, queue);
            acknowledged += arrives * sent / (sent + others) * STEP / 1_000;
            possible += (double) (rate - others) * STEP / 1_000;
            look(true);
        }
        return (acknowledged - before) / possible;
    }

    @Test
    void theQueueIsShortAndTheLineIsFull() {
        look(true);
        send(1_000);
        double share = send(10_000);
        assertThat(share).isGreaterThan(0.99);
        assertThat(longest).isLessThan(8_000);
    }

    @Test
    void withoutItTheQueueWouldBeAsLongAsItCanBe() {
        for (int i = 0; i < 600; i++) {
            limit = 0;
            send(STEP);
            limit = 0;
        }
        assertThat(queue).isEqualTo(LONG);
    }

    /** Others have left half of the line to this connection, and end. */
    @Test
    void whatOthersLeaveIsUsed() {
        look(true);
        others = RATE / 2;
        send(2_000);
        others = 0;
        send(1_500);
        assertThat(send(1_000)).isGreaterThan(0.98);
    }

    @Test
    void aLineThatBecomesTenTimesAsFastIsUsed() {
        look(true);
        rate = RATE / 10;
        send(2_000);
        rate = RATE;
        send(3_000);
        assertThat(send(1_000)).isGreaterThan(0.98);
        assertThat(longest).isLessThan(25_000);
    }

    @Test
    void aLineThatBecomesSlowerHasAShortQueueSoon() {
        look(true);
        send(1_000);
        rate = RATE / 4;
        send(2_000);
        assertThat(send(5_000)).isGreaterThan(0.98);
        assertThat(longest).isLessThan(8_000);
    }

    /** Whoever fills the queue whatever this connection does would have all of the line. */
    @Test
    void besideOthersWhoFillTheQueueItIsNotLimited() {
        look(true);
        queue = 100_000;
        long unlimited = 0;
        for (int i = 0; i < 10_000; i += STEP) {
            now += STEP * MS;
            acknowledged += RATE / 2.0 * STEP / 1_000;
            unlimited += look(true) == 0 ? STEP : 0;
        }
        assertThat(unlimited).isGreaterThan(8_000);
    }

    @Test
    void whoHasLittleToSendIsNotLimited() {
        look(true);
        send(1_000);
        assertThat(limit).isPositive();
        assertThat(look(false)).isZero();
        now += 5 * MS;
        assertThat(look(true)).isZero();
    }

    /** As of a connection whose handshake was not timed: it is no round trip of nothing. */
    @Test
    void whatHasNoRoundTripYetIsNotThePathsShortest() {
        assertThat(shortQueue.limit(now, true, new TcpInfo(0, 0, 0))).isZero();
        theQueueIsShortAndTheLineIsFull();
    }

    /** What came before the first look was not counted, and one look tells nothing. */
    @Test
    void nothingIsLimitedBeforeItIsKnownWhatArrives() {
        look(true);
        acknowledged = 1e12;
        queue = 100_000;
        now += 5 * MS;
        assertThat(look(true)).isZero();
    }

    @Test
    void aShortQueueIsLeftAlone() {
        look(true);
        for (int i = 0; i < 1_000; i += STEP) {
            now += STEP * MS;
            acknowledged += RATE * STEP / 1_000.0;
            queue = SHORTEST / 4.0;
            assertThat(look(true)).isZero();
        }
    }
}
