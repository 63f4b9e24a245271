package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import dev.culvert.mux.MuxSettings.Flow;
import dev.culvert.mux.StockReceiver.Reader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What stock smux leaves open, and what this implementation does about it; docs/protocol.md tells the story. */
class HazardsTest {
    private static final int MIB = 1 << 20;
    private static final int WINDOW = SendWindow.STOCK_INITIAL;
    private static final MuxSettings V1 = MuxSettings.of(ProtocolVersion.SMUX_1);
    private static final MuxSettings V2 = MuxSettings.of(ProtocolVersion.SMUX_2);
    /** As little memory as the stock library has for a whole session. */
    private static final Flow TIGHT = new Flow(WINDOW, 16 * MIB, 4 * MIB, 128 << 10, 32_760);

    /** Hazard 1, as a receiver. */
    @Nested
    class OurReadersThatDoNotRead {
        private static final int STALLED = 64;

        @ParameterizedTest
        @EnumSource(names = {"SMUX_2", "CULVERT"})
        void doNotPauseTheSession(ProtocolVersion version) {
            try (RawPeer peer = stalled(MuxSettings.of(version).with(TIGHT))) {
                assertThat(peer.us.wire.reading).isTrue();
            }
        }

        @ParameterizedTest
        @EnumSource(names = {"SMUX_2", "CULVERT"})
        void areKeptWhileTheBudgetLasts(ProtocolVersion version) {
            try (RawPeer peer = stalled(MuxSettings.of(version))) {
                assertThat(peer.us.session.unconsumedBytes()).isEqualTo((long) STALLED * WINDOW);
                assertThat(peer.us.session.streamCount()).isEqualTo(STALLED);
            }
        }

        @ParameterizedTest
        @EnumSource(names = {"SMUX_2", "CULVERT"})
        void areCutOffBeyondTheBudget(ProtocolVersion version) {
            try (RawPeer peer = stalled(MuxSettings.of(version).with(TIGHT))) {
                assertThat(peer.us.session.unconsumedBytes()).isBetween(1L, TIGHT.budget());
                assertThat(peer.us.recorders.get(0).events).hasToString("reset(limit reached) ");
            }
        }

        @ParameterizedTest
        @EnumSource(names = {"SMUX_2", "CULVERT"})
        void doNotStopTheOthers(ProtocolVersion version) {
            try (RawPeer peer = stalled(MuxSettings.of(version).with(TIGHT))) {
                int healthy = 1001;
                peer.syn(healthy);
                peer.psh(healthy, 200_000);

                assertThat(peer.us.recorders.get(STALLED).data.readableBytes()).isEqualTo(200_000);
                assertThat(peer.read()).anyMatch(frame -> frame.startsWith("UPD " + healthy + " "));
            }
        }

        /** A session with many streams, each of which has filled its first window and is not read. */
        private static RawPeer stalled(MuxSettings settings) {
            RawPeer peer = new RawPeer(Role.SERVER, settings);
            for (int i = 0; i < STALLED; i++) {
                int id = 3 + 2 * i;
                peer.syn(id);
                peer.us.recorders.get(i).consuming = false;
                peer.psh(id, WINDOW);
                assertThat(peer.us.session.unconsumedBytes())
                        .isLessThanOrEqualTo(settings.flow().budget());
            }
            return peer;
        }

        @Test
        void pauseAVersion1SessionOnlyWhenTheBudgetIsUsedUp() {
            try (RawPeer peer = new RawPeer(Role.SERVER, V1.with(TIGHT))) {
                peer.syn(3);
                peer.us.recorders.get(0).consuming = false;
                peer.psh(3, 4 * MIB);
                assertThat(peer.us.wire.reading).isTrue();
                peer.psh(3, 1);
                assertThat(peer.us.wire.reading).isFalse();
            }
        }

        @Test
        void letAVersion1SessionGoOnAtHalfTheBudget() {
            try (RawPeer peer = new RawPeer(Role.SERVER, V1.with(TIGHT))) {
                peer.syn(3);
                Recorder slow = peer.us.recorders.get(0);
                slow.consuming = false;
                peer.psh(3, 4 * MIB + 1);
                slow.stream().consumed(2 * MIB);
                assertThat(peer.us.wire.reading).isFalse();
                slow.stream().consumed(1);
                assertThat(peer.us.wire.reading).isTrue();
            }
        }
    }

