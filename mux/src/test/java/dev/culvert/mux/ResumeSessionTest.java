package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.util.ReferenceCountUtil;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a session promises to who may resume it, and what it takes from a peer that says so. */
class ResumeSessionTest {
    private static final int BUFFER = 64 << 10;
    private static final MuxSettings KEPT =
            MuxSettings.of(ProtocolVersion.CULVERT).with(new MuxSettings.Resume(Duration.ofSeconds(60), BUFFER));
    private static final Hello.Keeping KEEPING = new Hello.Keeping(60_000, BUFFER);
    private static final Token TOKEN = new Token(1, 0x1234_5678_9abc_def0L, 0x0fed_cba9_8765_4321L);

    /** A session under test that is kept by both sides, and up. */
    private static RawPeer kept(Role role) {
        return kept(role, KEPT);
    }

    private static RawPeer kept(Role role, MuxSettings settings) {
        RawPeer peer = new RawPeer(role, settings, false);
        peer.hello(KEEPING, role == Role.CLIENT ? TOKEN : null, null);
        peer.read();
        return peer;
    }

    /** A client that has lost the session of {@code peer}, and has just asked for it by another connection. */
    private static Pair.Peer askingFor(RawPeer peer) {
        peer.us.session.disconnected("cut");
        Pair.Peer fresh = new Pair.Peer(Role.CLIENT, KEPT, peer.clock);
        fresh.session.prefer(peer.us.session);
        fresh.session.attach(fresh.wire);
        fresh.wire.pullAll().release(); // its HELLO
        return fresh;
    }

