package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MuxSessionTest {
    @ParameterizedTest
    @EnumSource
    void bytesArriveInOrderAndEofAfterTheLast(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            Recorder request = pair.open("hello ");
            request.write("world");
            request.stream().shutdownOutput();
            pair.pump();

            Recorder answer = pair.server.recorders.get(0);
            assertThat(answer.text()).isEqualTo("hello world");
            assertThat(answer.events).hasToString("fin ");
        }
    }

    @ParameterizedTest
    @EnumSource
    void aHalfClosedStreamStillCarriesTheAnswer(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            Recorder request = pair.open("question");
            request.stream().shutdownOutput();
            pair.pump();
            Recorder answer = pair.server.recorders.get(0);
            answer.write("answer");
            answer.stream().shutdownOutput();
            pair.pump();
            pair.tick(Duration.ofMillis(250)); // for a peer of version 1, the end is held back

            assertThat(request.text()).isEqualTo("answer");
            assertThat(request.events).hasToString("fin ");
            assertThat(pair.client.session.streamCount()).isZero();
            assertThat(pair.server.session.streamCount()).isZero();
        }
    }

    @Test
    void theOpenRequestArrivesWithTheStream() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            OpenRequest request = new OpenRequest(
                    HostPort.parse("db.internal:5432"), HostPort.parse("[2001:db8::1]:40000"), "c-17", "postgres");
            pair.client.session.open(request, new Recorder());
            pair.pump();

            assertThat(pair.server.accepted.get(0).request()).isEqualTo(request);
        }
    }

    @Test
    void acceptIsToldToTheOpener() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            Recorder request = pair.open("");
            pair.pump();
            pair.server.accepted.get(0).accept();
            pair.pump();

            assertThat(request.events).hasToString("opened ");
        }
    }

    @Test
    void aStreamThatHasEndedIsNotAccepted() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.open("unread").stream().shutdownOutput();
            pair.server.attach = false;
            pair.pump();
            MuxStream stream = pair.server.accepted.get(0);
            stream.shutdownOutput();
            pair.pump();
            stream.accept();
            assertThat(pair.server.wire.pull())
                    .as("an OPENED, which nobody waits for")
                    .isFalse();

            pair.server.session.disconnected("lost");
            stream.accept();
            stream.reset(ErrorCode.CANCELLED, "");
        }
    }

    @Test
    void aResetReachesThePeerWithCodeAndDropsWhatWaits() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            Recorder request = pair.open("x");
            pair.pump();
            request.write("never sent");
            request.stream().reset(ErrorCode.CONNECTION_RESET, "the application reset it");
            assertThat(request.stream().isWritable())
                    .as("who writes while it is would never end")
                    .isFalse();
            pair.pump();

            assertThat(pair.server.recorders.get(0).events).hasToString("reset(connection reset) ");
            assertThat(pair.server.recorders.get(0).text()).isEqualTo("x");
            assertThat(pair.server.session.streamCount()).isZero();
        }
    }

    @Test
    void dataThatArrivesBeforeTheListenerIsKeptForIt() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.server.attach = false;
            Recorder request = pair.open("early");
            request.stream().shutdownOutput();
            pair.pump();
            try (Recorder late = new Recorder()) {
                pair.server.accepted.get(0).attach(late);

                assertThat(late.text()).isEqualTo("early");
                assertThat(late.events).hasToString("fin ");
            }
        }
    }

    @Test
    void framesOfTheUsualSizeAreNotCopiedOutOfAFullReadAndCrumbsAre() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.server.attach = false; // what comes is kept
            Recorder request = pair.open("");
            pair.pump();
            int frames = 8;
            ByteBuf read = ByteBufAllocator.DEFAULT.buffer(MuxConnection.MAX_READ, MuxConnection.MAX_READ);
            for (int i = 0; i < frames; i++) {
                int bytes = i == 0 ? 1 : MuxSettings.Flow.DEFAULT.frameSize();
                Frame.writeHeader(
                        read,
                        ProtocolVersion.CULVERT,
                        Frame.PSH,
                        bytes,
                        request.stream().id());
                read.writeZero(bytes);
            }
            pair.server.session.receive(read);

            assertThat(read.refCnt()).isEqualTo(frames - 1);
            try (Recorder late = new Recorder()) {
                pair.server.accepted.get(0).attach(late);

                assertThat(late.data.readableBytes())
                        .isEqualTo(1 + (frames - 1) * MuxSettings.Flow.DEFAULT.frameSize());
                assertThat(read.refCnt()).isZero();
            }
        }
    }

    @Test
    void aResetBeforeTheListenerIsToldToIt() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.server.attach = false;
            pair.open("early").stream().reset(ErrorCode.CANCELLED, "");
            pair.pump();
            try (Recorder late = new Recorder()) {
                pair.server.accepted.get(0).attach(late);

                assertThat(late.events).hasToString("reset(cancelled) ");
            }
        }
    }

    @Test
    void writingAfterShutdownIsAnErrorOfTheProgram() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            Recorder request = pair.open("x");
            request.stream().shutdownOutput();

            assertThatThrownBy(() -> request.write("y")).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void theListenerHearsWhenThereIsRoomAgain() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            Recorder request = pair.open("");
            request.write(MuxSettings.Flow.DEFAULT.sendQueue());
            assertThat(request.stream().isWritable()).isFalse();
            pair.pump();

            assertThat(request.stream().isWritable()).isTrue();
            assertThat(request.events).hasToString("writable ");
        }
    }

    @Test
    void aPeerThatGoesAwayTakesNoNewStreamsAndKeepsTheOpenOnes() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            Recorder old = pair.open("x");
            pair.pump();
            pair.server.session.goAway(ErrorCode.DRAINING, "maintenance");
            pair.pump();
            pair.server.recorders.get(0).write("still here");
            pair.pump();

            assertThat(pair.client.goAway).isEqualTo("draining: maintenance");
            assertThat(pair.client.session.isOpenable()).isFalse();
            assertThat(old.text()).isEqualTo("still here");
        }
    }

    @Test
    void aStreamThatCrossesTheGoAwayIsTaken() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.server.session.goAway(ErrorCode.DRAINING, "maintenance");
            Recorder crossed = pair.open("crosses the GOAWAY");
            pair.pump();
            pair.server.recorders.get(0).write("in time");
            pair.pump();

            assertThat(crossed.text()).isEqualTo("in time");
            assertThat(pair.server.drained).isZero();
            crossed.stream().shutdownOutput();
            pair.server.accepted.get(0).shutdownOutput();
            pair.pump();
            assertThat(pair.server.drained).isEqualTo(1);
        }
    }

    @Test
    void aSessionWithoutStreamsIsDrainedWhenThePeerKnowsAndASynAfterThatIsRefused() {
        try (RawPeer peer = new RawPeer(MuxSession.Role.SERVER, Pair.settings(ProtocolVersion.CULVERT))) {
            peer.pong(peer.clock.nanoTime()); // to the first PING
            peer.us.session.goAway(ErrorCode.DRAINING, "maintenance");
            assertThat(peer.read()).containsExactly("GOAWAY 0 draining: maintenance", "PING 0");
            assertThat(peer.us.drained).isZero();
            peer.pong(~peer.clock.nanoTime());
            assertThat(peer.us.drained).isEqualTo(1);

            peer.syn(3);
            assertThat(peer.us.refused).containsExactly("refused, not processed: this session takes no new streams");
        }
    }

    @Test
    void aPeerThatAnswersLateIsRefusedWhatItHasOpenedMeanwhile() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.server.session.goAway(ErrorCode.DRAINING, "maintenance");
            pair.clock.advance(999, TimeUnit.MILLISECONDS);
            pair.server.session.tick();
            assertThat(pair.server.session.nextTick()).isEqualTo(pair.clock.nanoTime() + 1_000_000);
            pair.clock.advance(1, TimeUnit.MILLISECONDS);
            pair.server.session.tick();
            assertThat(pair.server.drained).isZero();

            Recorder late = pair.open("late");
            pair.pump();
            assertThat(late.events).hasToString("reset(refused, not processed) ");
            assertThat(pair.server.drained).isEqualTo(1);
        }
    }

    /** Nobody opens streams to a client in a tunnel: it need not wait. */
    @Test
    void aClientWhosePeerHasOpenedNothingIsDrainedAtOnce() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.client.session.goAway(ErrorCode.DRAINING, "that was all");
            assertThat(pair.client.drained).isEqualTo(1);
        }
    }

    @ParameterizedTest
    @EnumSource
    void aLostConnectionResetsItsStreams(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            Recorder request = pair.open("x");
            pair.pump();
            pair.client.session.disconnected("cable pulled");

            assertThat(request.events).hasToString("reset(connection reset) ");
            assertThat(pair.client.closed).isEqualTo("connection reset: cable pulled");
        }
    }

    @Test
    void anOpenThatWasNotSentWhenTheSessionEndsIsRefusedAndNeverSent() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT));
                Recorder sent = pair.open("");
                Recorder unsent = open(pair)) {
            pair.client.session.close(ErrorCode.TIMEOUT, "end");

            assertThat(sent.events).hasToString("reset(timeout) ");
            assertThat(unsent.events).hasToString("reset(refused, not processed) ");
            pair.pump();
            assertThat(pair.server.accepted).hasSize(1);
        }
    }

    /** One whose SYN is still here, after those before have gone. */
    private static Recorder open(Pair pair) {
        pair.pump();
        return pair.open("");
    }

    @Test
    void closingTellsThePeerWhy() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.client.session.close(ErrorCode.CANCELLED, "no longer wanted");
            pair.pump();
            pair.server.session.disconnected("eof");

            assertThat(pair.client.wire.closed).isTrue();
            assertThat(pair.server.closed).isEqualTo("cancelled: no longer wanted");
        }
    }

    @ParameterizedTest
    @EnumSource
    void idsRunOutAndTheSessionTakesNoMoreStreams(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            pair.client.session.nextId(0xffff_ffffL);
            Recorder last = pair.open("last");
            pair.pump();

            assertThat(last.stream().id()).isEqualTo(-1);
            assertThat(pair.server.recorders.get(0).text()).isEqualTo("last");
            assertThat(pair.client.session.isOpenable()).isFalse();
            assertThatThrownBy(() -> pair.open("one more")).isInstanceOf(IllegalStateException.class);
        }
    }

    @Test
    void aSessionIsNearlyUsedUpWhenItHasLessThanAMillionIdsLeft() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            int few = 1 << 20;
            pair.client.session.nextId(0xffff_ffffL - 2L * (few - 1));
            assertThat(pair.client.session.idsLeft()).isEqualTo(few);
            assertThat(pair.client.session.isNearlyUsedUp()).isFalse();

            pair.open("one more");
            assertThat(pair.client.session.isNearlyUsedUp()).isTrue();
        }
    }

    @Test
    void aServerTellsEachVersionFromTheFirstByte() {
        MuxSettings all = MuxSettings.of(ProtocolVersion.SMUX_1, ProtocolVersion.SMUX_2, ProtocolVersion.CULVERT);
        for (ProtocolVersion version : ProtocolVersion.values()) {
            try (Pair pair = new Pair(Pair.settings(version), all)) {
                pair.open("hi");
                pair.pump();

                assertThat(pair.server.session.version()).isEqualTo(version);
                assertThat(pair.server.recorders.get(0).text()).isEqualTo("hi");
            }
        }
    }

    @Test
    void aPeerOfAnotherVersionIsNamedAndEndsItsSession() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.SMUX_2), Pair.settings(ProtocolVersion.CULVERT))) {
            assertThat(pair.server.closed).contains("0x2").contains("smux version 2");
            assertThat(pair.server.session.unexpectedVersion()).hasValue(2);
        }
    }

    @Test
    void bytesThatAreNoSmuxEndTheSession() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            pair.server.session.receive(Unpooled.copiedBuffer(
                    "GET / HTTP/1.1\r\n\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII)));

            assertThat(pair.server.closed).startsWith("protocol error: a frame begins with 0x47");
        }
    }

    @Test
    void aListenerThatThrowsAtTheEndKeepsNoOtherFromHearingOfIt() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            List<Recorder> others = new ArrayList<>();
            for (int i = 0; i < 10; i++) {
                pair.client.session.open(OpenRequest.EMPTY, new ThrowsAtReset());
                others.add(pair.open(""));
            }
            pair.pump();
            pair.client.session.close(ErrorCode.CANCELLED, "");

            assertThat(others).allSatisfy(other -> assertThat(other.events).hasToString("reset(cancelled) "));
            assertThat(pair.client.closed).isEqualTo("cancelled: ");
        }
    }

    private static final class ThrowsAtReset extends Dropping {
        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {
            throw new IllegalStateException("of this test");
        }
    }

    @Test
    void aSilentStrangerIsDroppedAtTheDeadline() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.CULVERT))) {
            Pair.Peer alone = new Pair.Peer(MuxSession.Role.SERVER, Pair.settings(ProtocolVersion.CULVERT), pair.clock);
            alone.session.attach(alone.wire);
            pair.clock.advance(10, java.util.concurrent.TimeUnit.SECONDS);
            alone.session.tick();

            assertThat(alone.closed).isEqualTo("timeout: the peer did not begin to speak within 10000 ms");
        }
    }

    @ParameterizedTest
    @EnumSource
    void keepaliveKeepsAnIdleSessionUp(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            for (int i = 0; i < 100; i++) {
                pair.tick(Duration.ofSeconds(5));
            }
            assertThat(pair.client.session.isUp()).isTrue();
            assertThat(pair.server.session.isUp()).isTrue();
        }
    }

    @ParameterizedTest
    @EnumSource
    void aDeadPeerIsNoticedWithinTheTimeout(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            Recorder request = pair.open("x");
            pair.pump();
            pair.server.recorders.get(0).write("heard at this moment");
            pair.pump();
            for (int i = 0; i < 15; i++) {
                assertThat(pair.client.session.isUp()).isTrue();
                pair.clock.advance(1, java.util.concurrent.TimeUnit.SECONDS);
                pair.client.session.tick();
            }
            assertThat(pair.client.closed).startsWith("timeout: nothing heard from the peer for 15000 ms");
            assertThat(request.events).hasToString("reset(timeout) ");
            pair.client.wire.pullAll().release();
        }
    }
}