    /** Hazard 1, as a sender. */
    @Nested
    class ReadersOfAStockPeer {
        private static final int NEVER = 0;
        private static final int ONCE = 1;
        private static final int ALWAYS = Integer.MAX_VALUE;

        @Test
        void whoNeverBeginLeaveRoomInItsBuffer() {
            try (StockReceiver peer = new StockReceiver()) {
                open(peer, 150, NEVER);

                assertThat(peer.mostUnread).isLessThan(StockReceiver.SESSION_BUFFER);
            }
        }

        @Test
        void whoReadOnceLeaveRoomInItsBuffer() {
            try (StockReceiver peer = new StockReceiver()) {
                open(peer, 64, ONCE);

                assertThat(peer.mostUnread).isLessThan(StockReceiver.SESSION_BUFFER);
            }
        }

        @Test
        void doNotStopTheOthers() {
            try (StockReceiver peer = new StockReceiver()) {
                open(peer, 100, NEVER);
                open(peer, 20, ONCE);
                Reader healthy = peer.open(ALWAYS, 10 * MIB);
                peer.pump();

                assertThat(healthy.received).isEqualTo(10 * MIB);
                assertThat(peer.mostUnread).isLessThan(StockReceiver.SESSION_BUFFER);
            }
        }

        @Test
        void getTheirDataWhenTheyBeginToRead() {
            try (StockReceiver peer = new StockReceiver()) {
                List<Reader> late = open(peer, 100, NEVER);
                for (Reader reader : late) {
                    reader.goOn(ALWAYS);
                    peer.pump();
                }

                assertThat(late).allMatch(reader -> reader.received == MIB);
            }
        }

        /** What was read without a UPD looks as if it lay in the peer's buffer, and here it is more than would fit. */
        @Test
        void doNotStarveForWhatOthersReadWithoutTelling() {
            try (StockReceiver peer = new StockReceiver()) {
                List<Recorder> writers = new ArrayList<>();
                List<Reader> idle = new ArrayList<>();
                for (int i = 0; i < 300; i++) {
                    Recorder writer = new Recorder();
                    writers.add(writer);
                    idle.add(peer.open(ALWAYS, writer, 1));
                    peer.pump();
                    writer.write(30_000);
                    peer.pump();
                }
                assertThat(peer.us.session.accounts().inFlight()).isGreaterThan(2L * StockReceiver.SESSION_BUFFER);
                Reader fresh = peer.open(ALWAYS, MIB);
                writers.forEach(writer -> writer.write(100_000));
                peer.pump();

                assertThat(fresh.received).isEqualTo(MIB);
                assertThat(idle).allMatch(reader -> reader.received == 130_001);
            }
        }

        @Test
        void doNotGetTheirDataInCrumbsWhenTheBufferIsTight() {
            try (RawPeer peer = new RawPeer(Role.CLIENT, V2.with(tinyBuffer(16)))) {
                peer.open(1000);
                assertThat(peer.read()).containsExactly("SYN 3", "PSH 3 [1]");
            }
        }

        /**
         * A stream may be kept waiting by the buffer although the last UPD opened its window; nobody will send another.
         */
        @Test
        void goOnWhenOthersHaveMadeRoom() {
            MuxSettings.StockPeer small = tinyBuffer(400_000); // of which 300,000 are to be filled
            try (RawPeer peer = new RawPeer(Role.CLIENT, V2.with(small))) {
                peer.open(1); // 3
                peer.open(1); // 5
                peer.read();
                peer.upd(3, 1, 200_000);
                peer.upd(5, 1, 150_000);
                Recorder first = peer.us.recorders.get(0);
                Recorder second = peer.us.recorders.get(1);
                second.write(200_000);
                assertThat(sum(peer.read())).isEqualTo(150_000); // its window
                first.write(200_000);
                int sent = sum(peer.read());
                assertThat(sent).isBetween(75_000, 150_000); // as much as it leaves for others
                peer.upd(5, 10_000, 250_000);
                assertThat(peer.read()).isEmpty();
                peer.upd(3, 1 + sent, 1);
                assertThat(peer.read().toString()).contains("PSH 5 ");
            }
        }