    @Test
    void aClientThatHasAskedForAnotherSessionEndsWithoutAWord() {
        try (RawPeer peer = kept(Role.CLIENT)) {
            Pair.Peer fresh = askingFor(peer);

            fresh.session.close(ErrorCode.TIMEOUT, "no answer");
            assertThat(fresh.wire.pull())
                    .as("a CLOSE, which may end the other session")
                    .isFalse();
            fresh.session.disconnected("end of test");
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    /** For the server the connection may be in the middle of one of the other session's frames. */
    @Test
    void noWordIsSaidAboutASessionThatHasEndedWhileItWasAskedFor() {
        try (RawPeer peer = kept(Role.CLIENT)) {
            Pair.Peer fresh = askingFor(peer);

            peer.us.session.close(ErrorCode.CANCELLED, "enough");
            fresh.session.receive(peer.helloFrame(KEEPING, TOKEN, new Hello.Resume(TOKEN, 0)));
            assertThat(fresh.closed)
                    .isEqualTo("cancelled: the session that was asked for has another connection, or has ended");
            assertThat(fresh.wire.pull()).isFalse();
            fresh.session.disconnected("end of test");
        }
    }

    /** The server carries it by this connection from now on. */
    @Test
    void noWordIsSaidWhereTheSessionThatWasAskedForIsNotWantedAnyMore() {
        try (RawPeer peer = kept(Role.CLIENT)) {
            Pair.Peer fresh = askingFor(peer);

            fresh.session.receive(peer.helloFrame(KEEPING, TOKEN, new Hello.Resume(TOKEN, 0)));
            assertThat(fresh.closed).isEqualTo("cancelled: the session that was asked for is not wanted any more");
            assertThat(fresh.wire.pull()).isFalse();
            fresh.session.disconnected("end of test");
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void whatThePeerKeepsWhereItsMemoryIsShortIsAcknowledgedBeforeThatIsFull() {
        try (RawPeer peer = kept(Role.SERVER)) {
            peer.syn(3);
            peer.psh(3, BUFFER / 16);
            assertThat(peer.read()).anyMatch(frame -> frame.startsWith("ACK"));
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    /** What it was made to say is kept for its next link, too, and nobody may come for it. */
    @Test
    void aSessionWithoutALinkGivesBackWhatItsFramesHold() {
        SharedBudget shared = new SharedBudget(512 << 10);
        MuxSettings settings = KEPT.with(new MuxSettings.Limits(10_000, 1_000_000, 10_000));
        try (RawPeer other = new RawPeer(Role.SERVER, settings, false, shared);
                RawPeer peer = new RawPeer(Role.SERVER, settings, false, shared)) {
            other.hello(KEEPING, null, null);
            peer.hello(KEEPING, null, null);
            peer.read();
            for (int id = 3; id < 2_400; id += 2) { // 300 KiB: more than its half
                peer.syn(id);
                peer.us.accepted.get(peer.us.accepted.size() - 1).reset(ErrorCode.FORBIDDEN, "");
            }
            peer.us.session.disconnected("cut");
            peer.us.session.tick();
            assertThat(peer.us.closed).isEmpty();

            shared.add(256 << 10); // somebody else needs it
            peer.us.session.tick();
            assertThat(peer.us.closed)
                    .isEqualTo("limit reached: the link is lost, and others need the memory of what waits for it");
            shared.add(-(256 << 10));
            assertThat(shared.held()).isZero();
            other.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void aSessionThatEndsWhileMuchIsSentAgainLeavesNothingInTheSharedMemory() {
        SharedBudget shared = new SharedBudget(1 << 30);
        MuxSettings settings = KEPT.with(new MuxSettings.Resume(Duration.ofSeconds(60), 1 << 20));
        try (RawPeer peer = new RawPeer(Role.SERVER, settings, false, shared)) {
            peer.hello(KEEPING, null, null);
            peer.read();
            peer.open(200_000);
            peer.read();
            peer.us.session.disconnected("cut");
            TestWire wire = resume(peer, peer.us.session.sentBytes() - 150_000);

            peer.us.session.close(ErrorCode.CANCELLED, "while it comes again");
            wire.pullAll().release();
            peer.us.session.disconnected("end of test");
            assertThat(shared.held()).isZero();
        }
    }

    @Test
    void whatWaitsForAnAckGoesWhenTheMemoryForItIsGivenUp() {
        SharedBudget shared = new SharedBudget(4 << 20);
        try (RawPeer peer = new RawPeer(Role.SERVER, KEPT, false, shared)) {
            peer.hello(KEEPING, null, null);
            peer.read();
            Recorder recorder = peer.open(200_000);
            peer.read();
            assertThat(recorder.stream().queuedBytes()).isPositive();
            peer.syn(3);
            peer.us.wire.wakes = 0;

            shared.limit(150_000);
            peer.psh(3, 1);
            assertThat(peer.us.session.accounts().kept()).isZero();
            assertThat(peer.us.wire.wakes).isPositive();
            peer.read();
            assertThat(recorder.stream().queuedBytes()).isZero();
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void whatWaitsSinceMemoryWasShortGoesWithTheNextAckAlsoIfItIsNotAnyMore() {
        SharedBudget shared = new SharedBudget(1 << 20);
        try (RawPeer peer = new RawPeer(Role.SERVER, KEPT, false, shared)) {
            peer.hello(KEEPING, null, null);
            peer.read();
            shared.add(600_000);
            Recorder recorder = peer.open(40_000);
            peer.read();
            assertThat(recorder.stream().queuedBytes()).isPositive();

            shared.add(-600_000);
            peer.us.wire.wakes = 0;
            peer.ack(peer.us.session.sentBytes());
            assertThat(peer.us.wire.wakes).isPositive();
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void theRoundTripOfANewLinkIsAskedForAtOnceAndOnlyOnceBeforeAnAnswer() {
        try (RawPeer peer = kept(Role.SERVER)) {
            peer.pass(3);
            peer.pong(peer.clock.nanoTime() - 3_000_000);
            assertThat(peer.us.session.roundTripNanos()).isEqualTo(3_000_000);

            peer.us.session.disconnected("cut");
            TestWire last = resume(peer, peer.us.session.sentBytes());
            assertThat(peer.us.session.roundTripNanos()).isZero();
            for (int i = 0; i < 100; i++) {
                last = resume(peer, peer.us.session.sentBytes());
            }
            assertThat(peer.read()).containsOnlyOnce("PING 0");
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
            last.pullAll().release();
        }
    }

    @Test
    void aLinkThatBreaksUnderAnswersIsNoPeerThatDoesNotRead() {
        try (RawPeer peer = kept(Role.SERVER, KEPT.with(new MuxSettings.Limits(100, 100, 10)))) {
            peer.us.wire.onSend = () -> peer.us.session.disconnected("broken pipe");
            for (int i = 0; i <= 10; i++) {
                peer.ping(i);
            }
            assertThat(peer.us.session.isLost()).isTrue();
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void whatAStreamDoesNotSendIsNotHeldByTheLittleThatItHasSent() {
        try (RawPeer peer = kept(Role.SERVER)) {
            peer.syn(3);
            peer.upd(3, 0, 100);
            ByteBuf data = RawPeer.zeros(200_000);
            peer.us.accepted.get(0).write(data);
            assertThat(peer.read()).containsExactly("PSH 3 [100]");
            peer.rst(3, ErrorCode.CANCELLED, "");

            assertThat(data.refCnt()).isZero();
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    /** Another connection for the session under test, whose peer has so many of its bytes. */
    private static TestWire resume(RawPeer peer, long peerHas) {
        TestWire wire = new TestWire(peer.us.session);
        peer.us.session.resume(wire, peerHas, () -> {});
        return wire;
    }

    @Test
    void aLinkThatGivesWayToAnotherIsNotLost() {
        try (RawPeer peer = kept(Role.SERVER)) {
            TestWire next = resume(peer, peer.us.session.sentBytes());
            assertThat(peer.us.wire.closed).isTrue();
            assertThat(peer.us.session.isLost()).isFalse();

            TestWire last = resume(peer, peer.us.session.sentBytes());
            assertThat(next.closed).isTrue();
            assertThat(peer.us.session.isLost()).isFalse();
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
            last.pullAll().release();
        }
    }

    @Test
    void aPeerThatAsksForMuchAndAcknowledgesNothingIsNotKeptForWithoutEnd() {
        try (RawPeer peer = kept(Role.SERVER)) {
            long most = 0;
            for (int i = 0; i < 100_000; i++) {
                peer.ping(i);
                peer.us.session.transmit(ReferenceCountUtil::release);
                most = Math.max(most, peer.us.session.accounts().kept());
            }
            assertThat(most).isLessThan(2 << 20);
            assertThat(peer.us.session.isUp()).isTrue();
            assertThat(peer.us.session.accounts().kept())
                    .as("it has given up, and ends with its link")
                    .isZero();
        }
    }

    /** Else its client would ask for it, in vain and for no other, until the old link is seen to be dead. */
    @Test
    void aSessionThatIsNotKeptAnyMoreEndsWhenItsClientComesByAnotherConnection() {
        try (RawPeer peer = kept(Role.SERVER)) {
            for (int i = 0; peer.us.session.accounts().kept() > 0 || i == 0; i++) {
                peer.ping(i);
                peer.us.session.transmit(ReferenceCountUtil::release);
            }

            assertThat(resume(peer, peer.us.session.sentBytes()).closed).isTrue();
            assertThat(peer.us.closed)
                    .startsWith("connection reset: the link is lost, and what was sent by it is not kept");
        }
    }

    @Test
    void aSessionThatDrainsIsOverWhenThePeerHasTheLastOfItsBytes() {
        try (RawPeer peer = kept(Role.SERVER)) {
            peer.pong(peer.clock.nanoTime()); // to the first probe
            peer.syn(3);
            peer.fin(3);
            peer.us.accepted.get(0).shutdownOutput();
            assertThat(peer.read()).contains("FIN 3");
            peer.goAway(ErrorCode.CANCELLED, "another session has taken its place");
            assertThat(peer.read()).contains("PING 0");
            assertThat(peer.us.drained).isZero();

            peer.us.session.disconnected("cut");
            assertThat(peer.us.session.isLost()).isTrue();
            TestWire wire = resume(peer, peer.us.session.sentBytes());
            assertThat(peer.us.drained).isZero();
            peer.pong(peer.clock.nanoTime());
            assertThat(peer.us.drained).isOne();
            peer.us.session.close(ErrorCode.DRAINING, "drained");
            wire.pullAll().release();
        }
    }

    @Test
    void aSessionThatDrainsIsOverAtOnceWhereNothingHasEndedSinceThePeersLastAnswer() {
        try (RawPeer peer = kept(Role.SERVER)) {
            peer.pong(peer.clock.nanoTime());
            peer.goAway(ErrorCode.CANCELLED, "not needed");
            assertThat(peer.us.drained).isOne();
            peer.us.session.close(ErrorCode.DRAINING, "drained");
        }
    }

    @Test
    void whatIsKeptIsInTheAccountsUntilItIsAcknowledged() {
        try (RawPeer peer = kept(Role.SERVER)) {
            peer.open(1_000);
            peer.read();
            assertThat(peer.us.session.accounts().kept()).isEqualTo(peer.us.session.sentBytes());
            peer.ack(peer.us.session.sentBytes());
            assertThat(peer.us.session.accounts().kept()).isZero();
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void streamsHearASentenceWhenTheLinkDoesNotComeBackInTime() {
        try (RawPeer peer = kept(Role.SERVER)) {
            Recorder recorder = peer.open(10);
            peer.read();
            peer.us.session.disconnected("cut");
            peer.pass(59_999);
            assertThat(recorder.events).isEmpty();
            peer.pass(1);
            assertThat(recorder.events).hasToString("reset(timeout) ");
            assertThat(peer.us.closed).isEqualTo("timeout: cut; it did not come back within 60000 ms");
        }
    }

    @Test
    void aPeerThatKeepsASessionForAgesIsHeldToOurTime() {
        try (RawPeer peer = new RawPeer(Role.SERVER, KEPT, false)) {
            peer.hello(new Hello.Keeping(0xffff_ffffL, 0xffff_ffffL), null, null);
            peer.us.session.disconnected("cut");
            peer.pass(60_000);
            assertThat(peer.us.session.isClosed()).isTrue();
        }
    }

    @Test
    void theSecretIsInNoText() {
        try (RawPeer peer = kept(Role.CLIENT)) {
            String text = peer.us.session + " " + TOKEN + new Hello.Resume(TOKEN, 1);
            assertThat(text).doesNotContain("123456789abcdef0", "fedcba987654321", "" + TOKEN.high(), "" + TOKEN.low());
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void aSessionEndsWithItsLinkWhereTheServerDoesNotKeepIt() {
        try (RawPeer peer = new RawPeer(Role.CLIENT, KEPT)) {
            assertThat(peer.us.session.token()).isEmpty();
            peer.us.session.disconnected("cut");
            assertThat(peer.us.closed).isEqualTo("connection reset: cut");
        }
    }

    @Test
    void anAckThatWasNotAgreedOnIsAViolation() {
        try (RawPeer peer = new RawPeer(Role.SERVER, KEPT)) {
            peer.ack(0);
            assertThat(peer.us.closed).isEqualTo("protocol error: ACK in a session that is not kept");
        }
    }

    @Test
    void anAckForMoreThanWasSentIsAViolation() {
        try (RawPeer peer = kept(Role.SERVER)) {
            peer.ack(peer.us.session.sentBytes() + 1);
            assertThat(peer.us.closed).startsWith("protocol error: the peer acknowledges ");
        }
    }

    @Test
    void aClientRefusesASessionThatItHasNotAskedFor() {
        try (RawPeer peer = new RawPeer(Role.CLIENT, KEPT, false)) {
            peer.hello(KEEPING, TOKEN, new Hello.Resume(TOKEN, 0));
            assertThat(peer.us.closed)
                    .isEqualTo("protocol error: the server resumes a session that nobody has asked for");
        }
    }

    @Test
    void aCountThatCanNotBeCostsTheConnectionAndNothingElse() {
        try (RawPeer peer = kept(Role.SERVER)) {
            Recorder recorder = peer.open(10);
            long sent = peer.us.session.sentBytes();
            for (long absurd : new long[] {-1, sent + 1, Long.MAX_VALUE, Long.MIN_VALUE}) {
                assertThat(resume(peer, absurd).closed).as("%d bytes", absurd).isTrue();
            }
            assertThat(peer.us.session.isUp()).isTrue();
            assertThat(peer.us.wire.closed).isFalse();
            assertThat(recorder.events).isEmpty();

            TestWire next = resume(peer, sent);
            assertThat(next.closed).isFalse();
            assertThat(peer.us.wire.closed).isTrue();
            peer.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void aSessionThatItsListenerEndsWhenItIsAskedForAnotherStaysEnded() {
        List<String> events = new ArrayList<>();
        SessionListener strict = new SessionListener() {
            @Override
            public boolean onResume(MuxSession session, Token token, long peerHas) {
                session.close(ErrorCode.FORBIDDEN, "no");
                return false;
            }

            @Override
            public void onUp(MuxSession session) {
                events.add("up");
            }

            @Override
            public void onStream(MuxSession session, MuxStream stream) {}

            @Override
            public void onClosed(MuxSession session, ErrorCode code, String text) {
                events.add("closed");
            }
        };
        MuxSession session = new MuxSession(Role.SERVER, KEPT, strict);
        TestWire wire = new TestWire(session);
        session.attach(wire);
        ByteBuf tlvs = Unpooled.buffer();
        new Hello("raw", 1, 1024, 1, KEEPING, null, new Hello.Resume(TOKEN, 0)).write(tlvs);
        session.receive(Frame.withTlvs(ProtocolVersion.CULVERT, Frame.HELLO, 0, tlvs));
        wire.pullAll().release();
        session.disconnected("end of test");

        assertThat(events).containsExactly("closed");
    }
}
