package dev.culvert.dist;

import static dev.culvert.dist.RawPeer.frame;
import static dev.culvert.dist.RawPeer.header;
import static dev.culvert.dist.RawPeer.syn;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import dev.culvert.dist.RawPeer.Frame;
import java.io.IOException;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a client does that was let in and means harm: it loses its stream or its session, and that is all. After each
 * attack another client's connections work, and the server has what it had before.
 */
@SuppressWarnings("NullAway.Init")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class HostilePeerTest {
    private static final int STREAMS = 50;
    private static final int LIMIT_REACHED = 11;
    private static final int FLOW_CONTROL = 10;
    private static final int PROTOCOL_ERROR = 1;
    private static final int TOKEN = 6;
    private static final int RESUME = 7;
    private static final int DESCRIPTOR_SLACK = 2;
    /** The JVM starts some of its own when there is work for them. */
    private static final int THREAD_SLACK = 4;

    private static final Service ECHO = Service.echo();
    private static final Service STALL = Service.stall();

    @TempDir
    private static Path directory;

    private static Keys keys;
    private static Tunnel tunnel;
    private static int descriptors = Integer.MAX_VALUE;
    private static int threads = Integer.MAX_VALUE;

    @BeforeAll
    static void open() throws Exception {
        keys = Keys.make("tunnel-client", directory.resolve("hostile.key"));
        tunnel = Tunnel.to(ECHO)
                .server(("clients.hostile { key = \"%s\", allow = [\"%s\", \"%s\"], limits.streams = %d,"
                                + " offers = [\"web\"] }\nlisteners.web.listen = \"127.0.0.1:0\""
                                + "\nanonymous.allow = [\"%s\"]")
                        .formatted(keys.fingerprint(), ECHO.address(), STALL.address(), STREAMS, ECHO.address()))
                .open();
        for (int i = 0; i < Runtime.getRuntime().availableProcessors(); i++) { // an event loop each
            try (RawPeer peer = connect()) {
                echoes(peer, 3);
            }
        }
        awaitIdle();
        descriptors = tunnel.server().descriptors() + DESCRIPTOR_SLACK;
        threads = tunnel.server().threads() + THREAD_SLACK;
    }

    @AfterAll
    static void close() throws IOException {
        tunnel.close();
        ECHO.close();
        STALL.close();
    }

    @AfterEach
    void theOthersGoOnAndNothingIsLeft() throws IOException {
        Tunnel.echoes(tunnel.client());
        awaitIdle();
        assertThat(tunnel.client().log().matching("session up")).hasSize(1);
    }

    private static void awaitIdle() {
        AgentProcess server = tunnel.server();
        await().pollDelay(Duration.ZERO).atMost(AgentProcess.PATIENCE).untilAsserted(() -> {
            assertThat(ECHO.connections()).isZero();
            assertThat(server.descriptors()).isLessThanOrEqualTo(descriptors);
            assertThat(server.threads()).isLessThanOrEqualTo(threads);
        });
    }

    /** A client whose session is up. */
    private static RawPeer connect() throws Exception {
        RawPeer peer = new RawPeer(keys, tunnel.server().port("listen"));
        peer.send(frame(RawPeer.HELLO, 0));
        peer.await(RawPeer.HELLO);
        return peer;
    }

    private static void echoes(RawPeer peer, int stream) throws IOException {
        peer.send(syn(stream, ECHO), frame(RawPeer.PSH, stream, Bytes.ascii("hello")));
        peer.await(RawPeer.OPENED);
        Frame answer = peer.await(RawPeer.PSH);
        assertThat(answer.stream()).isEqualTo(stream);
        assertThat(answer.data().array()).isEqualTo(Bytes.ascii("hello"));
    }

    /**
     * The line on the end of a session; one that was never up is refused.
     *
     * @param reason a regex: who had the port before has ended for another
     */
    private static String end(RawPeer peer, String reason) {
        return "(?:session from|refused) hostile@127\\.0\\.0\\.1:" + peer.localPort() + "(?: ended)?: " + reason + "$";
    }

    @Test
    void handWrittenFramesWork() throws Exception {
        try (RawPeer peer = connect()) {
            echoes(peer, 3);
            peer.send(frame(RawPeer.FIN, 3));
            assertThat(peer.await(RawPeer.FIN).stream()).isEqualTo(3);
        }
    }

    // ---- floods

    /** Comes last: it asks for so many refusals that for ten seconds the log tells of no others. */
    @Test
    @Order(Integer.MAX_VALUE)
    void aFloodOfOpensIsAnsweredWithResetsAndTheOthersGoOn() throws Exception {
        int rounds = 10;
        int each = 1000;
        int opened = 0;
        try (RawPeer peer = connect();
                Socket other = tunnel.connect()) {
            for (int round = 0; round < rounds; round++) {
                byte[][] flood = new byte[each][];
                for (int i = 0; i < each; i++) {
                    flood[i] = syn(3 + 2 * (round * each + i), STALL);
                }
                peer.send(flood);
                for (int i = 0; i < each; i++) {
                    Frame answer = peer.await(RawPeer.OPENED, RawPeer.RST);
                    if (answer.command() == RawPeer.OPENED) {
                        opened++;
                    } else {
                        assertThat(answer.code()).isEqualTo(LIMIT_REACHED);
                        assertThat(answer.text()).isEqualTo("more than " + STREAMS + " streams in a session");
                    }
                }
                other.getOutputStream().write(round);
                assertThat(other.getInputStream().read()).isEqualTo(round);
            }
            assertThat(opened).isEqualTo(STREAMS);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {RawPeer.SYN, RawPeer.PING})
    void whoAsksAndDoesNotReadLosesItsSessionAndTheOthersGoOn(int command) throws Exception {
        int rounds = 500; // the buffers of the kernel fill first
        int each = 1000;
        byte[] ping = frame(RawPeer.PING, 0, Bytes.ofLong(1));
        try (RawPeer peer = connect();
                Socket other = tunnel.connect()) {
            String end = end(peer, "limit reached: \\d+ replies wait: the peer asks, but does not read");
            for (int round = 0; round < rounds && tunnel.server().log().first(end) == null; round++) {
                byte[][] flood = new byte[each][];
                for (int i = 0; i < each; i++) {
                    flood[i] = command == RawPeer.PING ? ping : syn(3 + 2 * (round * each + i), STALL);
                }
                try {
                    peer.send(flood);
                } catch (IOException e) {
                    break; // the log says why
                }
                other.getOutputStream().write(round);
                assertThat(other.getInputStream().read()).isEqualTo(round & 0xff);
            }
            tunnel.server().awaitLog(end);
        }
    }

    @Test
    void whoOverrunsItsWindowLosesTheStreamAndKeepsTheSession() throws Exception {
        byte[] push = frame(RawPeer.PSH, 3, new byte[32 << 10]);
        byte[] ping = frame(RawPeer.PING, 0, Bytes.ofLong(1));
        int most = (128 << 20) / push.length; // the buffers of the kernel fill first
        try (RawPeer peer = connect()) {
            peer.send(syn(3, STALL));
            Frame answer = peer.await(RawPeer.OPENED);
            for (int i = 0; i < most && answer.command() != RawPeer.RST; i++) {
                peer.send(push, ping);
                answer = peer.await(RawPeer.PONG, RawPeer.RST);
            }
            assertThat(answer.command()).isEqualTo(RawPeer.RST);
            assertThat(answer.stream()).isEqualTo(3);
            assertThat(answer.code()).isEqualTo(FLOW_CONTROL);
            assertThat(answer.text()).isEqualTo("the peer sent more than its window");

            echoes(peer, 5);
        }
    }

    // ---- what the protocol does not allow

    /** What is sent, and what the server calls it; the rest of a frame that is too long need not come. */
    private record Violation(String sentence, List<byte[]> frames) {
        Violation(String sentence, byte[]... frames) {
            this(sentence, List.of(frames));
        }

        @Override
        public String toString() {
            return sentence;
        }
    }

    private static Violation tooLong(String command, int number, int length) {
        return new Violation(
                command + " of " + length + " bytes is not legal in culvert (0x82)", header(number, 3, length));
    }

    static Stream<Violation> violations() {
        int all = 65_535;
        return Stream.of(
                tooLong("SYN", RawPeer.SYN, 4097),
                tooLong("SYN", RawPeer.SYN, all),
                tooLong("FIN", RawPeer.FIN, all),
                tooLong("NOP", RawPeer.NOP, all),
                tooLong("UPD", RawPeer.UPD, all),
                tooLong("HELLO", RawPeer.HELLO, 4097),
                tooLong("OPENED", RawPeer.OPENED, 1),
                tooLong("RST", RawPeer.RST, 1029),
                tooLong("GOAWAY", RawPeer.GOAWAY, 1029),
                tooLong("CLOSE", RawPeer.CLOSE, 1029),
                tooLong("PING", RawPeer.PING, all),
                tooLong("PONG", RawPeer.PONG, all),
                tooLong("command 0x18", 0x18, 0),
                new Violation(
                        "TLV 9 tells of 65535 bytes, but 0 are there",
                        frame(RawPeer.SYN, 3, (byte) 9, (byte) 0xff, (byte) 0xff)),
                new Violation(
                        "TLV 1 is an address of the wrong length",
                        frame(RawPeer.SYN, 3, new byte[] {1, 5, 0, 3, (byte) 0xff, 'a', 0, 80})),
                new Violation("a second HELLO", frame(RawPeer.HELLO, 0)),
                new Violation("the peer opened stream 2, which is not one of its ids", syn(2, ECHO)),
                new Violation("the peer opened stream 0, which is not one of its ids", syn(0, ECHO)),
                new Violation("the peer opened stream 3 after stream 5", syn(5, ECHO), syn(3, ECHO)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("violations")
    void whatIsNotAllowedEndsTheSessionAndIsNamed(Violation violation) throws Exception {
        try (RawPeer peer = connect()) {
            peer.send(violation.frames.toArray(new byte[0][]));
            isToldAndLeft(peer, violation.sentence);
        }
    }

    static Stream<Violation> beginnings() {
        return Stream.of(
                new Violation("PSH before HELLO", frame(RawPeer.PSH, 3, Bytes.ascii("hello"))),
                new Violation("SYN before HELLO", syn(3, ECHO)),
                new Violation(
                        "TLV 1 tells of 65535 bytes, but 0 are there",
                        frame(RawPeer.HELLO, 0, (byte) 1, (byte) 0xff, (byte) 0xff)),
                tooLong("HELLO", RawPeer.HELLO, 4097));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("beginnings")
    void aWrongBeginningIsNoSession(Violation violation) throws Exception {
        try (RawPeer peer = new RawPeer(keys, tunnel.server().port("listen"))) {
            int sessions = sessions(peer);
            peer.send(violation.frames.toArray(new byte[0][]));
            isToldAndLeft(peer, violation.sentence);
            assertThat(sessions(peer)).isEqualTo(sessions);
        }
    }

    /** How many have been up from this port. */
    private static int sessions(RawPeer peer) {
        return tunnel.server()
                .log()
                .matching("session from hostile@.*:" + peer.localPort() + " up")
                .size();
    }

    private static void isToldAndLeft(RawPeer peer, String sentence) throws IOException {
        Frame farewell = peer.await(RawPeer.CLOSE);
        assertThat(farewell.code()).isEqualTo(PROTOCOL_ERROR);
        assertThat(farewell.text()).isEqualTo(sentence);
        assertThat(peer.isAtEnd()).isTrue();
        tunnel.server().awaitLog(end(peer, Pattern.quote("protocol error: " + sentence)));
    }

    /** It is a stream like others: what nobody reads is not sent, and who has had enough ends it. */
    @Test
    void aProbeThatIsNotReadSendsNoMoreThanItsWindow() throws Exception {
        try (RawPeer peer = connect()) {
            peer.send(frame(RawPeer.SYN, 3, (byte) 5, (byte) 0, (byte) 0));
            peer.await(RawPeer.OPENED);
            long clock = peer.await(RawPeer.PSH).data().getLong();
            assertThat(clock).isCloseTo(System.currentTimeMillis(), within(60_000L));

            peer.send(frame(RawPeer.FIN, 3));
            int window = 256 << 10; // of whose HELLO names none
            for (int left = window - Long.BYTES; left > 0; ) {
                left -= peer.await(RawPeer.PSH).data().remaining();
                assertThat(left).isNotNegative();
            }
            peer.send(frame(RawPeer.PING, 0, new byte[8]));
            assertThat(peer.await(RawPeer.PSH, RawPeer.PONG).command()).isEqualTo(RawPeer.PONG);

            peer.send(frame(RawPeer.RST, 3, new byte[4]));
            echoes(peer, 5);
        }
    }

    /** No rate counts what they send. */
    @Test
    void aClientHasOneProbeAtATimeInAllItsSessions() throws Exception {
        byte[] probe = {5, 0, 0};
        try (RawPeer peer = connect();
                RawPeer another = connect()) {
            peer.send(frame(RawPeer.SYN, 3, probe));
            peer.await(RawPeer.OPENED);
            another.send(frame(RawPeer.SYN, 5, probe));
            isRefused(another.await(RawPeer.RST), 5, "client hostile is being measured already");

            peer.send(frame(RawPeer.RST, 3, new byte[4]), frame(RawPeer.SYN, 7, probe));
            assertThat(peer.await(RawPeer.OPENED, RawPeer.RST).stream()).isEqualTo(7);
        }
    }

    @Tag("long")
    @Test
    void whoHasARateIsNotMeasuredBeyondIt() throws Exception {
        Keys limited = Keys.make("tunnel-client", directory.resolve("limited.key"));
        String client = "clients.limited { key = \"%s\", allow = [\"%s\"], rate.down = 1m }";
        try (Tunnel other = Tunnel.to(ECHO)
                        .server(client.formatted(limited.fingerprint(), ECHO.address()))
                        .open();
                RawPeer peer = new RawPeer(limited, other.server().port("listen"))) {
            peer.send(frame(RawPeer.HELLO, 0));
            peer.await(RawPeer.HELLO);
            peer.send(frame(RawPeer.SYN, 3, new byte[] {5, 0, 0}));
            isRefused(peer.await(RawPeer.RST), 3, "a rate is set here, which measuring would not keep");
        }
    }

    @Test
    void aSessionOffersTheSameOnce() throws Exception {
        byte[] offer = {4, 3, 0, 'w', 'e', 'b', 8, 8, 0, 1, 2, 3, 4, 5, 6, 7, 8};
        try (RawPeer peer = connect()) {
            peer.send(frame(RawPeer.SYN, 3, offer));
            assertThat(peer.await(RawPeer.OPENED, RawPeer.RST).command()).isEqualTo(RawPeer.OPENED);
            peer.send(frame(RawPeer.SYN, 5, offer));
            isRefused(peer.await(RawPeer.RST), 5, "this session offers it already");

            peer.send(frame(RawPeer.RST, 3, new byte[4]), frame(RawPeer.SYN, 7, offer));
            assertThat(peer.await(RawPeer.OPENED, RawPeer.RST).stream()).isEqualTo(7);
        }
    }

    private static void isRefused(Frame answer, int stream, String sentence) {
        assertThat(answer.stream()).isEqualTo(stream);
        assertThat(answer.code()).isEqualTo(LIMIT_REACHED);
        assertThat(answer.text()).isEqualTo(sentence);
    }

    /** Ids are a session's own: those of the other client's streams mean nothing here. */
    @Test
    void theStreamsOfAnotherSessionAreOutOfReach() throws Exception {
        try (RawPeer peer = connect();
                Socket other = tunnel.connect()) {
            other.getOutputStream().write('x');
            assertThat(other.getInputStream().read()).isEqualTo('x');
            for (int stream = 1; stream < 2_000; stream++) {
                peer.send(
                        frame(RawPeer.UPD, stream, new byte[8]),
                        frame(RawPeer.PSH, stream, Bytes.ascii("hello")),
                        frame(RawPeer.FIN, stream),
                        frame(RawPeer.RST, stream, new byte[4]));
            }
            echoes(peer, 3);

            other.getOutputStream().write('y');
            assertThat(other.getInputStream().read()).isEqualTo('y');
        }
    }

    // ---- who resumes a session

    @Test
    void theTokenOfAnotherClientResumesNothing() throws Exception {
        onlyItsOwnerResumes(Keys.CLIENT, keys);
    }

    /** They have no name, and only their keys tell one from the other. */
    @Tag("long")
    @Test
    void theTokenOfAnotherWhoIsAnonymousResumesNothing() throws Exception {
        onlyItsOwnerResumes(
                Keys.make("tunnel-client", directory.resolve("one.key")),
                Keys.make("tunnel-client", directory.resolve("two.key")));
    }

    private static void onlyItsOwnerResumes(Keys owner, Keys thief) throws Exception {
        int port = tunnel.server().port("listen");
        byte[] keeping = {5, 8, 0, 0x10, 0x27, 0, 0, 0, 0, 1, 0}; // for 10 s, 64 KiB
        try (RawPeer own = new RawPeer(owner, port)) {
            own.send(frame(RawPeer.HELLO, 0, keeping));
            Frame hello = own.await(RawPeer.HELLO);
            byte[] token = hello.tlv(TOKEN).orElseThrow();
            byte[] resume = frame(
                    RawPeer.HELLO,
                    0,
                    ByteBuffer.allocate(3 + token.length + Long.BYTES)
                            .order(ByteOrder.LITTLE_ENDIAN)
                            .put((byte) RESUME)
                            .putShort((short) (token.length + Long.BYTES))
                            .put(token)
                            .putLong(hello.size())
                            .array());

            try (RawPeer other = new RawPeer(thief, port)) {
                other.send(resume);
                assertThat(other.await(RawPeer.HELLO).tlv(RESUME)).isEmpty();
                echoes(other, 3);
            }
            echoes(own, 3);

            try (RawPeer again = new RawPeer(owner, port)) {
                again.send(resume);
                assertThat(again.await(RawPeer.HELLO).tlv(RESUME)).isPresent();
                Frame repeated = again.await(RawPeer.PSH);
                assertThat(repeated.stream()).isEqualTo(3);
                assertThat(repeated.data().array()).isEqualTo(Bytes.ascii("hello"));
                again.send(frame(RawPeer.CLOSE, 0, new byte[4])); // or it would wait for another link
            }
        }
    }
}
