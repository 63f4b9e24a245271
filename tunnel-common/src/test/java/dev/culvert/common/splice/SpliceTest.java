package dev.culvert.common.splice;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Transport;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.Ticker;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SpliceTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    private final Transport transport = Transport.best();
    private final EventLoopGroup loops = transport.newEventLoops(2, "test");
    private final EventLoop loop = loops.next();
    private final Connections connections = new Connections(Ticker.systemTicker());

    @AfterEach
    void close() {
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    private static MuxSession newSession() {
        return new MuxSession(
                MuxSession.Role.CLIENT, MuxSettings.of(ProtocolVersion.SMUX_1), SessionPair.listener(stream -> {}));
    }

    /** In place of a target. */
    interface Target extends StreamListener {
        @Override
        default void onData(MuxStream stream, ByteBuf data) {
            data.release();
        }

        @Override
        default void onReset(MuxStream stream, ErrorCode code, String text) {}
    }

    /** One that writes down what it hears. */
    private static class Hearing implements Target {
        private final StringBuilder heard = new StringBuilder();

        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            heard.append(data.toString(UTF_8));
            data.release();
        }

        @Override
        public void onFin(MuxStream stream) {}
    }

    @Test
    void aSocketWhoseOpenRequestWasRefusedGoesOnByAnotherSessionWithAllItHasSaid() throws Exception {
        AtomicLong kept = new AtomicLong();
        Target refusing = stream -> stream.reset(ErrorCode.REFUSED, "when all has arrived");
        Hearing answering = new Hearing() {
            @Override
            public void onFin(MuxStream stream) {
                stream.write(Unpooled.copiedBuffer("answer", UTF_8));
                stream.shutdownOutput();
            }
        };
        EventLoop otherLoop = loops.next();
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                SessionPair first = new SessionPair(stream -> stream.attach(refusing));
                SessionPair second = new SessionPair(stream -> {
                    stream.accept();
                    stream.attach(answering);
                })) {
            HostPort address = new HostPort("127.0.0.1", listening.getLocalPort());
            Channel channel = new Dialer(transport, PATIENCE)
                    .dial(loop, address, any -> true)
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            try (Socket application = listening.accept()) {
                Connection connection = connections.add("1", "web", "", "client", address.toString());
                Prelude said = new Prelude(kept);
                // Joined before anything comes: who is not read yet, but on an event loop, hears of the end all the
                // same.
                loop.submit(() -> Splice.open(
                                channel,
                                connection,
                                first.client,
                                OpenRequest.EMPTY,
                                said,
                                reason -> Transport.register(
                                        otherLoop,
                                        channel,
                                        registered -> Splice.open(
                                                channel,
                                                connection,
                                                second.client,
                                                OpenRequest.EMPTY,
                                                said,
                                                why -> {}))))
                        .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                application.getOutputStream().write("question".getBytes(UTF_8));
                application.shutdownOutput();

                long deadline = System.nanoTime() + PATIENCE.toNanos();
                while (connections.size() > 0) {
                    assertThat(System.nanoTime()).isLessThan(deadline);
                    loop.submit(first::pump).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                    otherLoop.submit(second::pump).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                }
                application.setSoTimeout((int) PATIENCE.toMillis());
                byte[] answer = application.getInputStream().readAllBytes();
                assertThat(answer).asString(UTF_8).isEqualTo("answer");
            }
        }
        assertThat(answering.heard).hasToString("question");
        assertThat(kept).hasValue(0);
        assertThat(connections.tallies()).singleElement().satisfies(tally -> {
            assertThat(tally.retried()).isOne();
            assertThat(tally.fromSockets()).isEqualTo("question".length());
            assertThat(tally.closed()).isOne();
        });
    }

    /** Such as those of TLS with the target, which are behind a header that says who has connected. */
    @Test
    void whatAConnectionBeginsWithComesBeforeTheWordsOfItsHandlers() {
        Hearing target = new Hearing();
        EmbeddedChannel channel = new EmbeddedChannel();
        channel.config().setAutoRead(false);
        channel.pipeline().addFirst(new ChannelDuplexHandler() {
            private boolean hasSpoken;

            @Override
            public void read(ChannelHandlerContext ctx) {
                if (!hasSpoken) {
                    hasSpoken = true;
                    ctx.fireChannelRead(Unpooled.copiedBuffer("hello", UTF_8));
                }
                ctx.read();
            }
        });
        Prelude said = new Prelude(new AtomicLong());
        said.beginWith(Unpooled.copiedBuffer("header ", UTF_8));
        try (SessionPair sessions = new SessionPair(stream -> {
            stream.accept();
            stream.attach(target);
        })) {
            Connection connection = connections.add("1", "web", "", "client", "target");
            Splice.open(channel, connection, sessions.client, OpenRequest.EMPTY, said, why -> {});
            sessions.pump();

            assertThat(target.heard).hasToString("header hello");
        } finally {
            channel.finishAndReleaseAll();
        }
    }

    /** Which it may only do when the channel has come to its event loop. */
    @Test
    void whoComesToASessionThatTakesNoMoreGoesElsewhere() throws Exception {
        EventLoop otherLoop = loops.next();
        MuxSession session = newSession();
        CompletableFuture<Boolean> found = new CompletableFuture<>();
        List<String> refusals = new ArrayList<>();
        AtomicInteger left = new AtomicInteger();
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            HostPort address = new HostPort("127.0.0.1", listening.getLocalPort());
            DuplexChannel channel = (DuplexChannel) new Dialer(transport, PATIENCE)
                    .dial(loop, address, any -> true)
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            Connection connection = connections.add("1", "web", "", "client", address.toString());
            Arrival arrival = new Arrival(
                    channel, connection, OpenRequest.EMPTY, Long.MAX_VALUE, new Prelude(new AtomicLong()), null);
            otherLoop.execute(() -> {
                arrival.open(otherLoop, session, left::incrementAndGet, refusals::add, found::complete);
                session.close(ErrorCode.CANCELLED, "while the channel is on its way");
            });

            assertThat(found.get(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isFalse();
            assertThat(refusals).isEmpty();
            assertThat(left).hasValue(1);
            assertThat(channel.isOpen()).isTrue();
            arrival.reject(otherLoop, ErrorCode.CANCELLED, "the test is over");
            channel.closeFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            assertThat(otherLoop.submit(connections::size).get(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                    .isZero();
        }
    }

    /** A channel takes no options any more between its closing and the moment its handlers hear of that. */
    @Test
    void aSessionThatEndsWhileTheSocketClosesEndsTheConnection() throws Exception {
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            HostPort address = new HostPort("127.0.0.1", listening.getLocalPort());
            Channel channel = new Dialer(transport, PATIENCE)
                    .dial(loop, address, any -> true)
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            try (Socket accepted = listening.accept()) {
                loop.submit(() -> {
                            MuxSession session = newSession();
                            EmbeddedChannel wire = new EmbeddedChannel(new MuxConnection(session));
                            Connection connection = connections.add("1", "web", "", "client", address.toString());
                            Splice.open(
                                    channel,
                                    connection,
                                    session,
                                    OpenRequest.EMPTY,
                                    new Prelude(new AtomicLong()),
                                    reason -> {});
                            channel.close();
                            session.close(ErrorCode.CONNECTION_RESET, "the peer is gone");
                            wire.finishAndReleaseAll();
                        })
                        .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                assertThat(connections.size()).isZero();
                accepted.setSoTimeout((int) PATIENCE.toMillis());
                assertThatThrownBy(() -> accepted.getInputStream().read())
                        .isInstanceOf(SocketException.class)
                        .hasMessageContaining("reset");
            }
        }
    }

    /** A peer before smux 1.5.54, for which FIN ends both directions: there is nobody to read the target for. */
    @Test
    void theTargetOfAPeerThatHasEndedBothDirectionsIsReadNoMore() throws Exception {
        MuxSettings.StockPeer usual = MuxSettings.StockPeer.DEFAULT;
        MuxSettings old = MuxSettings.of(ProtocolVersion.SMUX_1)
                .with(new MuxSettings.StockPeer(
                        usual.receiveBuffer(), false, usual.stallTimeout(), usual.greetingHold(), usual.finDelay()));
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            HostPort address = new HostPort("127.0.0.1", listening.getLocalPort());
            Channel channel = new Dialer(transport, PATIENCE)
                    .dial(loop, address, any -> true)
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            try (Socket target = listening.accept()) {
                target.setSoTimeout((int) PATIENCE.toMillis());
                EmbeddedChannel wire = loop.submit(() -> {
                            EmbeddedChannel peer = new EmbeddedChannel(new MuxConnection(new MuxSession(
                                    MuxSession.Role.SERVER,
                                    old,
                                    SessionPair.listener(stream -> Splice.accept(
                                            channel,
                                            connections.add("1", "web", "", "client", address.toString()),
                                            stream)))));
                            peer.writeInbound(Unpooled.wrappedBuffer(new byte[] {
                                1, 0, 0, 0, 3, 0, 0, 0, // SYN
                                1, 2, 2, 0, 3, 0, 0, 0, 'h', 'i', // PSH
                                1, 1, 0, 0, 3, 0, 0, 0 // FIN
                            }));
                            return peer;
                        })
                        .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);

                assertThat(target.getInputStream().readAllBytes())
                        .asString(UTF_8)
                        .isEqualTo("hi");
                channel.closeFuture().get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
                assertThat(loop.submit(connections::size).get(PATIENCE.toSeconds(), TimeUnit.SECONDS))
                        .isZero();
                loop.submit(wire::finishAndReleaseAll).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            }
        }
    }
}
