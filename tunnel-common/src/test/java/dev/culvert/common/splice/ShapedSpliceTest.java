package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.culvert.common.config.RateConfig;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limit;
import dev.culvert.common.rate.Limits;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Objects;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.awaitility.core.ConditionTimeoutException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * A connection under limits whose clock stands still until a test moves it: what is held back then does not go by
 * itself.
 */
class ShapedSpliceTest {
    private static final Duration PATIENCE = Duration.ofSeconds(10);
    /** Bytes a second. */
    private static final long RATE = 1_000_000;
    /** What comes in within 5 ms. */
    private static final int QUANTUM = 5_000;

    private final Transport transport = Transport.best();
    private final EventLoopGroup loops = transport.newEventLoops(2, "test");
    private final EventLoop loop = loops.next();
    private final MockTicker clock = Ticker.newMockTicker();
    private final Connections connections = new Connections(clock);
    private final Connection connection = connections.add("1", "web", "", "client", "target");
    private final Limit limit = new Limit(clock);
    private final Peer peer = new Peer();
    private final SessionPair tunnel = new SessionPair(stream -> {
        peer.stream = stream;
        stream.attach(peer);
    });
    private Channel channel;
    private Socket application;

    /** In place of the other agent. */
    private static final class Peer implements SpliceTest.Target {
        final ByteArrayOutputStream heard = new ByteArrayOutputStream();

        @Nullable MuxStream stream;

        boolean ended;
        volatile @Nullable ErrorCode reset;

        MuxStream stream() {
            return Objects.requireNonNull(stream);
        }

        @Override
        public void onData(MuxStream from, ByteBuf data) {
            int bytes = data.readableBytes();
            byte[] copy = new byte[bytes];
            data.readBytes(copy).release();
            heard.writeBytes(copy);
            from.consumed(bytes);
        }

        @Override
        public void onFin(MuxStream from) {
            ended = true;
        }

        @Override
        public void onReset(MuxStream from, ErrorCode code, String text) {
            reset = code;
        }
    }

    @BeforeEach
    void connect() throws Exception {
        limit.set(new RateConfig(Optional.of(RATE), Optional.of(RATE)));
        connection.limitedBy(Limits.ofClient(limit));
        try (ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            channel = new Dialer(transport, PATIENCE)
                    .dial(loop, new HostPort("127.0.0.1", listening.getLocalPort()), any -> true)
                    .get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
            application = listening.accept();
        }
        application.setSoTimeout((int) PATIENCE.toMillis());
    }

    @AfterEach
    void close() throws Exception {
        application.close();
        connection.cut(ErrorCode.CANCELLED, "the test is over");
        until(() -> connections.size() == 0);
        loop.submit(tunnel::close).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        loops.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
    }

