package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.config.RateConfig;
import dev.culvert.common.rate.Limit;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Datagrams.Loss;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Two ends of a flow over a session whose bytes the test moves, on a clock of its own. */
class FlowTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(60);

    private final MockTicker clock = Ticker.newMockTicker();
    private final Connections here = new Connections(clock);
    private final Connections there = new Connections(clock);
    private final DatagramMemory memory = new DatagramMemory();
    private final End local = new End();
    private final End target = new End();
    private Limits limitsHere = Limits.NONE;
    private Limits limitsThere = Limits.NONE;

    private Consumer<MuxStream> onStream = this::accept;
    private final MuxSession client = SessionPair.session(MuxSession.Role.CLIENT, stream -> {});
    private final EmbeddedChannel near = channel(client);
    private final EmbeddedChannel far =
            channel(SessionPair.session(MuxSession.Role.SERVER, stream -> onStream.accept(stream)));

    /** In place of a socket. */
    private static final class End implements Flow.Socket {
        final List<Integer> got = new ArrayList<>();
        boolean full;
        boolean ended;
        boolean refused;

        @Override
        public boolean send(ByteBuf datagram) {
            if (!full) {
                got.add(datagram.readableBytes());
            }
            datagram.release();
            return !full;
        }

        @Override
        public void flush() {}

        @Override
        public void ended(boolean wasRefused) {
            ended = true;
            refused = wasRefused;
        }
    }

    private EmbeddedChannel channel(MuxSession session) {
        EmbeddedChannel channel = EmbeddedChannel.builder().ticker(clock).build();
        channel.pipeline().addLast(new MuxConnection(session));
        return channel;
    }

    private void accept(MuxStream stream) {
        Connection connection =
                there.add("1", "dns", "", "source", "udp:target").ofDatagrams();
        connection.limitedBy(limitsThere);
        Flow.accept(far.eventLoop(), connection, stream, memory, target).begin();
    }

    private Flow open() {
        pump();
        Connection connection = here.add("1", "dns", "", "source", "udp:target").ofDatagrams();
        connection.limitedBy(limitsHere);
        return Flow.open(near.eventLoop(), connection, client, OpenRequest.EMPTY, memory, TIMEOUT, local);
    }

    private static void send(Flow flow, int bytes) {
        ByteBuf datagram = Unpooled.buffer(bytes).writeZero(bytes);
        flow.send(Flow.frame(datagram));
        datagram.release();
    }

    private void pump() {
        SessionPair.exchange(near, far);
    }

    @AfterEach
    void nothingIsLeft() {
        near.finishAndReleaseAll();
        far.finishAndReleaseAll();
        assertThat(here.size()).isZero();
        assertThat(there.size()).isZero();
        assertThat(memory.taken()).isZero();
    }

    @Test
    void datagramsOfAnySizeArriveAsTheyWere() {
        Flow flow = open();
        List<Integer> sizes = List.of(0, 1, 40, 1472, 0, 32_758, 32_759, 65_507, 9);
        for (int size : sizes) {
            send(flow, size);
            pump();
        }

        assertThat(target.got).isEqualTo(sizes);
        assertThat(there.datagrams().toSockets()).isEqualTo(sizes.size());
        assertThat(there.tallies())
                .singleElement()
                .satisfies(tally -> assertThat(tally.toSockets())
                        .isEqualTo(sizes.stream().mapToInt(Integer::intValue).sum()));
    }

    /** Each takes 2 bytes of the stream, and the socket a call of the kernel. */
    @Test
    void ofVeryManyEmptyDatagramsThatComeAtOnceMostAreLost() {
        List<MuxStream> streams = new ArrayList<>();
        onStream = stream -> {
            stream.accept();
            streams.add(stream);
        };
        open();
        pump();
        streams.get(0).write(Unpooled.wrappedBuffer(new byte[2 * 10_000]));
        pump();
        assertThat(local.got).hasSize(64).containsOnly(0);
        assertThat(here.datagrams().lost(Loss.SOCKET)).isEqualTo(10_000 - 64);

        streams.get(0).write(Unpooled.wrappedBuffer(new byte[2 * 10]));
        pump();
        assertThat(local.got).hasSize(64 + 10);
    }

    private Limit limit(long rate) {
        Limit limit = new Limit(clock);
        limit.set(new RateConfig(Optional.of(rate), Optional.of(rate)));
        return limit;
    }

    /**
     * Sends datagrams of so many bytes, one in so many ms. Returns the bytes that have arrived, with what each is
     * counted as.
     */
    private long offer(Flow flow, int bytes, long everyMillis, int seconds) {
        int before = target.got.size();
        for (long at = 0; at < seconds * 1000L; at++) {
            if (at % everyMillis == 0) {
                send(flow, bytes);
            }
            clock.advance(1, TimeUnit.MILLISECONDS);
            pump();
        }
        return target.got.stream()
                .skip(before)
                .mapToLong(got -> got + DatagramDecoder.HEADER)
                .sum();
    }

    @Test
    void aLimitOfWhatComesFromTheSocketHolds() {
        limitsHere = Limits.ofClient(limit(100_000));
        Flow flow = open();
        assertThat(offer(flow, 998, 1, 2)).isBetween(198_000L, 201_000L);
        assertThat(here.datagrams().lost(Loss.LATE)).isGreaterThan(1_500);
        assertThat(here.tallies().iterator().next().waited()).isGreaterThan(1_500_000_000L);
    }

    @Test
    void aLimitOfWhatGoesToTheSocketHolds() {
        limitsThere = Limits.ofServer(limit(100_000));
        Flow flow = open();
        assertThat(offer(flow, 998, 1, 2)).isBetween(198_000L, 202_000L);
        assertThat(there.datagrams().lost(Loss.LATE)).isGreaterThan(1_500);
    }

    /** A hundred a second: 1 KiB is let go at a time, and by then most are late. */
    @Test
    void emptyDatagramsCountAgainstALimitOfWhatComesFromTheSocket() {
        limitsHere = Limits.ofClient(limit(2_800));
        offer(open(), 0, 1, 2);
        assertThat(target.got.size()).isBetween(150, 240);
    }

    @Test
    void emptyDatagramsCountAgainstALimitOfWhatGoesToTheSocket() {
        limitsThere = Limits.ofServer(limit(2_800));
        offer(open(), 0, 1, 2);
        assertThat(target.got.size()).isBetween(150, 240);
    }

    /** Each of them is longer than what comes in before it is late. */
    @Test
    void someGetThroughALimitThatIsTooLowForAll() {
        limitsHere = Limits.ofClient(limit(2_000));
        Flow flow = open();
        assertThat(offer(flow, 1_498, 20, 30)).isBetween(55_000L, 63_000L);
    }

    @Test
    void flowsWithDatagramsOfAnySizeShareALimitByBytes() {
        limitsHere = Limits.ofClient(limit(200_000));
        Flow one = open();
        Flow other = Flow.open(near.eventLoop(), limited("2"), client, OpenRequest.EMPTY, memory, TIMEOUT, new End());
        for (int i = 0; i < 2_000; i++) {
            send(one, 1_400);
            send(other, 100);
            send(other, 100);
            send(other, 100);
            clock.advance(1, TimeUnit.MILLISECONDS);
            pump();
        }
        long large = target.got.stream().filter(got -> got == 1_400).count() * 1_400;
        long small = target.got.stream().filter(got -> got == 100).count() * 100;
        assertThat(large + small).isBetween(396_000L, 402_000L);
        assertThat(large).isBetween(190_000L, 210_000L);
    }

    private Connection limited(String id) {
        Connection connection = here.add(id, "dns", "", "source", "udp:target").ofDatagrams();
        connection.limitedBy(limitsHere);
        return connection;
    }

    @Test
    void aLimitThatIsTakenAwayLetsGoOfWhatWaits() {
        Limit limit = limit(10_000);
        limitsHere = Limits.ofClient(limit);
        Flow flow = open();
        send(flow, 998);
        send(flow, 998);
        pump();
        assertThat(target.got).isEmpty();

        limit.set(RateConfig.OFF);
        here.shape();
        pump();
        assertThat(target.got).hasSize(2);
        assertThat(offer(flow, 998, 1, 1)).isEqualTo(1_000_000);

        limit.set(new RateConfig(Optional.of(10_000L), Optional.empty()));
        here.shape();
        assertThat(offer(flow, 998, 1, 10)).isBetween(98_000L, 101_000L);
    }

    @Test
    void whoEndsLeavesTheLimitToOthers() {
        limitsHere = Limits.ofClient(limit(10_000));
        Flow gone = open();
        send(gone, 998);
        send(gone, 998);
        pump();
        gone.close("nobody wants it");
        assertThat(here.datagrams().lost(Loss.ENDED)).isEqualTo(2);

        assertThat(offer(open(), 998, 1, 10)).isBetween(98_000L, 101_000L);
    }

    @Test
    void silenceEndsItInGoodOrderOnBothSides() {
        Flow flow = open();
        send(flow, 10);
        pump();
        clock.advance(40, TimeUnit.SECONDS);
        pump();
        send(flow, 10);
        clock.advance(59, TimeUnit.SECONDS);
        near.runScheduledPendingTasks();
        assertThat(local.ended).isFalse();

        clock.advance(1, TimeUnit.SECONDS);
        near.runScheduledPendingTasks();
        pump();

        assertThat(local.ended).isTrue();
        assertThat(local.refused).isFalse();
        assertThat(target.ended).isTrue();
        for (Connections side : List.of(here, there)) {
            assertThat(side.tallies())
                    .singleElement()
                    .satisfies(tally -> assertThat(tally.closed()).isOne());
        }
    }

    @Test
    void beforeItIsTakenOnNoMoreIsSaidThanTheOtherSideShouldKeep() {
        List<MuxStream> streams = new ArrayList<>();
        onStream = streams::add;
        Flow flow = open();
        for (int i = 0; i < 400; i++) {
            send(flow, 998);
            pump();
        }
        assertThat(streams.get(0).unconsumedBytes()).isEqualTo(65_000);
        clock.advance(10, TimeUnit.MILLISECONDS);

        accept(streams.get(0));
        pump();

        assertThat(target.got).hasSize(65 + 232); // and what fits into the queue
        assertThat(here.datagrams().lost(Loss.QUEUE_FULL)).isEqualTo(400 - 65 - 232);
    }

    @Test
    void whatTheSessionDoesNotTakeIsDroppedAndDoesNotComeLater() {
        Flow flow = open();
        pump();
        for (int i = 0; i < 2000; i++) { // nothing is moved: the window is full after 256 KiB
            send(flow, 998);
            near.runPendingTasks();
        }
        assertThat(memory.taken()).isEqualTo(232 * 1128L);
        clock.advance(51, TimeUnit.MILLISECONDS);
        pump();
        send(flow, 7);
        pump();

        assertThat(target.got.size()).isBetween(263, 264);
        assertThat(target.got).endsWith(7);
        assertThat(here.datagrams().lost(Loss.QUEUE_FULL)).isGreaterThan(1400);
        assertThat(here.datagrams().lost(Loss.LATE)).isEqualTo(232);
    }

    @Test
    void aSocketThatTakesNoMoreLosesDatagramsAndHoldsNobodyUp() {
        Flow flow = open();
        target.full = true;
        for (int i = 0; i < 100; i++) {
            send(flow, 60_000);
            pump();
        }
        target.full = false;
        send(flow, 7);
        pump();

        assertThat(target.got).containsExactly(7);
        assertThat(there.datagrams().lost(Loss.SOCKET)).isEqualTo(100);
    }

    @Test
    void aRefusalSaysThatItIsOne() {
        onStream = stream -> stream.reset(ErrorCode.FORBIDDEN, "not this one");
        send(open(), 10);
        pump();

        assertThat(local.refused).isTrue();
        assertThat(here.tallies())
                .singleElement()
                .satisfies(
                        tally -> assertThat(tally.cutOff(ErrorCode.FORBIDDEN)).isOne());
    }

    @Test
    void oneThatWasNotProcessedMayBeBegunAgainAtOnce() {
        onStream = stream -> stream.reset(ErrorCode.REFUSED, "draining");
        send(open(), 10);
        pump();

        assertThat(local.ended).isTrue();
        assertThat(local.refused).isFalse();
    }

    /** It is as bytes that an application does not read: the session has a bound for them. */
    @Test
    void aDatagramThatHasComeInPartCountsAsUnreadAndTakesNothingFromOtherFlows() {
        List<MuxStream> streams = new ArrayList<>();
        onStream = stream -> {
            stream.accept();
            stream.write(Unpooled.wrappedBuffer(new byte[] {-29, -1, 7}));
            streams.add(stream);
        };
        for (int i = 0; i < 100; i++) {
            open();
        }
        pump();
        assertThat(client.unconsumedBytes()).isEqualTo(100);
        assertThat(memory.taken()).isZero();

        streams.get(0).write(Unpooled.buffer().writeZero(65_506));
        pump();
        assertThat(local.got).containsExactly(65_507);
        assertThat(client.unconsumedBytes()).isEqualTo(99);

        streams.forEach(MuxStream::shutdownOutput);
        pump();
        assertThat(client.unconsumedBytes()).isZero();
    }

    @Test
    void aLengthThatCanNotBeEndsTheStreamAndNotTheSession() {
        onStream = stream -> {
            stream.accept();
            stream.write(Unpooled.wrappedBuffer(new byte[] {-1, -1, 0}));
        };
        open();
        pump();

        assertThat(local.ended).isTrue();
        assertThat(client.isUp()).isTrue();
        assertThat(here.tallies())
                .singleElement()
                .satisfies(tally ->
                        assertThat(tally.cutOff(ErrorCode.PROTOCOL_ERROR)).isOne());
    }

    @Test
    void aFinIsAnsweredWithAFin() {
        onStream = stream -> {
            accept(stream);
            stream.shutdownOutput();
        };
        open();
        pump();

        assertThat(local.ended).isTrue();
        assertThat(target.ended).isTrue();
        assertThat(client.streamCount()).isZero();
    }
}
