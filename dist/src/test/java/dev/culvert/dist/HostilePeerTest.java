package dev.culvert.dist;

import static dev.culvert.dist.RawClient.frame;
import static dev.culvert.dist.RawClient.header;
import static dev.culvert.dist.RawClient.syn;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.awaitility.Awaitility.await;

import dev.culvert.dist.RawClient.Frame;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * What a client does that was let in and means harm: it loses its stream or its session, and that is all. After each attack
 * another client's connections work, and the server has what it had before.
 */
@SuppressWarnings("NullAway.Init")
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
final class HostilePeerTest {
    private static final int STREAMS = 50;
    private static final int LIMIT_REACHED = 11;
    private static final int FLOW_CONTROL = 10;
    private static final int PROTOCOL_ERROR = 1;
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
                .server("clients.hostile { key = \"%s\", allow = [\"%s\", \"%s\"], limits.streams = %d }"
                        .formatted(keys.fingerprint(), ECHO.address(), STALL.address(), STREAMS))
                .open();
        for (int i = 0; i < Runtime.getRuntime().availableProcessors(); i++) { // an event loop each
            try (RawClient peer = connect()) {
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
    private static RawClient connect() throws Exception {
        RawClient peer = new RawClient(keys, tunnel.server().port("listen"));
        peer.send(frame(RawClient.HELLO, 0));
        peer.await(RawClient.HELLO);
        return peer;
    }

    private static void echoes(RawClient peer, int stream) throws IOException {
        peer.send(syn(stream, ECHO), frame(RawClient.PSH, stream, Bytes.ascii("hello")));
        peer.await(RawClient.OPENED);
        Frame answer = peer.await(RawClient.PSH);
        assertThat(answer.stream()).isEqualTo(stream);
        assertThat(answer.data().array()).isEqualTo(Bytes.ascii("hello"));
    }

    /** A session that was never up is refused, the others end. */
    private static String ended(RawClient peer) {
        return "(?:session from|refused) hostile@127\\.0\\.0\\.1:" + peer.localPort() + "(?: ended)?: (.*)";
    }

    private static boolean hasEnded(RawClient peer) {
        return tunnel.server().log().first(ended(peer)) != null;
    }

    private static String awaitEnd(RawClient peer) {
        return tunnel.server().awaitLog(ended(peer)).group(1);
    }

    @Test
    void handWrittenFramesWork() throws Exception {
        try (RawClient peer = connect()) {
            echoes(peer, 3);
            peer.send(frame(RawClient.FIN, 3));
            assertThat(peer.await(RawClient.FIN).stream()).isEqualTo(3);
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
        try (RawClient peer = connect();
                Socket other = tunnel.connect()) {
            for (int round = 0; round < rounds; round++) {
                byte[][] flood = new byte[each][];
                for (int i = 0; i < each; i++) {
                    flood[i] = syn(3 + 2 * (round * each + i), STALL);
                }
                peer.send(flood);
                for (int i = 0; i < each; i++) {
                    Frame answer = peer.await(RawClient.OPENED, RawClient.RST);
                    if (answer.command() == RawClient.OPENED) {
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
    @ValueSource(ints = {RawClient.SYN, RawClient.PING})
    void whoAsksAndDoesNotReadLosesItsSessionAndTheOthersGoOn(int command) throws Exception {
        int rounds = 500; // the buffers of the kernel fill first
        int each = 1000;
        byte[] ping = frame(RawClient.PING, 0, Bytes.ofLong(1));
        try (RawClient peer = connect();
                Socket other = tunnel.connect()) {
            for (int round = 0; round < rounds && !hasEnded(peer); round++) {
                byte[][] flood = new byte[each][];
                for (int i = 0; i < each; i++) {
                    flood[i] = command == RawClient.PING ? ping : syn(3 + 2 * (round * each + i), STALL);
                }
                try {
                    peer.send(flood);
                } catch (IOException e) {
                    break; // the log says why
                }
                other.getOutputStream().write(round);
                assertThat(other.getInputStream().read()).isEqualTo(round & 0xff);
            }
            assertThat(awaitEnd(peer)).matches("limit reached: \\d+ replies wait: the peer asks, but does not read");
        }
    }

    @Test
    void whoOverrunsItsWindowLosesTheStreamAndKeepsTheSession() throws Exception {
        byte[] push = frame(RawClient.PSH, 3, new byte[32 << 10]);
        byte[] ping = frame(RawClient.PING, 0, Bytes.ofLong(1));
        int most = (128 << 20) / push.length; // the buffers of the kernel fill first
        try (RawClient peer = connect()) {
            peer.send(syn(3, STALL));
            Frame answer = peer.await(RawClient.OPENED);
            for (int i = 0; i < most && answer.command() != RawClient.RST; i++) {
                peer.send(push, ping);
                answer = peer.await(RawClient.PONG, RawClient.RST);
            }
            assertThat(answer.command()).isEqualTo(RawClient.RST);
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
                tooLong("SYN", RawClient.SYN, 4097),
                tooLong("SYN", RawClient.SYN, all),
                tooLong("FIN", RawClient.FIN, all),
                tooLong("NOP", RawClient.NOP, all),
                tooLong("UPD", RawClient.UPD, all),
                tooLong("HELLO", RawClient.HELLO, 4097),
                tooLong("OPENED", RawClient.OPENED, 1),
                tooLong("RST", RawClient.RST, 1029),
                tooLong("GOAWAY", RawClient.GOAWAY, 1029),
                tooLong("CLOSE", RawClient.CLOSE, 1029),
                tooLong("PING", RawClient.PING, all),
                tooLong("PONG", RawClient.PONG, all),
                tooLong("command 0x18", 0x18, 0),
                new Violation(
                        "TLV 9 tells of 65535 bytes, but 0 are there",
                        frame(RawClient.SYN, 3, (byte) 9, (byte) 0xff, (byte) 0xff)),
                new Violation(
                        "TLV 1 is an address of the wrong length",
                        frame(RawClient.SYN, 3, new byte[] {1, 5, 0, 3, (byte) 0xff, 'a', 0, 80})),
                new Violation("a second HELLO", frame(RawClient.HELLO, 0)),
                new Violation("the peer opened stream 2, which is not one of its ids", syn(2, ECHO)),
                new Violation("the peer opened stream 0, which is not one of its ids", syn(0, ECHO)),
                new Violation("the peer opened stream 3 after stream 5", syn(5, ECHO), syn(3, ECHO)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("violations")
    void whatIsNotAllowedEndsTheSessionAndIsNamed(Violation violation) throws Exception {
        try (RawClient peer = connect()) {
            peer.send(violation.frames.toArray(new byte[0][]));
            isToldAndLeft(peer, violation.sentence);
        }
    }

    static Stream<Violation> beginnings() {
        return Stream.of(
                new Violation("PSH before HELLO", frame(RawClient.PSH, 3, Bytes.ascii("hello"))),
                new Violation("SYN before HELLO", syn(3, ECHO)),
                new Violation(
                        "TLV 1 tells of 65535 bytes, but 0 are there",
                        frame(RawClient.HELLO, 0, (byte) 1, (byte) 0xff, (byte) 0xff)),
                tooLong("HELLO", RawClient.HELLO, 4097));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("beginnings")
    void aWrongBeginningIsNoSession(Violation violation) throws Exception {
        try (RawClient peer = new RawClient(keys, tunnel.server().port("listen"))) {
            peer.send(violation.frames.toArray(new byte[0][]));
            isToldAndLeft(peer, violation.sentence);
            assertThat(tunnel.server().log().matching("session from hostile@.*:" + peer.localPort() + " "))
                    .isEmpty();
        }
    }

    private static void isToldAndLeft(RawClient peer, String sentence) throws IOException {
        Frame farewell = peer.await(RawClient.CLOSE);
        assertThat(farewell.code()).isEqualTo(PROTOCOL_ERROR);
        assertThat(farewell.text()).isEqualTo(sentence);
        assertThat(peer.isAtEnd()).isTrue();
        assertThat(awaitEnd(peer)).isEqualTo("protocol error: " + sentence);
    }

    /** It is a stream like others: what nobody reads is not sent, and who has had enough ends it. */
    @Test
    void aProbeThatIsNotReadSendsNoMoreThanItsWindow() throws Exception {
        try (RawClient peer = connect()) {
            peer.send(frame(RawClient.SYN, 3, (byte) 5, (byte) 0, (byte) 0));
            peer.await(RawClient.OPENED);
            long clock = peer.await(RawClient.PSH).data().getLong();
            assertThat(clock).isCloseTo(System.currentTimeMillis(), within(60_000L));

            peer.send(frame(RawClient.FIN, 3));
            int window = 256 << 10; // of whose HELLO names none
            for (int left = window - Long.BYTES; left > 0; ) {
                left -= peer.await(RawClient.PSH).data().remaining();
                assertThat(left).isNotNegative();
            }
            peer.send(frame(RawClient.PING, 0, new byte[8]));
            assertThat(peer.await(RawClient.PSH, RawClient.PONG).command()).isEqualTo(RawClient.PONG);

            peer.send(frame(RawClient.RST, 3, new byte[4]));
            echoes(peer, 5);
        }
    }

    /** Ids are a session's own: those of the other client's streams mean nothing here. */
    @Test
    void theStreamsOfAnotherSessionAreOutOfReach() throws Exception {
        try (RawClient peer = connect();
                Socket other = tunnel.connect()) {
            other.getOutputStream().write('x');
            assertThat(other.getInputStream().read()).isEqualTo('x');
            for (int stream = 1; stream < 2_000; stream++) {
                peer.send(
                        frame(RawClient.UPD, stream, new byte[8]),
                        frame(RawClient.PSH, stream, Bytes.ascii("hello")),
                        frame(RawClient.FIN, stream),
                        frame(RawClient.RST, stream, new byte[4]));
            }
            echoes(peer, 3);

            other.getOutputStream().write('y');
            assertThat(other.getInputStream().read()).isEqualTo('y');
        }
    }
}