    private void on(Runnable action) throws Exception {
        loop.submit(action).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    private void open() throws Exception {
        on(() -> Splice.open(
                channel, connection, tunnel.client, OpenRequest.EMPTY, new Prelude(new AtomicLong()), reason -> {}));
    }

    /** Waits; what the sessions say to each other is on its way meanwhile. */
    private void until(BooleanSupplier condition) {
        try {
            await().atMost(PATIENCE)
                    .pollInterval(Duration.ofMillis(1))
                    .until(() -> loop.submit(() -> {
                                tunnel.pump();
                                return condition.getAsBoolean();
                            })
                            .get(PATIENCE.toSeconds(), TimeUnit.SECONDS));
        } catch (ConditionTimeoutException e) {
            throw new AssertionError(state(), e);
        }
    }

    /** For who looks at a wait that was in vain. */
    private String state() {
        return "read %d, written %d, the peer heard %d, its stream's end %s, %s, registered %s, read on %s, handlers %s, %s"
                .formatted(
                        wasRead(),
                        wasWritten(),
                        peer.heard.size(),
                        peer.reset,
                        channel,
                        channel.isRegistered(),
                        channel.config().isAutoRead(),
                        channel.pipeline().names(),
                        connection.status());
    }

    private void pause() throws Exception {
        long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(100);
        until(() -> System.nanoTime() - end > 0);
    }

    private static byte[] random(int count) {
        byte[] bytes = new byte[count];
        new Random(1).nextBytes(bytes);
        return bytes;
    }

    /** So much comes in. */
    private void advance(long bytes) {
        clock.advance(bytes * 1_000_000_000 / RATE, TimeUnit.NANOSECONDS);
    }

    private long wasRead() {
        return connections.tallies().iterator().next().fromSockets();
    }

    private long wasWritten() {
        return connections.tallies().iterator().next().toSockets();
    }

    @Test
    void whatComesFromASocketGoesAQuantumAtATimeAndItsEndAfterTheLastByte() throws Exception {
        open();
        byte[] said = random(200_000);
        application.getOutputStream().write(said);
        application.shutdownOutput();
        until(() -> wasRead() > 0);
        pause();
        assertThat(peer.heard.size()).isZero();
        assertThat(wasRead()).isLessThanOrEqualTo(2 * QUANTUM);

        advance(QUANTUM);
        until(() -> peer.heard.size() > 0);
        pause();
        assertThat(peer.heard.size()).isLessThanOrEqualTo(QUANTUM);

        until(() -> {
            advance(QUANTUM);
            return peer.heard.size() == said.length;
        });
        until(() -> peer.ended);
        assertThat(peer.heard.toByteArray()).isEqualTo(said);
    }

    @Test
    void whatComesFromAStreamGoesAQuantumAtATimeAndItsEndAfterTheLastByte() throws Exception {
        open();
        byte[] said = random(200_000);
        until(() -> peer.stream != null);
        on(() -> {
            peer.stream().write(Unpooled.copiedBuffer(said));
            peer.stream().shutdownOutput();
        });
        pause();
        assertThat(wasWritten()).isZero();
        assertThat(application.getInputStream().available()).isZero();

        advance(QUANTUM);
        until(() -> wasWritten() > 0);
        pause();
        assertThat(wasWritten()).isEqualTo(QUANTUM);
        assertThat(application.getInputStream().readNBytes(QUANTUM)).hasSize(QUANTUM);
        assertThat(application.getInputStream().available()).isZero();

        until(() -> {
            advance(QUANTUM);
            return wasWritten() == said.length;
        });
        assertThat(application.getInputStream().readAllBytes())
                .isEqualTo(Arrays.copyOfRange(said, QUANTUM, said.length));
        application.shutdownOutput();
        until(() -> connections.size() == 0);
        assertThat(connections.tallies().iterator().next().closed()).isOne();
    }

    @Test
    void aResetOfTheSocketDropsWhatIsHeld() throws Exception {
        open();
        application.getOutputStream().write(random(100_000));
        until(() -> wasRead() > 0 && peer.stream != null);
        on(() -> peer.stream().write(Unpooled.wrappedBuffer(random(100_000))));
        pause();

        application.setSoLinger(true, 0);
        application.close();
        until(() -> peer.reset != null);
        assertThat(peer.reset).isEqualTo(ErrorCode.CONNECTION_RESET);
        assertThat(peer.heard.size()).isZero();
        assertThat(connections.size()).isZero();
    }

    @Test
    void aResetOfTheStreamIsOneOfTheSocketAtOnce() throws Exception {
        open();
        application.getOutputStream().write(random(100_000));
        until(() -> wasRead() > 0 && peer.stream != null);
        on(() -> {
            peer.stream().write(Unpooled.wrappedBuffer(random(100_000)));
            tunnel.pump();
            peer.stream().reset(ErrorCode.INTERNAL, "enough");
        });
        until(() -> connections.size() == 0);
        assertThatThrownBy(() -> application.getInputStream().read()).isInstanceOf(SocketException.class);
    }

    @Test
    void aRefusedSocketGoesOnByAnotherSessionWithWhatWasHeld() throws Exception {
        AtomicLong kept = new AtomicLong();
        Prelude said = new Prelude(kept);
        EventLoop otherLoop = loops.next();
        Peer other = new Peer();
        SessionPair second = new SessionPair(stream -> {
            stream.accept();
            stream.attach(other);
        });
        on(() -> Splice.open(
                channel,
                connection,
                tunnel.client,
                OpenRequest.EMPTY,
                said,
                reason -> Transport.register(
                        otherLoop,
                        channel,
                        registered ->
                                Splice.open(channel, connection, second.client, OpenRequest.EMPTY, said, why -> {}))));
        byte[] question = random(2 * QUANTUM + 100);
        application.getOutputStream().write(question);
        application.shutdownOutput();
        advance(QUANTUM);
        until(() -> peer.heard.size() > 0);
        on(() -> peer.stream().reset(ErrorCode.REFUSED, "elsewhere"));

        until(() -> {
            advance(QUANTUM);
            return otherLoop
                    .submit(() -> {
                        second.pump();
                        return other.ended;
                    })
                    .syncUninterruptibly()
                    .getNow();
        });
        assertThat(other.heard.toByteArray()).isEqualTo(question);
        assertThat(kept).hasValue(0);
        otherLoop.submit(second::close).get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
    }

    /** The peer reads on all the while, so that no window holds it back. */
    @Test
    void aSocketIsReadNoFurtherThanCanBeSaidAgainUntilThereIsAnAnswer() throws Exception {
        limit.set(RateConfig.OFF);
        open();
        byte[] said = random(1 << 20);
        CompletableFuture<Void> saying = CompletableFuture.runAsync(() -> {
            try {
                application.getOutputStream().write(said);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        });
        until(() -> wasRead() >= Prelude.MOST);
        pause();
        assertThat(wasRead()).isLessThan(Prelude.MOST + (128 << 10)); // and what was read in one go

        on(() -> peer.stream().accept());
        until(() -> peer.heard.size() == said.length);
        saying.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        assertThat(peer.heard.toByteArray()).isEqualTo(said);
    }

    @Test
    void limitsChangeWhileItIsOpen() throws Exception {
        limit.set(RateConfig.OFF);
        open();
        byte[] said = random(QUANTUM);
        application.getOutputStream().write(said);
        until(() -> peer.heard.size() == QUANTUM);

        limit.set(new RateConfig(Optional.of(RATE), Optional.of(RATE)));
        connections.shape();
        on(() -> {});
        application.getOutputStream().write(said);
        on(() -> peer.stream().write(Unpooled.copiedBuffer(said)));
        until(() -> wasRead() == 2 * QUANTUM);
        pause();
        assertThat(peer.heard.size()).isEqualTo(QUANTUM);
        assertThat(wasWritten()).isZero();

        limit.set(new RateConfig(Optional.of(2 * RATE), Optional.of(2 * RATE)));
        connections.shape();
        advance(QUANTUM / 2);
        until(() -> peer.heard.size() == 2 * QUANTUM && wasWritten() == QUANTUM);

        application.getOutputStream().write(said);
        until(() -> wasRead() == 3 * QUANTUM);
        application.shutdownOutput();
        pause();
        limit.set(RateConfig.OFF);
        connections.shape();
        until(() -> peer.heard.size() == 3 * QUANTUM && peer.ended);
    }

    @Test
    void whoWaitsForALimitIsNotIdleAndTheWaitIsCounted() throws Exception {
        limit.set(new RateConfig(Optional.of(1L << 10), Optional.empty()));
        open();
        application.getOutputStream().write(random(QUANTUM));
        until(() -> wasRead() > 0);
        for (int i = 0; i < 10; i++) {
            clock.advance(900, TimeUnit.MILLISECONDS);
            connection.cutIfIdle(Duration.ofMillis(500));
            pause();
        }
        assertThat(connections.size()).isOne();
        assertThat(connections.tallies().iterator().next().waited()).isGreaterThan(1_000_000_000L);

        limit.set(RateConfig.OFF);
        connections.shape();
        until(() -> peer.heard.size() == QUANTUM);
        clock.advance(900, TimeUnit.MILLISECONDS);
        connection.cutIfIdle(Duration.ofMillis(500));
        until(() -> connections.size() == 0);
    }
}
