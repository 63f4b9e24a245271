package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelDuplexHandler;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.DecoderException;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The connection between a session and a channel: when it writes and flushes, when it reads, what it does with time and
 * failures.
 */
class MuxConnectionTest {
    private static final int HELLO_SECONDS = 10;

    private final MockTicker clock = Ticker.newMockTicker();
    private final Network network = new Network();
    private final Pair.Peer us = new Pair.Peer(MuxSession.Role.CLIENT, MuxSettings.of(ProtocolVersion.SMUX_1), clock);
    private final EmbeddedChannel channel = channel(us.session, network);

    private EmbeddedChannel channel(MuxSession session, ChannelHandler... before) {
        EmbeddedChannel made =
                EmbeddedChannel.builder().ticker(clock).handlers(before).build();
        made.pipeline().addLast(new MuxConnection(session));
        made.runPendingTasks();
        return made;
    }

    /** What a network does: it may take its time. */
    private static final class Network extends ChannelDuplexHandler {
        private boolean stuck;
        private int flushes;

        @Override
        public void flush(ChannelHandlerContext ctx) {
            flushes++;
            if (!stuck) {
                ctx.flush();
            }
        }
    }

    @AfterEach
    void close() {
        channel.finishAndReleaseAll();
        us.recorders.forEach(Recorder::close);
    }

    private Recorder open() {
        Recorder recorder = new Recorder();
        us.recorders.add(recorder);
        recorder.stream = us.session.open(OpenRequest.EMPTY, recorder);
        return recorder;
    }

    private static ByteBuf data(int id, int bytes) {
        ByteBuf frame = ByteBufAllocator.DEFAULT.buffer();
        Frame.writeHeader(frame, ProtocolVersion.SMUX_1, Frame.PSH, bytes, id);
        return frame.writeZero(bytes);
    }

    private void deliver(ByteBuf frame) {
        if (channel.isOpen()) {
            channel.writeInbound(frame);
        } else {
            frame.release();
        }
    }

    private long bytesOut() {
        return bytesOut(channel);
    }

    private static long bytesOut(EmbeddedChannel channel) {
        long bytes = 0;
        ByteBuf part;
        while ((part = channel.readOutbound()) != null) {
            bytes += part.readableBytes();
            part.release();
        }
        return bytes;
    }

    private void pass(long amount, TimeUnit unit) {
        clock.advance(amount, unit);
        channel.runScheduledPendingTasks();
        channel.runPendingTasks();
    }

    @Test
    void bulkWaitsWhileItIsHeld() {
        bytesOut();
        MuxConnection connection = channel.pipeline().get(MuxConnection.class);
        connection.holdBulk(true);
        open().write(20_000);
        open().write(100);
        channel.runPendingTasks();
        assertThat(bytesOut()).isEqualTo(2 * Frame.HEADER + Frame.HEADER + 100);

        connection.holdBulk(false);
        channel.runPendingTasks();
        assertThat(bytesOut()).isEqualTo(Frame.HEADER + 20_000);
    }

    @Test
    void streamsSendNoMoreThanTheyAreAllowed() {
        MuxConnection connection = channel.pipeline().get(MuxConnection.class);
        Recorder stream = open();
        channel.runPendingTasks();
        bytesOut();
        assertThat(connection.isUsedUp()).isFalse();

        connection.allow(5_000);
        stream.write(20_000);
        channel.runPendingTasks();
        assertThat(bytesOut()).isEqualTo(Frame.HEADER + 5_000);
        assertThat(connection.isUsedUp()).isTrue();

        open();
        channel.runPendingTasks();
        assertThat(bytesOut()).as("a SYN").isEqualTo(Frame.HEADER);

        connection.allow(MuxConnection.UNLIMITED);
        channel.runPendingTasks();
        assertThat(bytesOut()).isEqualTo(Frame.HEADER + 15_000);
    }

    @Test
    void oneThatIsAddedToAClosedChannelTellsItsSession() {
        EmbeddedChannel gone = EmbeddedChannel.builder().ticker(clock).build();
        gone.close();
        Pair.Peer other = new Pair.Peer(MuxSession.Role.CLIENT, MuxSettings.of(ProtocolVersion.CULVERT), clock);
        gone.pipeline().addLast(new MuxConnection(other.session));
        gone.runPendingTasks();

        assertThat(other.closed).contains("the connection was closed before it could be used");
    }