        @Test
        void areToldAtOnceWhatWeReadFirst() {
            try (RawPeer peer = new RawPeer(Role.SERVER, V2)) {
                peer.syn(3);
                peer.psh(3, 10);
                peer.psh(3, 10);

                assertThat(peer.read()).containsExactly("UPD 3 20/262144");
            }
        }

        private static List<Reader> open(StockReceiver peer, int readers, int reads) {
            List<Reader> opened = new ArrayList<>();
            for (int i = 0; i < readers; i++) {
                opened.add(peer.open(reads, MIB));
                peer.pump();
            }
            return opened;
        }

        private static MuxSettings.StockPeer tinyBuffer(int bytes) {
            MuxSettings.StockPeer stock = MuxSettings.StockPeer.DEFAULT;
            return new MuxSettings.StockPeer(bytes, true, stock.stallTimeout(), stock.greetingHold(), stock.finDelay());
        }
    }

    /** Hazard 2. */
    @Nested
    class TheFirstBytesOfAServer {
        @ParameterizedTest
        @EnumSource(names = {"SMUX_1", "SMUX_2"})
        void waitForTheFirstBytesOfAStockClient(ProtocolVersion version) {
            try (RawPeer peer = greeting(version)) {
                assertThat(peer.read()).isEmpty();
                peer.psh(3, 1);
                assertThat(peer.read()).contains("PSH 3 [3]");
            }
        }

        @ParameterizedTest
        @EnumSource(names = {"SMUX_1", "SMUX_2"})
        void waitForTheFinOfAStockClient(ProtocolVersion version) {
            try (RawPeer peer = greeting(version)) {
                peer.fin(3);
                assertThat(peer.read()).containsExactly("PSH 3 [3]");
            }
        }

        @ParameterizedTest
        @EnumSource(names = {"SMUX_1", "SMUX_2"})
        void waitNoLongerThanTheHold(ProtocolVersion version) {
            try (RawPeer peer = greeting(version)) {
                peer.pass(9);
                assertThat(peer.read()).isEmpty();
                peer.pass(1);
                assertThat(peer.read()).containsExactly("PSH 3 [3]");
            }
        }

        @Test
        void comeDueAtTheHold() {
            try (RawPeer peer = greeting(ProtocolVersion.SMUX_2)) {
                assertThat(peer.us.session.nextTick() - peer.us.session.now())
                        .isEqualTo(Duration.ofMillis(10).toNanos());
            }
        }

        @ParameterizedTest
        @EnumSource(names = {"SMUX_1", "SMUX_2"})
        void areHeldEvenWhereTheyAreOnlyAFin(ProtocolVersion version) {
            try (RawPeer peer = new RawPeer(Role.SERVER, MuxSettings.of(version))) {
                peer.syn(3);
                peer.us.accepted.get(0).reset(ErrorCode.CONNECTION_REFUSED, "");
                assertThat(peer.read()).isEmpty();
                peer.pass(10);
                assertThat(peer.read()).containsExactly("FIN 3");
            }
        }

        @Test
        void areHeldByAClientToo() {
            try (RawPeer peer = new RawPeer(Role.CLIENT, V2)) {
                peer.syn(2);
                peer.us.accepted.get(0).shutdownOutput();
                assertThat(peer.read()).isEmpty();
                peer.pass(9);
                assertThat(peer.read()).isEmpty();
                peer.pass(1);
                assertThat(peer.read()).containsExactly("FIN 2");
            }
        }

        @Test
        void goAtOnceToOneOfOurs() {
            try (RawPeer peer = greeting(ProtocolVersion.CULVERT)) {
                assertThat(peer.read()).containsExactly("PSH 3 [3]");
            }
        }

        private static RawPeer greeting(ProtocolVersion version) {
            RawPeer peer = new RawPeer(Role.SERVER, MuxSettings.of(version));
            peer.syn(3);
            Recorder server = peer.us.recorders.get(0);
            server.stream = peer.us.accepted.get(0);
            server.write("220");
            return peer;
        }
    }

    /** Hazard 3. */
    @Nested
    class APeerForWhichFinEndsBothDirections {
        @Test
        void isNotToldOurEndBeforeIts() {
            try (RawPeer peer = old()) {
                peer.us.recorders.get(0).stream().shutdownOutput();
                assertThat(peer.read()).containsExactly("SYN 3", "PSH 3 [5]");
                peer.psh(3, 100);
                peer.fin(3);

                assertThat(peer.us.recorders.get(0).data.readableBytes()).isEqualTo(100);
                assertThat(peer.read()).contains("FIN 3");
            }
        }

