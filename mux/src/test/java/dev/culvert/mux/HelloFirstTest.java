package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/**
 * Nothing goes before a HELLO, and nothing behind a client's before it is answered, whatever the application says
 * meanwhile.
 */
class HelloFirstTest {
    private static final MuxSettings CULVERT = MuxSettings.of(ProtocolVersion.CULVERT);
    private static final MuxSettings KEPT = CULVERT.with(new MuxSettings.Resume(Duration.ofSeconds(60), 64 << 10));
    private static final Hello.Keeping KEEPING = new Hello.Keeping(60_000, 64 << 10);
    private static final Token TOKEN = new Token(1, 2, 3);

    @Test
    void aServersGoAwayWaitsForIt() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT, false)) {
            peer.send(bytes("82100000"));
            peer.us.session.goAway(ErrorCode.DRAINING, "maintenance");
            assertThat(peer.read()).isEmpty();

            peer.send(bytes("00000000"));
            assertThat(peer.read()).startsWith("HELLO 0", "GOAWAY 0 draining: maintenance");
        }
    }

    @Test
    void aCloseComesInsteadOfIt() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT, false)) {
            peer.send(bytes("82100000"));
            peer.us.session.goAway(ErrorCode.DRAINING, "maintenance");
            peer.us.session.close(ErrorCode.DRAINING, "too late");

            assertThat(peer.read()).containsExactly("CLOSE 0 draining: too late");
        }
    }

    @Test
    void muchThatIsWrittenAtOnceWaitsForIt() {
        List<ByteBuf> sent = new ArrayList<>();
        try (Eager eager = new Eager()) {
            MuxSession server = new MuxSession(Role.SERVER, CULVERT, eager);
            Wire wire = new Prompt(server, sent);
            server.attach(wire);
            server.receive(bytes("8210000000000000"));
            wire.send();
            ByteBuf all = Unpooled.wrappedBuffer(sent.toArray(ByteBuf[]::new));
            assertThat(ByteBufUtil.hexDump(all, 0, 2)).as("a HELLO").isEqualTo("8210");
            all.release();
            server.disconnected("end of test");
        }
    }

    /** Writes so much as soon as it may that it is sent at once. */
    private static final class Eager implements SessionListener, AutoCloseable {
        private final Recorder recorder = new Recorder();

        @Override
        public void onUp(MuxSession session) {
            session.open(OpenRequest.EMPTY, recorder).write(RawPeer.zeros(256 << 10));
        }

        @Override
        public void onStream(MuxSession session, MuxStream stream) {}

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {}

        @Override
        public void close() {
            recorder.close();
        }
    }

    /** Sends when it is asked to. */
    private record Prompt(MuxSession session, List<ByteBuf> sent) implements Wire {
        @Override
        public void wake() {}

        @Override
        public void send() {
            while (session.transmit(sent::add)) {
                // until it has no more
            }
        }

        @Override
        public void reading(boolean on) {}

        @Override
        public void pass(ByteBuf in) {
            in.release();
        }

        @Override
        public void close() {}

        @Override
        public void drop() {}
    }

    /** The server may take the connection for the other session, and what follows for its bytes. */
    @Test
    void nothingFollowsAClientsThatAsksForAnotherSession() {
        try (RawPeer other = new RawPeer(Role.CLIENT, KEPT, false)) {
            other.hello(KEEPING, TOKEN, null);
            other.us.session.disconnected("cut");
            Pair.Peer again = new Pair.Peer(Role.CLIENT, KEPT, other.clock);
            again.session.prefer(other.us.session);
            again.session.attach(again.wire);
            again.session.goAway(ErrorCode.DRAINING, "maintenance");

            ByteBuf said = again.wire.pullAll();
            assertThat(said.readableBytes()).isEqualTo(Frame.HEADER + said.getUnsignedShortLE(2));
            said.release();
            again.session.disconnected("end of test");
            other.us.session.close(ErrorCode.CANCELLED, "end of test");
        }
    }

    @Test
    void whatASessionWouldHaveSaidGoesWithItWhereAnotherIsCarriedInstead() {
        try (RawPeer peer = new RawPeer(Role.SERVER, KEPT, false)) {
            peer.us.givesWay = true;
            ByteBuf tlvs = Unpooled.buffer();
            new Hello("raw", 1, 1024, 1, KEEPING, null, new Hello.Resume(TOKEN, 0)).write(tlvs);
            ByteBuf hello = Frame.withTlvs(ProtocolVersion.CULVERT, Frame.HELLO, 0, tlvs);
            peer.send(hello.readRetainedSlice(10));
            peer.us.session.goAway(ErrorCode.DRAINING, "maintenance");
            peer.send(hello);

            assertThat(peer.us.session.isClosed()).isTrue();
            assertThat(peer.read()).isEmpty();
        }
    }

    private static ByteBuf bytes(String hex) {
        return Unpooled.wrappedBuffer(ByteBufUtil.decodeHexDump(hex));
    }
}