    @Test
    void thatNoMemoryIsLeftIsPassedOn() {
        channel.pipeline().fireExceptionCaught(new OutOfMemoryError("no memory"));

        assertThatThrownBy(channel::checkException).isInstanceOf(OutOfMemoryError.class);
        assertThat(us.session.isClosed()).isTrue();
    }

    @Test
    void whatHappensInOneIterationOfTheLoopIsFlushedOnce() {
        for (int i = 0; i < 20; i++) {
            open().write(100);
        }
        assertThat(network.flushes).isZero();

        channel.runPendingTasks();
        assertThat(network.flushes).isEqualTo(1);
        assertThat(bytesOut()).isEqualTo(20 * (Frame.HEADER + Frame.HEADER + 100));
    }

    @Test
    void whatWouldLeaveTheCacheIsSentBeforeTheIterationEnds() {
        int queue = MuxSettings.Flow.DEFAULT.sendQueue();
        Recorder first = open();
        Recorder second = open();

        first.write(queue / 2);
        assertThat(network.flushes).isZero();
        second.write(queue / 2);

        assertThat(network.flushes).isPositive();
        assertThat(bytesOut()).isGreaterThan(queue);
        second.write(queue / 2);
        assertThat(bytesOut()).isZero();
    }

    @Test
    void aHeaderGoesIntoTheRoomBeforeItsPayload() {
        MuxStream stream = open().stream();
        channel.runPendingTasks();
        bytesOut();

        ByteBuf data = ByteBufAllocator.DEFAULT.buffer(200);
        data.setIndex(Frame.HEADER, Frame.HEADER).writeZero(100);
        stream.write(data);
        channel.runPendingTasks();

        ByteBuf sent = channel.readOutbound();
        assertThat(sent).isSameAs(data);
        assertThat(sent.readerIndex()).isZero();
        assertThat(sent.readableBytes()).isEqualTo(Frame.HEADER + 100);
        assertThat(sent.refCnt()).isEqualTo(1);
        sent.release();
    }

    @Test
    void aPayloadWithoutRoomBeforeItIsNotCopiedEither() {
        MuxStream stream = open().stream();
        channel.runPendingTasks();
        bytesOut();

        ByteBuf data = ByteBufAllocator.DEFAULT.buffer(100).writeZero(100);
        stream.write(data);
        channel.runPendingTasks();

        ByteBuf header = channel.readOutbound();
        assertThat(header.readableBytes()).isEqualTo(Frame.HEADER);
        header.release();
        ByteBuf sent = channel.readOutbound();
        assertThat(sent).isSameAs(data);
        sent.release();
    }

    @Test
    void aSlowNetworkIsGivenASmallBatchAndTheRestLater() {
        int bytes = 1 << 20;
        Recorder recorder = open();
        channel.runPendingTasks();
        bytesOut();

        network.stuck = true;
        recorder.write(bytes);
        channel.runPendingTasks();
        assertThat(channel.isWritable()).isFalse();
        assertThat(recorder.stream().queuedBytes()).isBetween(bytes - (64 << 10), bytes - (30 << 10));

        network.stuck = false;
        channel.flush();
        channel.runPendingTasks();
        assertThat(recorder.stream().queuedBytes()).isZero();
        assertThat(bytesOut()).isGreaterThan(bytes);
    }

    @Test
    void batchesGrowWhileTheNetworkTakesThem() {
        Recorder recorder = open();
        channel.runPendingTasks();
        network.flushes = 0;

        recorder.write(1 << 20);
        channel.runPendingTasks();

        assertThat(recorder.stream().queuedBytes()).isZero();
        assertThat(network.flushes).isBetween(5, 8); // 32, 64, 128, 256, 256, ... KiB
    }

