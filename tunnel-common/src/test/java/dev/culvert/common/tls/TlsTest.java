package dev.culvert.common.tls;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.ssl.SslProvider;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Both engines, against themselves and each other, over sockets. */
class TlsTest {
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final Identity SERVER = SelfSigned.make("server");
    private static final Identity CLIENT = SelfSigned.make("client");

    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final Side server = new Side();
    private final Side client = new Side();

    /** What one side has heard, in order: who it trusts, what it got, why it failed. */
    private static final class Side implements TlsGate.Listener {
        private final BlockingQueue<String> heard = new LinkedBlockingQueue<>();

        String next() throws InterruptedException {
            return String.valueOf(heard.poll(TIMEOUT.toSeconds(), TimeUnit.SECONDS));
        }

        @Override
        public void onTrusted(ChannelHandlerContext ctx, X509Certificate[] chain) {
            heard.add("trusts " + Fingerprint.of(chain[0].getPublicKey()));
            ctx.pipeline().addLast(new SimpleChannelInboundHandler<ByteBuf>() {
                @Override
                protected void channelRead0(ChannelHandlerContext context, ByteBuf data) {
                    heard.add("got " + data.toString(StandardCharsets.US_ASCII));
                }

                @Override
                public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
                    heard.add("error " + cause.getMessage());
                }
            });
            ctx.writeAndFlush(ByteBufUtil.writeAscii(ctx.alloc(), "hello"));
        }

        @Override
        public void onFailed(String reason) {
            heard.add("failed " + reason);
        }
    }

    @AfterEach
    void stop() {
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }

    /** Trusts one key. */
    private static Trust only(Identity identity) {
        return chain -> {
            if (!Fingerprint.of(chain[0].getPublicKey()).equals(identity.fingerprint())) {
                throw new UntrustedPeer("who is that?");
            }
        };
    }

    private static ChannelInitializer<Channel> initializer(Supplier<List<ChannelHandler>> handlers) {
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                handlers.get().forEach(channel.pipeline()::addLast);
            }
        };
    }

    private SocketAddress listen(Tls ofServer) {
        return new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childHandler(initializer(() -> ofServer.newHandlers(ByteBufAllocator.DEFAULT, server)))
                .bind(InetAddress.getLoopbackAddress(), 0)
                .syncUninterruptibly()
                .channel()
                .localAddress();
    }

    private void meet(Tls ofServer, List<ChannelHandler> ofClient) {
        new Bootstrap()
                .group(loops)
                .channel(NioSocketChannel.class)
                .handler(initializer(() -> ofClient))
                .connect(listen(ofServer))
                .syncUninterruptibly();
    }

    private void meet(SslProvider serves, SslProvider dials, Identity trustedByServer, Identity trustedByClient) {
        Tls ofServer = Tls.server(serves, SERVER, only(trustedByServer), TIMEOUT);
        Tls ofClient = Tls.client(dials, CLIENT, only(trustedByClient), TIMEOUT);
        meet(ofServer, ofClient.newHandlers(ByteBufAllocator.DEFAULT, client));
    }

    @ParameterizedTest
    @CsvSource({"OPENSSL,OPENSSL", "OPENSSL,JDK", "JDK,OPENSSL", "JDK,JDK"})
    void whoTrustEachOtherSpeak(SslProvider serves, SslProvider dials) throws Exception {
        meet(serves, dials, CLIENT, SERVER);

        assertThat(server.next()).isEqualTo("trusts " + CLIENT.fingerprint());
        assertThat(client.next()).isEqualTo("trusts " + SERVER.fingerprint());
        assertThat(server.next()).isEqualTo("got hello");
        assertThat(client.next()).isEqualTo("got hello");
    }

    @ParameterizedTest
    @CsvSource({"OPENSSL,OPENSSL", "OPENSSL,JDK", "JDK,OPENSSL", "JDK,JDK"})
    void aClientWithAnotherKeyIsToldThatItIsNotAccepted(SslProvider serves, SslProvider dials) throws Exception {
        meet(serves, dials, SERVER, SERVER);

        assertThat(server.next()).isEqualTo("failed who is that?");
        assertThat(client.next())
                .isEqualTo("trusts " + SERVER.fingerprint()); // its handshake is done before the server's
        assertThat(client.next())
                .isEqualTo("error the peer does not accept our key " + CLIENT.fingerprint()
                        + "; list it there, and check that it is this agent's");
    }

    @ParameterizedTest
    @CsvSource({"OPENSSL,OPENSSL", "OPENSSL,JDK", "JDK,OPENSSL", "JDK,JDK"})
    void aServerWithAnotherKeyIsLeftAndTold(SslProvider serves, SslProvider dials) throws Exception {
        meet(serves, dials, CLIENT, CLIENT);

        assertThat(client.next()).isEqualTo("failed who is that?");
        assertThat(server.next())
                .isEqualTo("failed the peer does not accept our key " + SERVER.fingerprint()
                        + "; list it there, and check that it is this agent's");
    }

    @ParameterizedTest
    @EnumSource(names = {"OPENSSL", "JDK"})
    void whoDoesNotSpeakTlsIsTold(SslProvider serves) throws Exception {
        meet(Tls.server(serves, SERVER, only(CLIENT), TIMEOUT), List.of(new SimpleChannelInboundHandler<ByteBuf>() {
            @Override
            public void channelActive(ChannelHandlerContext ctx) {
                ctx.writeAndFlush(ByteBufUtil.writeAscii(ctx.alloc(), "GET / HTTP/1.0\r\n\r\n"));
            }

            @Override
            protected void channelRead0(ChannelHandlerContext ctx, ByteBuf data) {}
        }));

        assertThat(server.next()).isEqualTo("failed the peer does not speak TLS");
    }

    /** A resumed session would skip it; the JDK's client resumes whenever it has been given a ticket. */
    @ParameterizedTest
    @EnumSource(names = {"OPENSSL", "JDK"})
    void whoComesAgainIsLookedAtAgain(SslProvider serves) throws Exception {
        BlockingQueue<Fingerprint> lookedAt = new LinkedBlockingQueue<>();
        Trust look = chain -> lookedAt.add(Fingerprint.of(chain[0].getPublicKey()));
        SocketAddress address = listen(Tls.server(serves, SERVER, look, TIMEOUT));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(ofClient(), new javax.net.ssl.TrustManager[] {new TrustManager(only(SERVER))}, null);
        for (int i = 1; i <= 3; i++) {
            try (Socket socket = context.getSocketFactory().createSocket()) {
                socket.setSoTimeout((int) TIMEOUT.toMillis());
                socket.connect(address);
                assertThat(socket.getInputStream().readNBytes(5)).asString().isEqualTo("hello"); // tickets come before
            }
            assertThat(lookedAt).hasSize(i);
        }
    }

    private static KeyManager[] ofClient() throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        store.setKeyEntry("client", CLIENT.key(), new char[0], CLIENT.chain());
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(store, new char[0]);
        return factory.getKeyManagers();
    }

    @ParameterizedTest
    @EnumSource(names = {"OPENSSL", "JDK"})
    void whoSaysNothingIsLeftInTime(SslProvider serves) throws Exception {
        meet(Tls.server(serves, SERVER, only(CLIENT), Duration.ofMillis(200)), List.of());

        assertThat(server.next()).isEqualTo("failed no TLS handshake in time");
    }
}
