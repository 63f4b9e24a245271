package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class ReceiveWindowTest {
    private static final long RTT = TimeUnit.MILLISECONDS.toNanos(10);
    private static final int INITIAL = 1_000;
    private static final int MAX = 1_000_000;

    private final MemoryBudget budget = new MemoryBudget(1L << 40, SharedBudget.unbounded());
    private final RoundTrip roundTrip = new RoundTrip();
    private long now;

    @Test
    void theExampleOfTheJavadocHolds() {
        ReceiveWindow window = new ReceiveWindow(100, 100, false, budget, roundTrip);
        assertThat(window.receive(80, now)).isTrue();
        assertThat(window.consume(20, now)).isFalse();
        assertThat(window.receive(20, now)).isTrue();
        assertThat(window.consume(40, now)).isTrue();
        window.updateSent(now);
        assertThat(window.consumedTotal()).isEqualTo(60);
        assertThat(window.window()).isEqualTo(100);

        assertThat(window.receive(60, now)).isTrue();
        assertThat(window.receive(1, now)).isFalse();
    }

    @Test
    void theFirstReadIsToldWhereThePeerWaitsForIt() {
        ReceiveWindow window = new ReceiveWindow(100, 100, true, budget, roundTrip);
        window.receive(2, now);
        assertThat(window.consume(1, now)).isTrue();
        window.updateSent(now);
        assertThat(window.consume(1, now)).isFalse();
    }

    @Test
    void aNarrowedWindowTakesNothingBack() {
        ReceiveWindow window = new ReceiveWindow(INITIAL, MAX, false, budget, roundTrip);
        roundTrip.sample(RTT, now);
        grow(window, Integer.MAX_VALUE, 4);
        window.updateSent(now);
        int wide = window.window();
        now += TimeUnit.SECONDS.toNanos(5);
        assertThat(window.narrowIfIdle(now)).isTrue();
        window.updateSent(now);

        assertThat(window.window()).isEqualTo(INITIAL);
        assertThat(window.receive(wide, now)).isTrue();
        assertThat(window.receive(1, now)).isFalse();
    }

    @Test
    void countsWrapAround() {
        ReceiveWindow window = new ReceiveWindow(1 << 30, 1 << 30, false, budget, roundTrip);
        for (int i = 0; i < 9; i++) { // 4.5 GiB in all
            assertThat(window.receive(1 << 29, now)).isTrue();
            assertThat(window.consume(1 << 29, now)).isTrue();
            window.updateSent(now);
        }
        assertThat(window.consumedTotal()).isEqualTo(1 << 29);
    }

    @Test
    void theWindowIsNotTunedBeforeTheRoundTripIsKnown() {
        ReceiveWindow window = new ReceiveWindow(INITIAL, MAX, false, budget, roundTrip);
        use(window, 0);
        now += TimeUnit.MILLISECONDS.toNanos(1);
        use(window, 600);
        assertThat(window.window()).isEqualTo(INITIAL);
    }

    @Test
    void theWindowGrowsFourfoldEachRoundTripWhileItIsTheLimit() {
        ReceiveWindow window = tuned();
        for (int expected = 4 * INITIAL; expected <= 64 * INITIAL; expected *= 4) {
            drain(window, window.window());
            assertThat(window.window()).isEqualTo(expected);
        }
    }

    /**
     * A peer that has sent all it may sends again for each quarter, so at most a quarter of the window is ever unused.
     */
    @Test
    void creditIsGivenBackInQuarters() {
        ReceiveWindow window = new ReceiveWindow(100, 100, false, budget, roundTrip);
        window.receive(100, now);
        int updates = 0;
        for (int i = 0; i < 100; i += 2) {
            if (window.consume(2, now)) {
                window.updateSent(now);
                updates++;
            }
        }
        assertThat(updates).isEqualTo(3); // after 26, 52 and 78 bytes
        assertThat(window.receive(78, now)).isTrue();
    }

    @Test
    void aWiderWindowIsToldAtOnce() {
        ReceiveWindow window = tuned();
        now += RTT;
        window.receive(INITIAL, now);
        assertThat(window.consume(INITIAL, now)).isTrue();
    }

    @Test
    void theWindowStopsAtFourTimesTheNeed() {
        ReceiveWindow window = tuned();
        grow(window, 5_000, 20);
        assertThat(window.window()).isEqualTo(20_000);
    }

    @Test
    void aSlowRoundTripCountsAsMuchAsAQuickLook() {
        ReceiveWindow window = tuned();
        grow(window, 5_000, 20);
        now += 9 * RTT;
        drain(window, 10_000); // 1,000 in a round trip: less than a sixteenth
        assertThat(window.window()).isEqualTo(10_000);
    }

    @Test
    void theWindowNarrowsByHalvesWhileLittleOfItIsUsed() {
        ReceiveWindow window = tuned();
        grow(window, Integer.MAX_VALUE, 3);
        for (int expected = 32 * INITIAL; expected >= INITIAL; expected /= 2) {
            drain(window, 1);
            assertThat(window.window()).isEqualTo(expected);
        }
        drain(window, 1);
        assertThat(window.window()).isEqualTo(INITIAL);
    }

    @Test
    void theWindowStaysWhereASixteenthOfItIsUsed() {
        ReceiveWindow window = tuned();
        grow(window, Integer.MAX_VALUE, 3);
        drain(window, 4 * INITIAL);
        assertThat(window.window()).isEqualTo(64 * INITIAL);
    }

    @Test
    void anIdleStreamGivesItsWindowBack() {
        ReceiveWindow window = tuned();
        grow(window, Integer.MAX_VALUE, 6);
        now += TimeUnit.SECONDS.toNanos(5) - 1;
        assertThat(window.narrowIfIdle(now)).isFalse();
        now += 1;
        assertThat(window.narrowIfIdle(now)).isTrue();
        assertThat(window.window()).isEqualTo(INITIAL);
        assertThat(budget.promised()).isZero();
        assertThat(window.narrowIfIdle(now)).isFalse();
    }

    @Test
    void onANewLinkTheWindowStaysUntilTheRoundTripIsKnownAndFollowsThat() {
        ReceiveWindow window = tuned();
        grow(window, Integer.MAX_VALUE, 3);
        now += TimeUnit.SECONDS.toNanos(4); // without a link
        roundTrip.relinked(now);
        for (int i = 0; i < 20; i++) {
            drain(window, 1_000);
            assertThat(window.narrowIfIdle(now)).isFalse();
        }
        roundTrip.sample(20 * RTT, now);
        for (int i = 0; i < 10; i++) { // as much as the window is in the round trip of this one
            drain(window, 64 * INITIAL / 20);
            assertThat(window.window()).isEqualTo(64 * INITIAL);
        }
        for (int i = 0; i < 10; i++) {
            drain(window, 64 * INITIAL / 20);
        }
        assertThat(window.window()).isGreaterThan(3 * 64 * INITIAL);
    }

    @Test
    void theWindowNeverPassesItsMaximum() {
        ReceiveWindow window = tuned();
        grow(window, Integer.MAX_VALUE, 20);
        assertThat(window.window()).isEqualTo(MAX);
    }

    @Test
    void aPeerNearbyGetsNoWiderWindowThanTheProcessorsCacheLikes() {
        roundTrip.sample(RTT, now);
        ReceiveWindow window = new ReceiveWindow(INITIAL, 16 << 20, false, budget, roundTrip);
        use(window, 0);
        grow(window, Integer.MAX_VALUE, 20);
        assertThat(window.window()).isEqualTo(16 << 20);
        roundTrip.sample(TimeUnit.MICROSECONDS.toNanos(100), now);
        drain(window, window.window());
        assertThat(window.window()).isEqualTo(2 << 20);
    }

    @Test
    void aMaximumBelowTheFirstSizeIsTheFirstSize() {
        ReceiveWindow window = new ReceiveWindow(INITIAL, INITIAL / 2, false, budget, roundTrip);
        roundTrip.sample(RTT, now);
        grow(window, Integer.MAX_VALUE, 3);
        assertThat(window.window()).isEqualTo(INITIAL);
    }

    @Test
    void droppedBytesAreConsumedButEarnNoWindow() {
        ReceiveWindow window = tuned();
        for (int i = 0; i < 10; i++) {
            now += RTT;
            window.receive(INITIAL, now);
            assertThat(window.drop(INITIAL)).isTrue();
            window.updateSent(now);
        }
        assertThat(window.window()).isEqualTo(INITIAL);
        assertThat(window.consumedTotal()).isEqualTo(10 * INITIAL);
    }

    @Test
    void nStreamsGetTheNPlusFirstPartOfWhatMayBePromised() {
        for (int n = 1; n <= 8; n++) {
            MemoryBudget shared = new MemoryBudget(2 * 600_000, SharedBudget.unbounded());
            ReceiveWindow[] windows = windows(n, shared);
            for (int turn = 0; turn < 200; turn++) {
                now += RTT;
                for (ReceiveWindow window : windows) {
                    use(window, window.window());
                }
            }
            for (ReceiveWindow window : windows) {
                assertThat(window.window() - INITIAL).isCloseTo(600_000 / (n + 1), within(n));
            }
        }
    }

    @Test
    void promisesNeverPassHalfTheBudget() {
        MemoryBudget shared = new MemoryBudget(100_000, SharedBudget.unbounded());
        ReceiveWindow[] windows = windows(50, shared);
        for (int turn = 0; turn < 100; turn++) {
            now += RTT;
            for (ReceiveWindow window : windows) {
                use(window, window.window());
                assertThat(shared.promised()).isBetween(0L, 50_000L);
            }
        }
        Stream.of(windows).forEach(ReceiveWindow::close);
        assertThat(shared.promised()).isZero();
    }

    @Test
    void theRoundTripIsFromAnUpdateToTheFirstByteBeyondTheOldLimit() {
        ReceiveWindow window = new ReceiveWindow(100, 100, false, budget, roundTrip);
        window.receive(60, now);
        window.consume(60, now);
        window.updateSent(now);
        now += RTT;
        window.receive(40, now); // may have been on its way
        assertThat(roundTrip.isKnown()).isFalse();
        now += RTT;
        window.receive(1, now);
        assertThat(roundTrip.nanos()).isEqualTo(2 * RTT);
    }

    @Test
    void aSecondUpdateDoesNotDisturbAMeasurement() {
        ReceiveWindow window = new ReceiveWindow(100, 100, false, budget, roundTrip);
        window.receive(100, now);
        window.consume(50, now);
        window.updateSent(now);
        now += RTT;
        window.consume(50, now);
        window.updateSent(now);
        now += RTT;
        window.receive(1, now);
        assertThat(roundTrip.nanos()).isEqualTo(2 * RTT);
    }

    /** A window at the start of an epoch, with a known round trip. */
    private ReceiveWindow tuned() {
        ReceiveWindow window = new ReceiveWindow(INITIAL, MAX, false, budget, roundTrip);
        roundTrip.sample(RTT, now);
        use(window, 0);
        return window;
    }

    private ReceiveWindow[] windows(int n, MemoryBudget shared) {
        roundTrip.sample(RTT, now);
        return IntStream.range(0, n)
                .mapToObj(i -> new ReceiveWindow(INITIAL, MAX, false, shared, roundTrip))
                .toArray(ReceiveWindow[]::new);
    }

    /** The application takes as much as the window and the path let through, for some round trips. */
    private void grow(ReceiveWindow window, int path, int roundTrips) {
        for (int i = 0; i < roundTrips; i++) {
            drain(window, Math.min(window.window(), path));
        }
    }

    private void drain(ReceiveWindow window, int bytes) {
        now += RTT;
        use(window, bytes);
    }

    private void use(ReceiveWindow window, int bytes) {
        assertThat(window.receive(bytes, now)).isTrue();
        if (window.consume(bytes, now)) {
            window.updateSent(now);
        }
    }

    private static org.assertj.core.data.Offset<Integer> within(int n) {
        return org.assertj.core.data.Offset.offset(n);
    }
}
