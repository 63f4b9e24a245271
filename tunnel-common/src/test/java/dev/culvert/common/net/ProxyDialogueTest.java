package dev.culvert.common.net;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.HexFormat;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is said to a proxy, byte by byte, and what is made of its answers. */
@Timeout(20)
@SuppressWarnings("FutureReturnValueIgnored")
class ProxyDialogueTest {
    private static final Duration LONG = Duration.ofSeconds(15);
    private static final HostPort TARGET = new HostPort("tunnel.test", 7443);
    private static final String HTTP_OK = "HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n";

    private final EventLoopGroup loops = Transport.best().newEventLoops(1, "proxy");
    private final ServerSocket listening = listen();
    private final BlockingQueue<String> fromTarget = new LinkedBlockingQueue<>();

    private static ServerSocket listen() {
        try {
            return new ServerSocket(0, 5, InetAddress.getLoopbackAddress());
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    @AfterEach
    void stop() throws IOException {
        listening.close();
        loops.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
    }

    private Future<Channel> dial(String scheme, String login, Duration timeout) {
        Proxy proxy = Proxy.parse(scheme + "://" + login + "127.0.0.1:" + listening.getLocalPort(), "upstream.proxy");
        Future<Channel> dial = new Dialer(Transport.best(), timeout).dial(loops.next(), TARGET, proxy);
        dial.addListener(done -> {
            if (done.isSuccess()) {
                dial.getNow().pipeline().addLast(new SimpleChannelInboundHandler<ByteBuf>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext ctx, ByteBuf data) {
                        fromTarget.add(data.toString(ISO_8859_1));
                    }
                });
                write(dial.getNow(), "first");
            }
        });
        return dial;
    }

    private static String read(Socket socket, int bytes) throws IOException {
        return new String(socket.getInputStream().readNBytes(bytes), ISO_8859_1);
    }