    @Test
    void aSessionOverItsBudgetStopsReadingTheChannel() {
        MuxSettings settings =
                MuxSettings.of(ProtocolVersion.SMUX_1).with(new MuxSettings.Flow(1_000, 1_000, 4_000, 1_000, 1_000));
        Pair.Peer small = new Pair.Peer(MuxSession.Role.SERVER, settings, clock);
        EmbeddedChannel in = channel(small.session);
        in.writeInbound(Frame.empty(ProtocolVersion.SMUX_1, Frame.SYN, 3));
        small.recorders.get(0).consuming = false;
        for (int i = 0; i < 5; i++) {
            in.writeInbound(data(3, 1_000));
        }
        assertThat(in.config().isAutoRead()).isFalse();

        small.recorders.get(0).consume();
        assertThat(in.config().isAutoRead()).isTrue();
        in.finishAndReleaseAll();
        small.recorders.forEach(Recorder::close);
    }

    @Test
    void aPeerThatReadsMayAskForMoreAtOnceThanWaitsForOneThatDoesNot() {
        MuxSettings settings = MuxSettings.of(ProtocolVersion.SMUX_1).with(new MuxSettings.Limits(0, 1_000, 10));
        Pair.Peer refusing = new Pair.Peer(MuxSession.Role.SERVER, settings, clock);
        EmbeddedChannel in = channel(refusing.session);
        ByteBuf opens = ByteBufAllocator.DEFAULT.buffer();
        for (int i = 0; i < 100; i++) {
            Frame.writeHeader(opens, ProtocolVersion.SMUX_1, Frame.SYN, 0, 3 + 2 * i);
        }
        in.writeInbound(opens);
        in.runPendingTasks();

        assertThat(refusing.closed).isEmpty();
        assertThat(bytesOut(in)).isEqualTo(90 * Frame.HEADER); // and ten FINs wait until the peer knows their streams
        in.finishAndReleaseAll();
    }

    @Test
    void aPeerThatSaysNothingInTimeIsLeft() {
        Pair.Peer waiting = new Pair.Peer(MuxSession.Role.CLIENT, MuxSettings.of(ProtocolVersion.CULVERT), clock);
        EmbeddedChannel silent = channel(waiting.session);
        clock.advance(HELLO_SECONDS, TimeUnit.SECONDS);
        silent.runScheduledPendingTasks();
        assertThat(waiting.closed).startsWith("timeout: ");

        clock.advance(1, TimeUnit.SECONDS); // its last word had its time
        silent.runScheduledPendingTasks();
        assertThat(silent.isOpen()).isFalse();
        silent.finishAndReleaseAll();
    }

