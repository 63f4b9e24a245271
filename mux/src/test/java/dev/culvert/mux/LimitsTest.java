package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import dev.culvert.mux.MuxSettings.Flow;
import dev.culvert.mux.MuxSettings.Limits;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What a peer may ask for, and what happens to one that asks for more: that, and nothing else. */
class LimitsTest {
    private static final MuxSettings CULVERT = MuxSettings.of(ProtocolVersion.CULVERT);
    private static final MuxSettings V2 = MuxSettings.of(ProtocolVersion.SMUX_2);
    private static final int WINDOW = SendWindow.STOCK_INITIAL;

    @Test
    void aStreamTooManyIsRefusedWithTheReason() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(2, 100, 100)))) {
            peer.syn(3);
            peer.syn(5);
            peer.syn(7);

            assertThat(peer.read()).containsExactly("RST 7 limit reached: more than 2 streams in a session");
            assertThat(peer.us.session.streamCount()).isEqualTo(2);
        }
    }

    @Test
    void aStreamTooManyIsEndedByFinWhereThereIsNoRst() {
        try (RawPeer peer = new RawPeer(Role.SERVER, V2.with(new Limits(1, 100, 100)))) {
            peer.syn(3);
            peer.syn(5);

            assertThat(peer.read()).as("it may not know that stream itself yet").isEmpty();
            peer.pass(9);
            assertThat(peer.read()).isEmpty();
            peer.pass(1);
            assertThat(peer.read()).containsExactly("FIN 5");
        }
    }

    @Test
    void noMoreFinsOfStreamsTooManyWaitThanRepliesMay() {
        try (RawPeer peer = new RawPeer(Role.SERVER, V2.with(new Limits(1, 100, 2)))) {
            for (int id = 3; id <= 11; id += 2) {
                peer.syn(id);
            }

            assertThat(peer.read()).containsExactly("FIN 9", "FIN 11");
            peer.pass(10);
            assertThat(peer.read()).containsExactly("FIN 5", "FIN 7");
        }
    }

    @Test
    void anEndedStreamMakesRoomForAnother() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(1, 100, 100)))) {
            peer.syn(3);
            peer.rst(3, ErrorCode.CANCELLED, "");
            peer.syn(5);

            assertThat(peer.read()).isEmpty();
            assertThat(peer.us.session.streamCount()).isEqualTo(1);
        }
    }

    /** Where nothing else bounds what a stream piles up. */
    @Test
    void aStreamOfVersion1MayHoldMoreThan2GiB() {
        Flow flow = new Flow(WINDOW, WINDOW, 4L << 30, WINDOW, 1_000);
        try (RawPeer peer =
                new RawPeer(Role.SERVER, MuxSettings.of(ProtocolVersion.SMUX_1).with(flow))) {
            peer.us.attach = false;
            peer.syn(3);
            MuxStream stream = peer.us.accepted.get(0);
            stream.attach(new Dropping());
            ByteBuf frame = ByteBufAllocator.DEFAULT.buffer();
            Frame.writeHeader(frame, ProtocolVersion.SMUX_1, Frame.PSH, 1 << 15, 3);
            frame.writeZero(1 << 15);
            for (int i = 0; i <= 1 << 16; i++) {
                peer.send(frame.retainedDuplicate());
            }
            frame.release();
            long sent = (1L << 31) + (1 << 15);
            assertThat(stream.unconsumedBytes()).isEqualTo(sent);
            stream.consumed(1 << 15);
            assertThat(peer.us.session.unconsumedBytes()).isEqualTo(1L << 31);
            stream.reset(ErrorCode.CANCELLED, "");
            assertThat(peer.us.session.unconsumedBytes()).isZero();
        }
    }

    @Test
    void weOpenNoMoreStreamsThanThePeerTakes() {
        try (Pair pair = new Pair(CULVERT, CULVERT.with(new Limits(2, 100, 100)))) {
            pair.open("1");
            assertThat(pair.client.session.isOpenable()).isTrue();
            pair.open("2");
            assertThat(pair.client.session.isOpenable()).isFalse();
        }
    }

    @Test
    void weAreToldWhenThePeerTakesStreamsAgain() {
        try (Pair pair = new Pair(CULVERT, CULVERT.with(new Limits(2, 100, 100)))) {
            pair.open("1");
            Recorder second = pair.open("2");
            assertThat(pair.client.openable).isZero();

            second.stream().reset(ErrorCode.CANCELLED, "");
            assertThat(pair.client.openable).isEqualTo(1);
            assertThat(pair.client.session.isOpenable()).isTrue();
        }
    }

    @Test
    void moreOpensThanASecondAllowsAreRefused() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(100, 2, 100)))) {
            peer.syn(3);
            peer.syn(5);
            peer.syn(7);

            assertThat(peer.read()).containsExactly("RST 7 limit reached: more than 2 streams opened in a second");
            assertThat(peer.us.refused).containsExactly("limit reached: more than 2 streams opened in a second");
        }
    }

    @Test
    void timeBringsNewOpens() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(100, 2, 100)))) {
            peer.syn(3);
            peer.syn(5);
            peer.pass(500);
            peer.syn(7);

            assertThat(peer.read()).isEmpty();
        }
    }

    @Test
    void aPeerThatPingsAndDoesNotReadIsCutOff() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(100, 100, 10)))) {
            for (int i = 0; i < 11; i++) {
                assertThat(peer.us.closed).isEmpty();
                peer.ping(i);
            }
            assertThat(peer.us.closed).isEqualTo("limit reached: 11 replies wait: the peer asks, but does not read");
            assertThat(peer.read())
                    .contains("CLOSE 0 limit reached: 11 replies wait: the peer asks, but does not read");
        }
    }

    @Test
    void aPeerThatReadsMayPingForEver() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(100, 100, 10)))) {
            for (int i = 0; i < 100; i++) {
                peer.ping(i);
                assertThat(peer.read()).containsExactly("PONG 0");
            }
        }
    }

    @ParameterizedTest
    @EnumSource
    void aPeerThatOpensAndDoesNotReadTheRefusalsIsCutOff(ProtocolVersion version) {
        int held = version == ProtocolVersion.CULVERT ? 0 : 10; // and not answered yet
        try (RawPeer peer = new RawPeer(Role.SERVER, MuxSettings.of(version).with(new Limits(0, 100, 10)))) {
            for (int i = 0; i < held + 11; i++) {
                assertThat(peer.us.closed).isEmpty();
                peer.syn(3 + 2 * i);
            }
            assertThat(peer.us.closed).startsWith("limit reached: 11 replies wait");
        }
    }

    /** Each stream is let in, reset by the application, and leaves a RST that the peer does not read. */
    @Test
    void aPeerThatLeavesOurResetsUnreadIsCutOff() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(10, 1000, 10)))) {
            for (int i = 0; i < 100; i++) {
                int before = peer.us.accepted.size();
                peer.syn(3 + 2 * i);
                if (peer.us.accepted.size() > before) {
                    peer.us.accepted.get(before).reset(ErrorCode.FORBIDDEN, "");
                }
            }
            assertThat(peer.us.closed).startsWith("limit reached: 11 replies wait");
            assertThat(peer.read().size()).isLessThan(40);
        }
    }

    /** It has many sessions for it, none of which has more frames than it may. */
    @Test
    void aPeerThatLeavesOurResetsUnreadHasNoMoreMemoryForThemThanItsShare() {
        SharedBudget memory = new SharedBudget(1 << 20);
        MuxSettings settings = CULVERT.with(new Limits(20_000, 1_000_000, 4_000));
        try (RawPeer modest = new RawPeer(Role.SERVER, settings, memory);
                RawPeer greedy = new RawPeer(Role.SERVER, settings, memory)) {
            modest.syn(3);
            for (int id = 3; id < 40_000 && greedy.us.closed.isEmpty(); id += 2) {
                greedy.syn(id);
                List<MuxStream> accepted = greedy.us.accepted;
                accepted.get(accepted.size() - 1).reset(ErrorCode.FORBIDDEN, "");
            }
            assertThat(greedy.us.closed).startsWith("limit reached: frames wait that the peer does not read");
            assertThat(memory.held()).isZero();

            modest.syn(5);
            assertThat(modest.us.closed).isEmpty();
            assertThat(modest.us.session.streamCount()).isEqualTo(2);
        }
    }

    @Test
    void aPeerThatDoesNotReadIsNotKeptStreamsForThatHaveEnded() {
        int most = 100;
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(most, 1_000_000, most)))) {
            for (int id = 3; id < 20_000; id += 2) {
                peer.syn(id);
                peer.psh(id, WINDOW / 4); // it owes a UPD now
                peer.rst(id, ErrorCode.CANCELLED, "");
            }
            assertThat(peer.us.recorders).hasSizeLessThanOrEqualTo(2 * most + 2);
            peer.read();
        }
    }

    /** They stand in line for a turn that does not come. */
    @Test
    void aPeerThatDoesNotReadIsNotKeptStreamsForThatHaveEndedWithoutAWord() {
        int most = 100;
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Limits(most, 1_000_000, most)))) {
            for (int id = 3; id < 20_000 && peer.us.closed.isEmpty(); id += 2) {
                int before = peer.us.accepted.size();
                peer.syn(id);
                if (peer.us.accepted.size() > before) {
                    peer.us.accepted.get(before).write(RawPeer.zeros(1));
                }
                peer.rst(id, ErrorCode.CANCELLED, "");
            }
            assertThat(peer.us.recorders).hasSizeLessThanOrEqualTo(2 * most + 2);
            peer.read();
        }
    }

    @Test
    void aPeerThatSendsButDoesNotReadIsAskedOnce() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.pass(Duration.ofHours(1));
            assertThat(peer.read()).containsExactly("PING 0");
        }
    }

    @Test
    void aStreamThatHasNothingToSendWaitsForNoTurn() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            peer.us.wire.wakes = 0;
            peer.fin(3);
            assertThat(peer.us.wire.wakes).isZero();
        }
    }

    @Test
    void aStreamOwesItsPeerOneUpdateAtMost() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            peer.psh(3, WINDOW);

            assertThat(peer.read()).containsExactly("UPD 3 " + WINDOW + "/" + WINDOW);
        }
    }

    @Test
    void aStreamThatOverrunsItsWindowIsReset() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            peer.us.recorders.get(0).consuming = false;
            peer.psh(3, WINDOW);
            assertThat(peer.us.recorders.get(0).events).isEmpty();
            peer.psh(3, 1);

            assertThat(peer.us.recorders.get(0).events).hasToString("reset(flow control violated) ");
            assertThat(peer.read()).containsExactly("RST 3 flow control violated: the peer sent more than its window");
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"SMUX_2", "CULVERT"})
    void aStreamThatOverrunsItsWindowTakesNoOtherWithIt(ProtocolVersion version) {
        try (RawPeer peer = new RawPeer(Role.SERVER, MuxSettings.of(version))) {
            peer.syn(3);
            peer.us.recorders.get(0).consuming = false;
            peer.syn(5);
            peer.psh(3, WINDOW + 1);
            peer.psh(3, WINDOW);
            peer.psh(5, 100);

            assertThat(peer.us.session.isUp()).isTrue();
            assertThat(peer.us.recorders.get(1).data.readableBytes()).isEqualTo(100);
            assertThat(peer.us.session.unconsumedBytes()).isZero();
        }
    }

    @Test
    void aSessionBeyondItsBudgetCutsOffTheSlowestReaderAndNoOther() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Flow(WINDOW, WINDOW, WINDOW, 1000, 1000)))) {
            for (int id = 3; id <= 7; id += 2) {
                peer.syn(id);
            }
            peer.us.recorders.forEach(recorder -> recorder.consuming = false);
            peer.psh(3, 100_000);
            peer.psh(5, 120_000);
            peer.psh(7, 50_000);

            assertThat(peer.us.recorders)
                    .extracting(recorder -> recorder.events.toString())
                    .containsExactly("", "reset(limit reached) ", "");
            assertThat(peer.us.session.unconsumedBytes()).isEqualTo(150_000);
            assertThat(peer.read().toString()).startsWith("[RST 5 limit reached: the session holds ");
        }
    }

    @Test
    void whatWaitsToBeSentIsNotEndedForWhatOthersDoNotRead() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Flow(WINDOW, WINDOW, WINDOW, 1000, 1000)))) {
            for (int id = 3; id <= 7; id += 2) {
                peer.syn(id);
            }
            peer.us.recorders.forEach(recorder -> recorder.consuming = false);
            peer.us.accepted.get(0).write(RawPeer.zeros(200_000));
            peer.psh(5, 130_000);
            peer.psh(7, 140_000);

            assertThat(peer.us.recorders)
                    .extracting(recorder -> recorder.events.toString())
                    .containsExactly("", "", "reset(limit reached) ");
            assertThat(peer.us.session.unconsumedBytes()).isEqualTo(130_000);
        }
    }

    /** All streams have to be looked at for that: a peer with many small ones could have it done for each frame. */
    @Test
    void aSessionBeyondItsBudgetLooksForTheLargestStreamsOnceForASixteenthOfIt() {
        int streams = 256;
        Flow flow = new Flow(WINDOW, WINDOW, streams * 4096L, 1000, 1000);
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(flow))) {
            peer.us.attach = false;
            int id = 3;
            for (int i = 0; i < streams + 1; i++, id += 2) {
                peer.syn(id);
                peer.psh(id, 4096);
            }
            int left = peer.us.session.streamCount();
            assertThat(left).isEqualTo(streams / 16 * 15);

            for (int i = 0; i < streams / 16; i++, id += 2) {
                peer.syn(id);
                peer.psh(id, 4096);
            }
            assertThat(peer.us.session.streamCount()).isEqualTo(streams);
        }
    }

    @Test
    void aStreamThatHasEndedIsCutOffWhereItsSlowReaderHoldsTheMost() {
        Flow flow = new Flow(WINDOW, 4 * WINDOW, 1 << 20, 128 << 10, 32_760);
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(flow))) {
            for (int id = 3; id <= 9; id += 2) {
                peer.syn(id);
                Recorder recorder = peer.us.recorders.get(id / 2 - 1);
                recorder.consuming = false;
                peer.psh(id, WINDOW - id);
                peer.fin(id);
                recorder.stream().shutdownOutput();
            }
            peer.read();
            peer.syn(11);
            peer.us.recorders.get(4).consuming = false;
            peer.psh(11, 1_000);

            assertThat(peer.us.recorders.get(0).events).hasToString("fin reset(limit reached) ");
            assertThat(peer.us.recorders.get(1).events).hasToString("fin ");
            assertThat(peer.us.recorders.get(4).events).isEmpty();
            peer.us.recorders.subList(1, 5).forEach(Recorder::consume);
            assertThat(peer.us.session.unconsumedBytes()).isZero();
        }
    }

    @Test
    void whatComesByteByByteCountsForTheMemoryThatItTakes() {
        Flow flow = new Flow(WINDOW, 4 * WINDOW, 1 << 20, 128 << 10, 32_760);
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(flow))) {
            peer.syn(3);
            Recorder slow = peer.us.recorders.get(0);
            slow.consuming = false;
            int slices = 0;
            while (slow.events.isEmpty() && slices < WINDOW) {
                peer.psh(3, 1);
                slices++;
            }
            assertThat(slices).isBetween(4_096, 4_200);
            assertThat(slow.events).hasToString("reset(limit reached) ");
            assertThat(peer.us.session.unconsumedBytes()).isZero();
        }
    }

    @Test
    void whatHasComeByteByByteIsGivenBackAsItIsConsumed() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            Recorder recorder = peer.us.recorders.get(0);
            recorder.consuming = false;
            for (int i = 0; i < 1_000; i++) {
                peer.psh(3, 1);
            }
            assertThat(peer.us.session.unconsumedBytes()).isBetween(250_000L, 256_000L);
            recorder.stream().consumed(500);
            assertThat(peer.us.session.unconsumedBytes()).isBetween(125_000L, 128_000L);
            recorder.stream().consumed(500);
            assertThat(peer.us.session.unconsumedBytes()).isZero();
        }
    }

    /** They are many times what counts: a peer with many streams could have all memory held by some bytes of each. */
    @Test
    void aBufferIsNotHeldForTheLittleThatIsLeftOfItToSend() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            peer.upd(3, 0, 100_000);
            MuxStream stream = peer.us.accepted.get(0);
            ByteBuf full = RawPeer.zeros(100_100);
            stream.write(full);
            assertThat(peer.read()).last().isEqualTo("PSH 3 [1720]");
            assertThat(full.refCnt()).isZero();

            stream.write(RawPeer.zeros(50));
            peer.upd(3, 100_000, 100_000);
            assertThat(peer.read()).as("there is room for what comes next").containsExactly("PSH 3 [150]");
        }
    }

    @Test
    void aBufferIsNotHeldForTheLittleThatIsInIt() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            ByteBuf data = ByteBufAllocator.DEFAULT.buffer(100_000).writeZero(50);
            peer.us.accepted.get(0).write(data);

            assertThat(data.refCnt()).isZero();
            assertThat(peer.read()).containsExactly("PSH 3 [50]");
        }
    }

    @Test
    void aStreamThatIsNotAttachedCountsTowardsTheBudget() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(new Flow(WINDOW, WINDOW, WINDOW, 1000, 1000)))) {
            peer.us.attach = false;
            peer.syn(3);
            peer.syn(5);
            peer.psh(3, 200_000);
            peer.psh(5, 100_000);

            assertThat(peer.us.session.unconsumedBytes()).isEqualTo(100_000);
            assertThat(peer.us.session.streamCount()).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void streamsThatEndInGoodOrderLeaveNothing(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            for (int i = 0; i < 20; i++) {
                Recorder request = pair.open("");
                request.write(1_000_000);
                request.stream().shutdownOutput();
                pair.pump();
                Recorder answer = pair.server.recorders.get(i);
                answer.write(1_000_000);
                answer.stream().shutdownOutput();
                pair.pump();
            }
            pair.tick(Duration.ofSeconds(5)); // a FIN to a stock peer may have waited
            assertThat(pair.client.session.accounts()).isEqualTo(Accounts.NONE);
            assertThat(pair.server.session.accounts()).isEqualTo(Accounts.NONE);
        }
    }

    @ParameterizedTest
    @EnumSource
    void streamsThatAreResetLeaveNothing(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            for (int i = 0; i < 20; i++) {
                Recorder request = pair.open("");
                request.write(1_000_000);
                pair.pump();
                Recorder answer = pair.server.recorders.get(i);
                answer.write(1_000_000);
                (i % 2 == 0 ? request : answer).stream().reset(ErrorCode.CANCELLED, "");
                pair.pump();
                (i % 2 == 0 ? answer : request).stream().reset(ErrorCode.CANCELLED, "");
                pair.pump();
            }
            assertThat(pair.client.session.accounts()).isEqualTo(Accounts.NONE);
            assertThat(pair.server.session.accounts()).isEqualTo(Accounts.NONE);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aLostSessionLeavesNothing(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            for (int i = 0; i < 20; i++) {
                pair.server.attach = i % 3 > 0;
                pair.open("").write(1_000_000);
                pair.pump();
            }
            pair.server.recorders.forEach(recorder -> recorder.consuming = false);
            pair.server.accepted.forEach(stream -> stream.write(RawPeer.zeros(1_000_000)));
            pair.server.session.forEachStream(stream -> {
                if (stream.id() % 4 == 3) {
                    stream.reset(ErrorCode.CANCELLED, "");
                }
            });
            Pair.move(pair.server, pair.client);
            pair.client.session.disconnected("lost");
            pair.server.session.disconnected("lost");

            assertThat(pair.client.session.accounts()).isEqualTo(Accounts.NONE);
            assertThat(pair.server.session.accounts()).isEqualTo(Accounts.NONE);
        }
    }

    /** Both directions have ended, but the application takes its time; the window has left with the stream. */
    @Test
    void whatIsConsumedAfterTheEndOfAStreamIsNoLongerPromised() {
        try (Pair pair = new Pair(CULVERT)) {
            Recorder request = pair.open("");
            request.stream().shutdownOutput();
            pair.pump();
            Recorder server = pair.server.recorders.get(0);
            request.consuming = false;
            server.write(200_000);
            server.stream().shutdownOutput();
            pair.pump();
            request.stream().consumed(1);
            pair.clock.advance(1, TimeUnit.MILLISECONDS);
            request.stream().consumed(199_999); // as fast as would earn a wider window

            assertThat(pair.client.session.accounts()).isEqualTo(Accounts.NONE);
        }
    }

    @Test
    void aHalfClosedStreamKeepsNoShareOfTheBudget() {
        try (Pair pair = new Pair(CULVERT)) {
            Recorder request = pair.open("");
            for (int i = 0; i < 50; i++) {
                request.write(250_000);
                pair.tick(Duration.ofMillis(1));
            }
            assertThat(pair.server.session.accounts().promised()).isPositive();
            request.stream().shutdownOutput();
            pair.pump();

            assertThat(pair.server.session.accounts().promised()).isZero();
            assertThat(pair.server.session.streamCount()).isEqualTo(1);
        }
    }

    @Test
    void aGoAwayIsToldOnceHoweverOftenItComes() {
        try (RawPeer peer = new RawPeer(Role.CLIENT, CULVERT)) {
            peer.goAway(ErrorCode.DRAINING, "maintenance");
            peer.goAway(ErrorCode.TIMEOUT, "too slow");
            assertThat(peer.us.goAway).isEqualTo("draining: maintenance");
            peer.us.session.disconnected("eof");
            assertThat(peer.us.closed).isEqualTo("timeout: too slow");
        }
    }

    @Test
    void theLargestNumberOfStreamsIsNoLimit() {
        Limits most = new Limits(Integer.MAX_VALUE, Integer.MAX_VALUE, Integer.MAX_VALUE);
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT.with(most))) {
            peer.syn(3);
            assertThat(peer.us.accepted).hasSize(1);
        }
    }

    @Test
    void whatAPeerWritesIntoOurLogsHoldsNoControlCharacters() {
        try (RawPeer peer = new RawPeer(Role.CLIENT, CULVERT)) {
            byte[] text = "a\nb\u001b[2Jc\u009bd\u007f".getBytes(StandardCharsets.UTF_8);
            ByteBuf frame = ByteBufAllocator.DEFAULT.buffer();
            Frame.writeHeader(frame, ProtocolVersion.CULVERT, Frame.GOAWAY, 4 + text.length, 0);
            peer.send(frame.writeIntLE(ErrorCode.DRAINING.code()).writeBytes(text));
            assertThat(peer.us.goAway).isEqualTo("draining: a?b?[2Jc?d?");
        }
    }

    @Test
    void whatWeWriteIntoAPeersLogsHoldsNoControlCharacters() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            byte[] said = farewell(peer, "two\nlines\u009b");
            assertThat(new String(said, StandardCharsets.UTF_8)).isEqualTo("two?lines?");
        }
    }

    @Test
    void aLongTextIsCutBetweenCharacters() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            byte[] said = farewell(peer, "x" + "\u20ac".repeat(1000)); // three bytes each
            assertThat(new String(said, StandardCharsets.UTF_8)).isEqualTo("x" + "\u20ac".repeat(Frame.MAX_TEXT / 3));
        }
    }

    /** The text of a RST, as it is on the wire. */
    private static byte[] farewell(RawPeer peer, String text) {
        peer.us.wire.pullAll().release();
        peer.us.accepted.get(0).reset(ErrorCode.INTERNAL, text);
        ByteBuf frame = peer.us.wire.pullAll();
        try {
            return ByteBufUtil.getBytes(
                    frame, frame.readerIndex() + Frame.HEADER + 4, frame.readableBytes() - Frame.HEADER - 4);
        } finally {
            frame.release();
        }
    }

    @Test
    void aLongTextIsCut() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            peer.us.accepted.get(0).reset(ErrorCode.INTERNAL, String.join("", Collections.nCopies(5000, "x")));
            assertThat(peer.read().get(0)).hasSize("RST 3 internal error: ".length() + Frame.MAX_TEXT);
        }
    }
}