        @Test
        void isSentNothingAfterItsFin() {
            try (RawPeer peer = old()) {
                peer.fin(3);

                assertThat(peer.read()).containsExactly("SYN 3", "FIN 3");
            }
        }

        @Test
        void leavesNothingBehind() {
            try (RawPeer peer = old()) {
                peer.fin(3);
                peer.us.recorders.get(0).write("too late");
                peer.read();

                assertThat(peer.us.session.accounts()).isEqualTo(Accounts.NONE);
            }
        }

        @Test
        void doesNotStopTheSourceOfWhatItDoesNotTake() {
            try (RawPeer peer = old()) {
                Recorder writer = peer.us.recorders.get(0);
                writer.write(MIB);
                peer.fin(3);

                assertThat(writer.stream().isWritable()).isTrue();
                assertThat(writer.events).hasToString("writable fin ");
                assertThat(writer.stream().isUnwanted()).isTrue();
            }
        }

        private static RawPeer old() {
            MuxSettings.StockPeer stock = MuxSettings.StockPeer.DEFAULT;
            RawPeer peer = new RawPeer(
                    Role.CLIENT,
                    V2.with(new MuxSettings.StockPeer(
                            stock.receiveBuffer(),
                            false,
                            stock.stallTimeout(),
                            stock.greetingHold(),
                            stock.finDelay())));
            Recorder writer = peer.open(0);
            writer.write("hello");
            return peer;
        }
    }

    /** Hazard 4. */
    @Nested
    class AStreamThatIsResetTowardsAStockPeer {
        @Test
        void tellsItByFin() {
            try (RawPeer peer = reset(V2)) {
                assertThat(peer.read()).containsExactly("FIN 3");
            }
        }

        @Test
        void consumesAndDropsWhatTheWriterStillSends() {
            try (RawPeer peer = reset(V2)) {
                peer.read();
                peer.psh(3, WINDOW);

                assertThat(peer.read()).containsExactly("UPD 3 " + WINDOW + "/" + WINDOW);
                assertThat(peer.us.recorders.get(0).data.readableBytes()).isZero();
                assertThat(peer.us.session.unconsumedBytes()).isZero();
            }
        }

        @Test
        void consumesWhatWasNotReadInTime() {
            try (RawPeer peer = new RawPeer(Role.SERVER, V2)) {
                peer.syn(3);
                peer.us.recorders.get(0).consuming = false;
                peer.psh(3, WINDOW);
                peer.us.accepted.get(0).reset(ErrorCode.CANCELLED, "");

                assertThat(peer.read()).containsExactly("FIN 3", "UPD 3 " + WINDOW + "/" + WINDOW);
            }
        }

        @ParameterizedTest
        @EnumSource(names = {"SMUX_1", "SMUX_2"})
        void isForgottenAtItsFin(ProtocolVersion version) {
            try (RawPeer peer = reset(MuxSettings.of(version))) {
                peer.psh(3, 1000);
                assertThat(peer.us.session.accounts().streams()).isEqualTo(1);
                peer.fin(3);
                assertThat(peer.us.session.accounts()).isEqualTo(Accounts.NONE);
            }
        }

        @ParameterizedTest
        @EnumSource(names = {"SMUX_1", "SMUX_2"})
        void isForgottenAfterALongSilence(ProtocolVersion version) {
            try (RawPeer peer = reset(MuxSettings.of(version))) {
                peer.pass(Duration.ofSeconds(59));
                assertThat(peer.us.session.accounts().streams()).isEqualTo(1);
                peer.pass(Duration.ofSeconds(10));
                assertThat(peer.us.session.accounts()).isEqualTo(Accounts.NONE);
            }
        }

        @Test
        void isNotForgottenWhileTheWriterGoesOn() {
            try (RawPeer peer = reset(V2)) {
                for (int i = 1; i <= 10; i++) {
                    peer.pass(Duration.ofSeconds(20));
                    peer.psh(3, WINDOW / 2);
                    assertThat(peer.read()).contains("UPD 3 " + i * (WINDOW / 2) + "/" + WINDOW);
                }
            }
        }