    @Test
    void keepalivesGoOutAndASilentPeerIsDead() {
        bytesOut();
        pass(5, TimeUnit.SECONDS);
        assertThat(bytesOut()).isEqualTo(Frame.HEADER);

        pass(5, TimeUnit.SECONDS);
        pass(5, TimeUnit.SECONDS);
        pass(1, TimeUnit.SECONDS);
        assertThat(us.closed).startsWith("timeout: ");
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void aSlowNetworkHasTimeForTheLastBytes() {
        Recorder recorder = open();
        network.stuck = true;
        recorder.write(1_000);
        recorder.stream().shutdownOutput();
        channel.runPendingTasks();
        us.session.close(ErrorCode.DRAINING, "drained");
        pass(9, TimeUnit.SECONDS);

        network.stuck = false;
        channel.flush();
        assertThat(bytesOut()).isEqualTo(3 * Frame.HEADER + 1_000);
        pass(1, TimeUnit.SECONDS);
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void aNetworkThatTakesNothingIsNotWaitedForLonger() {
        network.stuck = true;
        us.session.close(ErrorCode.DRAINING, "drained");
        pass(10, TimeUnit.SECONDS);
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void aLostConnectionResetsItsStreams() {
        Recorder recorder = open();
        recorder.write(100);
        channel.close();

        assertThat(recorder.events).hasToString("reset(connection reset) ");
        assertThat(us.closed).isEqualTo("connection reset: the peer closed the connection");
    }

    @Test
    void anErrorOfTheChannelEndsTheSessionWithItsWords() {
        channel.pipeline().fireExceptionCaught(new IOException("No route to host"));

        assertThat(us.closed).isEqualTo("connection reset: the connection failed: No route to host");
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void theLastWordReachesAPeerThatIsStillWriting() throws Exception {
        EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        Pair.Peer server =
                new Pair.Peer(MuxSession.Role.SERVER, MuxSettings.of(ProtocolVersion.CULVERT), Ticker.systemTicker());
        Channel listening = new ServerBootstrap()
                .group(loop)
                .channel(NioServerSocketChannel.class)
                .childHandler(new MuxConnection(server.session))
                .bind(InetAddress.getLoopbackAddress(), 0)
                .sync()
                .channel();
        try (Socket peer = new Socket()) {
            peer.connect(listening.localAddress());
            byte[] noHello = new byte[8 << 20]; // more than the sockets hold
            noHello[0] = (byte) ProtocolVersion.CULVERT.wire();
            noHello[1] = Frame.PONG;
            peer.getOutputStream().write(noHello);

            String answer = new String(peer.getInputStream().readAllBytes(), StandardCharsets.ISO_8859_1);
            assertThat(answer).endsWith("PONG of 0 bytes is not legal in culvert (0x82)");
        } finally {
            listening.close().sync();
            loop.shutdownGracefully(0, 5, TimeUnit.SECONDS).sync();
        }
    }

    /** A session that both sides keep, and has just begun. */
    private EmbeddedChannel kept(SessionListener listener) {
        MuxSettings settings =
                MuxSettings.of(ProtocolVersion.CULVERT).with(new MuxSettings.Resume(Duration.ofSeconds(60), 64 << 10));
        MuxSession session =
                new MuxSession(MuxSession.Role.SERVER, settings, listener, SharedBudget.unbounded(), clock);
        EmbeddedChannel in = channel(session);
        ByteBuf tlvs = ByteBufAllocator.DEFAULT.buffer();
        new Hello("peer", 1_000, 1_024, 100, new Hello.Keeping(60_000, 64 << 10), null, null).write(tlvs);
        in.writeInbound(Frame.withTlvs(ProtocolVersion.CULVERT, Frame.HELLO, 0, tlvs));
        tlvs.release();
        return in;
    }

    /** Writes down what becomes of its session, and fails at the first stream. */
    private static class Ends implements SessionListener {
        private final List<String> events = new ArrayList<>();
        private @Nullable MuxSession lost;

        @Override
        public void onStream(MuxSession session, MuxStream stream) {
            throw new StackOverflowError("too deep");
        }

        @Override
        public void onLost(MuxSession session, String text) {
            events.add("lost: " + text);
            lost = session;
        }

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {
            events.add(code + ": " + text);
        }
    }

    /** What has come with it counts as received, and nobody would send it again. */
    @Test
    void aSessionIsNotResumedAfterAnErrorInTheMiddleOfWhatHasCome() {
        Ends ends = new Ends();
        EmbeddedChannel in = kept(ends);
        ByteBuf opens = ByteBufAllocator.DEFAULT.buffer();
        Frame.writeHeader(opens, ProtocolVersion.CULVERT, Frame.SYN, 0, 3);
        Frame.writeHeader(opens, ProtocolVersion.CULVERT, Frame.SYN, 0, 5);
        in.writeInbound(opens);
        in.finishAndReleaseAll();

        assertThat(ends.events)
                .containsExactly("internal error: a listener failed: java.lang.StackOverflowError: too deep");
    }

    /** Of the network, of TLS or of a WebSocket: nothing of it has come to the session. */
    @Test
    void troubleOnTheWayToASessionCostsTheLinkOnly() {
        List<Throwable> troubles = List.of(
                new IOException("No route"),
                new DecoderException(new SSLException("bad mac")),
                new DecoderException("no frame"));
        List<String> events = new ArrayList<>();
        for (Throwable trouble : troubles) {
            Ends ends = new Ends();
            EmbeddedChannel in = kept(ends);
            in.pipeline().fireExceptionCaught(trouble);
            assertThat(in.isOpen()).isFalse();
            in.finishAndReleaseAll();
            events.addAll(ends.events);
            Objects.requireNonNull(ends.lost).close(ErrorCode.CANCELLED, "end of test");
        }
        assertThat(events)
                .containsExactly(
                        "lost: the connection failed: No route",
                        "lost: the connection failed: javax.net.ssl.SSLException: bad mac",
                        "lost: the connection failed: no frame");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void aListenerThatThrowsAtTheEndKeepsNoConnectionOpen(boolean isLost) {
        Ends ends = new Ends() {
            @Override
            public void onLost(MuxSession session, String text) {
                super.onLost(session, text);
                if (isLost) {
                    throw new IllegalStateException("lost");
                }
                session.close(ErrorCode.CANCELLED, "not wanted");
            }

            @Override
            public void onClosed(MuxSession session, ErrorCode code, String text) {
                super.onClosed(session, code, text);
                if (!isLost) {
                    throw new IllegalStateException("closed");
                }
            }
        };
        EmbeddedChannel in = kept(ends);
        in.pipeline().fireExceptionCaught(new IOException("No route"));

        assertThat(in.isOpen()).isFalse();
        assertThat(ends.events)
                .containsExactly(
                        "lost: the connection failed: No route",
                        isLost
                                ? "internal error: a listener failed: java.lang.IllegalStateException: lost"
                                : "cancelled: not wanted");
        in.finishAndReleaseAll();
    }

    @Test
    void aSessionWhoseConnectionCouldNotBeMadeIsTold() throws Exception {
        CompletableFuture<String> closed = new CompletableFuture<>();
        SharedBudget memory = new SharedBudget(1 << 20);
        MuxSession session = new MuxSession(
                MuxSession.Role.CLIENT,
                MuxSettings.of(ProtocolVersion.CULVERT),
                new Ends() {
                    @Override
                    public void onClosed(MuxSession ended, ErrorCode code, String text) {
                        closed.complete(code + ": " + text);
                    }
                },
                memory,
                Ticker.systemTicker());
        EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
        try {
            new Bootstrap()
                    .group(loops)
                    .channel(NioSocketChannel.class)
                    .handler(new MuxConnection(session))
                    .connect(InetAddress.getLoopbackAddress(), 1);
            assertThat(closed.get(30, TimeUnit.SECONDS))
                    .isEqualTo("connection reset: the connection could not be made");
        } finally {
            loops.shutdownGracefully(0, 0, TimeUnit.SECONDS).sync();
        }
    }

    /** Where it may fail. */
    enum Callback {
        DATA,
        FIN,
        WRITABLE,
        RESET
    }

    @ParameterizedTest
    @EnumSource
    void aListenerThatThrowsEndsItsSessionAndNothingElse(Callback where) {
        fail(where, new IllegalStateException("on " + where));
        assertThat(us.closed)
                .isEqualTo("internal error: a listener failed: java.lang.IllegalStateException: on " + where);
    }

    @ParameterizedTest
    @EnumSource
    void anErrorOfAListenerEndsItsSession(Callback where) {
        try {
            fail(where, new StackOverflowError("on " + where));
        } catch (StackOverflowError e) {
            assertThat(where).as("a task hears of it").isEqualTo(Callback.WRITABLE);
        }
        assertThat(us.closed).isEqualTo("internal error: a listener failed: java.lang.StackOverflowError: on " + where);
    }

    private void fail(Callback where, Throwable failure) {
        MuxStream stream = us.session.open(OpenRequest.EMPTY, new Failing(where, failure));
        network.stuck = true;
        stream.write(ByteBufAllocator.DEFAULT.buffer().writeZero(1 << 20));
        if (where != Callback.RESET) {
            network.stuck = false;
            channel.flush();
            channel.runPendingTasks();
        }
        deliver(data(stream.id(), 1));
        deliver(frame(Frame.FIN, stream.id()));
        for (int i = 0; i <= 12; i++) { // who has ended its direction, and takes nothing, is not waited for longer
            pass(5, TimeUnit.SECONDS);
            deliver(frame(Frame.NOP, 0));
        }
    }

    private static ByteBuf frame(int command, int id) {
        return Frame.empty(ProtocolVersion.SMUX_1, command, id);
    }

    private record Failing(Callback where, Throwable failure) implements StreamListener {
        private void failAt(Callback here) {
            if (here == where && failure instanceof Error error) {
                throw error;
            } else if (here == where) {
                throw (RuntimeException) failure;
            }
        }

        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            data.release();
            failAt(Callback.DATA);
        }

        @Override
        public void onFin(MuxStream stream) {
            failAt(Callback.FIN);
        }

        @Override
        public void onWritable(MuxStream stream) {
            failAt(Callback.WRITABLE);
        }

        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {
            failAt(Callback.RESET);
        }
    }
}