    private static String readHead(Socket socket) throws IOException {
        StringBuilder head = new StringBuilder();
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) socket.getInputStream().read());
        }
        return head.toString();
    }

    private static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(ISO_8859_1));
    }

    private static void write(Channel channel, String text) {
        channel.writeAndFlush(channel.alloc().buffer().writeBytes(text.getBytes(ISO_8859_1)));
    }

    private static String hex(String hex) {
        return new String(HexFormat.of().parseHex(hex.replace(" ", "")), ISO_8859_1);
    }

    /** Nothing is left in between. */
    private void carries(Socket socket, Channel channel) throws Exception {
        channel.config().setAutoRead(true);
        write(socket, "pong");
        assertThat(fromTarget.take()).isEqualTo("pong");
        write(channel, "ping");
        assertThat(read(socket, 9)).isEqualTo("firstping");
        assertThat(channel.pipeline().names()).hasSize(2); // the test's, and Netty's own
    }

    @Test
    void httpIsAskedToConnect() throws Exception {
        Future<Channel> dial = dial("http", "", LONG);
        try (Socket socket = listening.accept()) {
            assertThat(readHead(socket))
                    .isEqualTo("CONNECT tunnel.test:7443 HTTP/1.1\r\nhost: tunnel.test:7443\r\n\r\n");
            write(socket, HTTP_OK);

            carries(socket, dial.sync().getNow());
        }
    }

    @Test
    void httpIsToldTheLogin() throws Exception {
        dial("http", "me:s%C3%A9cret@", LONG);
        try (Socket socket = listening.accept()) {
            assertThat(readHead(socket)).contains("\r\nproxy-authorization: Basic bWU6c8OpY3JldA==\r\n");
        }
    }

    @Test
    void socksIsAskedToConnect() throws Exception {
        Future<Channel> dial = dial("socks5", "", LONG);
        try (Socket socket = listening.accept()) {
            assertThat(read(socket, 3)).isEqualTo(hex("05 01 00"));
            write(socket, hex("05 00"));
            assertThat(read(socket, 18)).isEqualTo(hex("05 01 00 03 0b") + "tunnel.test" + hex("1d 13"));
            write(socket, hex("05 00 00 01 00 00 00 00 00 00"));

            carries(socket, dial.sync().getNow());
        }
    }

    @Test
    void socksIsToldTheLogin() throws Exception {
        Future<Channel> dial = dial("socks5", "me:secret@", LONG);
        try (Socket socket = listening.accept()) {
            assertThat(read(socket, 4)).isEqualTo(hex("05 02 00 02"));
            write(socket, hex("05 02"));
            assertThat(read(socket, 11)).isEqualTo(hex("01 02") + "me" + hex("06") + "secret");
            write(socket, hex("01 00"));
            assertThat(read(socket, 18)).endsWith("tunnel.test" + hex("1d 13"));
            write(socket, hex("05 00 00 03 01 61 00 00"));

            carries(socket, dial.sync().getNow());
        }
    }

    @Test
    void whatTheTargetSaysAtOnceIsNotLost() throws Exception {
        Future<Channel> dial = dial("http", "", LONG);
        try (Socket socket = listening.accept()) {
            readHead(socket);
            write(socket, HTTP_OK + "hello");

            carriesAfter("hello", socket, dial);
        }
        dial = dial("socks5", "", LONG);
        try (Socket socket = listening.accept()) {
            read(socket, 3);
            write(socket, hex("05 00"));
            read(socket, 18);
            write(socket, hex("05 00 00 01 00 00 00 00 00 00") + "hello");

            carriesAfter("hello", socket, dial);
        }
    }

    private void carriesAfter(String words, Socket socket, Future<Channel> dial) throws Exception {
        Channel channel = dial.sync().getNow();
        assertThat(channel.config().isAutoRead()).isFalse();
        assertThat(fromTarget.take()).isEqualTo(words);
        carries(socket, channel);
    }

    private DialFailure failure(Future<Channel> dial, Socket socket) throws Exception {
        Throwable failure = catchThrowable(dial::sync);
        assertThat(failure).isInstanceOf(DialFailure.class).hasMessageNotContaining("secret");
        assertThat(socket.getInputStream().read()).isEqualTo(-1); // and the connection is closed
        return (DialFailure) failure;
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "407 No|        |asks for a user name and password (407): write USER:PASSWORD@ before its host in upstream.proxy",
                "407 No|me:secret@|does not accept the user name and password (407): correct them in upstream.proxy",
                "403 No|        |forbids the way there (403): have it allow CONNECT to tunnel.test:7443",
                "502 No|        |does not lead there (502 Bad Gateway): it may not reach the server or know its name",
                "301 No|        |does not lead there (301 Moved Permanently)",
                "2xx No|        |does not answer as one of its kind: correct upstream.proxy",
            })
    void aRefusalOfHttpSaysWhatToDo(String status, String login, String reason) throws Exception {
        Future<Channel> dial = dial("http", login == null ? "" : login, LONG);
        try (Socket socket = listening.accept()) {
            readHead(socket);
            write(socket, "HTTP/1.1 " + status + "\r\nContent-Length: 1\r\n\r\nx");

            assertThat(failure(dial, socket))
                    .hasMessageStartingWith(
                            "tunnel.test:7443: the proxy http://127.0.0.1:" + listening.getLocalPort() + " " + reason);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "01, it does not say why; its log may",
        "02, its rules do not allow it",
        "03, it does not reach that network",
        "04, 'it does not reach that host, or does not know its name'",
        "05, the server refuses the connection",
        "06, the way to the server is too long",
        "07, it cannot CONNECT",
        "08, it does not take such an address",
        "fe, it does not say why; its log may",
    })
    void aRefusalOfSocksSaysWhatToDo(String code, String reason) throws Exception {
        Future<Channel> dial = dial("socks5", "", LONG);
        try (Socket socket = listening.accept()) {
            read(socket, 3);
            write(socket, hex("05 00"));
            read(socket, 18);
            write(socket, hex("05" + code + "00 01 00 00 00 00 00 00"));

            assertThat(failure(dial, socket))
                    .hasMessageContaining("does not lead there (reply ")
                    .hasMessageContaining(reason);
        }
    }

    @Test
    void aLoginThatSocksDoesNotTakeIsSaidToBeWrong() throws Exception {
        Future<Channel> dial = dial("socks5", "", LONG);
        try (Socket socket = listening.accept()) {
            read(socket, 3);
            write(socket, hex("05 ff"));
            assertThat(failure(dial, socket)).hasMessageContaining("asks for a user name and password (RFC 1929)");
        }
        dial = dial("socks5", "me:secret@", LONG);
        try (Socket socket = listening.accept()) {
            read(socket, 4);
            write(socket, hex("05 02"));
            read(socket, 11);
            write(socket, hex("01 01"));
            DialFailure failure = failure(dial, socket);
            assertThat(failure).hasMessageContaining("does not accept the user name and password (RFC 1929)");
            assertThat(failure.code()).isEqualTo(ErrorCode.FORBIDDEN);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"http", "socks5"})
    void whoIsNoProxyIsSaidToBeNone(String scheme) throws Exception {
        Future<Channel> dial = dial(scheme, "", LONG);
        try (Socket socket = listening.accept()) {
            read(socket, 3);
            write(socket, "SSH-2.0-OpenSSH_9.2\r\n");
            assertThat(catchThrowable(dial::sync)).hasMessageContaining("does not answer as one of its kind");
        }
        dial = dial(scheme, "", LONG);
        try (Socket socket = listening.accept()) {
            read(socket, 3);
        }
        assertThat(catchThrowable(dial::sync))
                .hasMessageMatching(".* (has closed the connection without an answer|has broken off): .*");
    }

    @Test
    void anAnswerHasABound() throws Exception {
        Future<Channel> dial = dial("http", "", LONG);
        try (Socket socket = listening.accept()) {
            readHead(socket);
            write(socket, "HTTP/1.1 200 OK\r\nX: " + "x".repeat(9 << 10));
            assertThat(catchThrowable(dial::sync)).hasMessageContaining("does not answer as one of its kind");
        }
    }

    @Test
    void whoSaysNothingIsGivenUpAtTheDeadline() throws Exception {
        Future<Channel> dial = dial("http", "", Duration.ofMillis(200));
        try (Socket socket = listening.accept()) {
            readHead(socket);
            DialFailure failure = failure(dial, socket);
            assertThat(failure).hasMessageContaining("has led nowhere within 200 ms");
            assertThat(failure.code()).isEqualTo(ErrorCode.TIMEOUT);
        }
    }

    @Test
    void whoIsNotThereIsSaidToBe() throws Exception {
        listening.close();

        assertThat(catchThrowable(dial("http", "", LONG)::sync))
                .hasMessageStartingWith("tunnel.test:7443: the proxy http://127.0.0.1:")
                .hasMessageContaining("cannot be reached: ")
                .hasMessageContaining("connection refused")
                .hasMessageEndingWith(". Start it, or correct upstream.proxy");
    }

    @Test
    void aDialThatIsCancelledIsClosed() throws Exception {
        Future<Channel> dial = dial("http", "", LONG);
        try (Socket socket = listening.accept()) {
            readHead(socket);
            dial.cancel(false);

            assertThat(socket.getInputStream().read()).isEqualTo(-1);
        }
    }
}