        @Test
        void isNotForgottenAtOnceWhenItWasIdleBefore() {
            try (RawPeer peer = new RawPeer(Role.SERVER, V2)) {
                peer.syn(3);
                peer.pass(Duration.ofMinutes(10));
                peer.us.accepted.get(0).reset(ErrorCode.CANCELLED, "");
                peer.pass(Duration.ofSeconds(10));

                assertThat(peer.us.session.accounts().streams()).isEqualTo(1);
            }
        }

        @Test
        void isNoOpenStream() {
            try (RawPeer peer = reset(V2)) {
                assertThat(peer.us.session.streamCount()).isZero();
            }
        }

        @Test
        void isNotShownToTheApplication() {
            try (RawPeer peer = reset(V2)) {
                List<MuxStream> seen = new ArrayList<>();
                peer.us.session.forEachStream(seen::add);
                assertThat(seen).isEmpty();
            }
        }

        private static RawPeer reset(MuxSettings settings) {
            RawPeer peer = new RawPeer(Role.SERVER, settings);
            peer.syn(3);
            peer.pass(10); // the greeting is no longer held
            peer.us.accepted.get(0).reset(ErrorCode.CANCELLED, "");
            return peer;
        }
    }

    /** Hazard 4, the other way round: the peer has closed a stream and does not say that it takes nothing more. */
    @Nested
    class AStreamThatAStockPeerHasEnded {
        @Test
        void isResetWhenItTakesNothingForLong() {
            try (RawPeer peer = ended()) {
                peer.us.recorders.get(0).write(MIB);
                peer.read();
                peer.pass(Duration.ofSeconds(59));
                assertThat(peer.us.recorders.get(0).events).hasToString("fin ");
                peer.pass(Duration.ofSeconds(10));

                assertThat(peer.us.recorders.get(0).events).hasToString("fin reset(timeout) ");
                assertThat(peer.read()).contains("FIN 3");
                assertThat(peer.us.session.accounts()).isEqualTo(Accounts.NONE);
            }
        }

        @Test
        void isNotResetWhileItTakesSomething() {
            try (RawPeer peer = ended()) {
                Recorder writer = peer.us.recorders.get(0);
                writer.write(MIB);
                for (int i = 1; i <= 10; i++) {
                    peer.read();
                    peer.pass(Duration.ofSeconds(20));
                    peer.upd(3, i * 50_000, WINDOW);
                }
                assertThat(writer.events).hasToString("fin ");
            }
        }

        @Test
        void isNotResetWhenItsAnswerTookLong() {
            try (RawPeer peer = ended()) {
                peer.pass(Duration.ofMinutes(10));
                Recorder writer = peer.us.recorders.get(0);
                writer.write("the answer");
                peer.pass(Duration.ofSeconds(10));

                assertThat(writer.events).hasToString("fin ");
                assertThat(peer.read()).contains("PSH 3 [10]");
            }
        }

        @Test
        void mayStillHaveDataUnderWay() {
            try (RawPeer peer = ended()) {
                peer.psh(3, 100); // its Write raced its Close

                assertThat(peer.us.session.isUp()).isTrue();
                assertThat(peer.us.recorders.get(0).data.readableBytes()).isZero();
                assertThat(peer.us.session.unconsumedBytes()).isZero();
            }
        }

        private static RawPeer ended() {
            RawPeer peer = new RawPeer(Role.SERVER, V2);
            peer.syn(3);
            peer.fin(3);
            return peer;
        }
    }

    /** A stock client is silent until it opens a stream or its first keepalive is due, after 10 s. */
    @Test
    void aStockClientMayBeSilentAtFirst() {
        try (RawPeer peer = new RawPeer(Role.SERVER, V2, false)) {
            peer.pass(10_500);
            assertThat(peer.us.session.isClosed()).isFalse();
            peer.pass(5_000);
            assertThat(peer.us.closed).isEqualTo("timeout: the peer did not begin to speak within 15000 ms");
        }
    }

    /** Payload bytes of the PSH frames among these. */
    private static int sum(List<String> frames) {
        return frames.stream()
                .filter(frame -> frame.startsWith("PSH "))
                .mapToInt(frame -> Integer.parseInt(frame.substring(frame.indexOf('[') + 1, frame.indexOf(']'))))
                .sum();
    }
}
