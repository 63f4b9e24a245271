package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.AdaptiveRecvByteBufAllocator;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoop;
import io.netty.channel.RecvByteBufAllocator;
import io.netty.channel.socket.DuplexChannel;
import io.netty.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connection under a {@link MuxSession}: the handler of a channel's pipeline behind which nobody sees the session's
 * bytes. It moves them and keeps time; all state that streams need is the session's. When it flushes stands in
 * {@link BatchWriter}.
 */
public final class MuxConnection extends ChannelInboundHandlerAdapter implements Wire {
    /**
     * What TCP_NOTSENT_LOWAT should be, in bytes, where the channel has it: enough to keep a link busy, too few to make
     * another stream wait. The kernel may hold 64 KiB more: it adds to the last of its buffers without looking at this.
     */
    public static final int UNSENT_LOW_WATER = 32 << 10;
    /** For {@link #allow}: as much as the kernel takes. */
    public static final int UNLIMITED = Integer.MAX_VALUE;

    private static final Logger LOG = LoggerFactory.getLogger(MuxConnection.class);

    private static final int MIN_READ = 4 << 10;
    static final int MAX_READ = 256 << 10;
    /**
     * Reads in an iteration of the event loop: what they bring should be passed on while the processor's cache has it.
     */
    private static final int READS = 2;
    /** How long the kernel may take for the last that we have said: on a slow link it is a while. */
    private static final long FLUSH_MILLIS = 10_000;
    /** How long a peer may take to close then. */
    private static final long LINGER_MILLIS = 1_000;

    private MuxSession session;
    private final Runnable run = this::run;
    private final BatchWriter writer = new BatchWriter();
    private @Nullable ChannelHandlerContext context;

    private boolean awake;
    private boolean sending;
    private boolean attached;
    /** On its way to the event loop of another session. */
    private boolean moving;

    private @Nullable Future<?> tick;
    private long tickAt;

    public MuxConnection(MuxSession session) {
        this.session = session;
    }

    @Override
    public void handlerAdded(ChannelHandlerContext ctx) {
        context = ctx;
        writer.writeTo(ctx);
        ctx.channel().config().setRecvByteBufAllocator(reads());
        if (ctx.channel().isActive()) {
            attach();
        } else if (!ctx.channel().isOpen()) { // nobody else will tell the session
            attach();
            disconnected("the connection was closed before it could be used");
        }
    }

    /**
     * How a channel that carries a session is to be read. This handler sees to it, but a channel goes on as it has
     * begun: one that is read before, because TLS comes first, is to have this from the start.
     */
    public static RecvByteBufAllocator reads() {
        return new AdaptiveRecvByteBufAllocator(MIN_READ, MIN_READ, MAX_READ).maxMessagesPerRead(READS);
    }

    @Override
    public void channelActive(ChannelHandlerContext ctx) {
        attach();
        ctx.fireChannelActive();
    }

    /** One that never was a connection: nobody else will tell the session. */
    @Override
    public void handlerRemoved(ChannelHandlerContext ctx) {
        if (!attached) {
            attach();
            disconnected("the connection could not be made");
        }
    }

    private void attach() {
        if (!attached) {
            attached = true;
            attempt(() -> session.attach(this));
        }
    }

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        pass((ByteBuf) message);
    }

    @Override
    public void pass(ByteBuf in) {
        if (moving || !session.isCarriedBy(this)) {
            // While this moves, the peer waits for our answer and says nothing; and what comes here for a session that
            // has another connection by now comes again there.
            in.release();
            return;
        }
        try {
            session.receive(in);
        } catch (RuntimeException | Error e) {
            failed(e);
        }
    }

    private void attempt(Runnable step) {
        try {
            step.run();
        } catch (RuntimeException | Error e) {
            failed(e);
        }
    }

    /**
     * A listener that throws ends its session, and nothing else. With an Error, too, the session ends before anybody
     * else hears of it: what has come counts as received, and is done by half, so nobody may resume that. No memory is
     * not the connection's trouble alone: the handlers after this one hear of it, also where a task would keep it to
     * itself.
     */
    private void failed(Throwable failure) {
        if (failure instanceof OutOfMemoryError) {
            if (context != null) {
                context.fireExceptionCaught(failure);
            }
        } else {
            LOG.error("{}: a listener failed", session, failure);
            session.close(ErrorCode.INTERNAL, "a listener failed: " + failure);
        }
        if (failure instanceof Error error) {
            throw error;
        }
    }

    @Override
    public void channelWritabilityChanged(ChannelHandlerContext ctx) {
        if (ctx.channel().isWritable() && !sending) {
            wake();
        }
        ctx.fireChannelWritabilityChanged();
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        disconnected("the peer closed the connection");
        ctx.fireChannelInactive();
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        if (cause instanceof OutOfMemoryError) {
            ctx.fireExceptionCaught(cause);
        }
        if (cause instanceof Error && session.isClosed()) {
            return; // it was a listener's, and the end of its session closes the connection
        }
        try {
            disconnected("the connection failed: " + SystemError.words(cause));
        } finally {
            ctx.close();
        }
    }

    private void disconnected(String text) {
        if (!moving && session.isCarriedBy(this)) {
            attempt(() -> session.disconnected(text));
            if (session.isClosed()) {
                stopTicking();
            }
        }
    }

    private void stopTicking() {
        if (tick != null) {
            tick.cancel(false);
            tick = null;
        }
    }

    /**
     * Carries {@code other} from now on, which it may do only when {@link SessionListener#onResume} has just been asked
     * and says so; as soon as it has come to that session's event loop.
     *
     * @param loop of {@code other}
     * @param peerHas as it was told there
     * @param carried run on that loop once it does, before {@link SessionListener#onResumed}; never, if that has become
     *     impossible
     */
    public void carry(MuxSession other, EventLoop loop, long peerHas, Runnable carried) {
        if (context == null) {
            throw new IllegalStateException("has no channel");
        }
        stopTicking();
        Channel channel = context.channel();
        if (channel.eventLoop() == loop) {
            resume(other, peerHas, carried);
            return;
        }
        moving = true;
        channel.config().setAutoRead(false);
        channel.deregister()
                .addListener(left -> loop.register(channel).addListener(arrived -> {
                    moving = false;
                    if (arrived.isSuccess() && channel.isActive()) {
                        channel.config().setAutoRead(true);
                        resume(other, peerHas, carried);
                    } else {
                        channel.unsafe().closeForcibly();
                    }
                }));
    }

    private void resume(MuxSession other, long peerHas, Runnable carried) {
        if (context == null || !context.channel().isActive()) {
            drop();
            return;
        }
        session = other;
        attempt(() -> other.resume(this, peerHas, carried));
    }

    /**
     * Nothing comes by this connection any more: the session waits for another, if it can be resumed; else nothing
     * happens.
     */
    public void leave(String text) {
        if (!moving && session.isCarriedBy(this)) {
            attempt(() -> session.leaveLink(text));
        }
    }

    /**
     * Whether bulk waits from now on, until this is taken back: streams with more than {@value Scheduler#LITTLE} bytes
     * to send. For moments in which the kernel sends next to nothing, so that what it was given before stands in the
     * way of whoever has a keystroke to send. Event loop only.
     */
    public void holdBulk(boolean on) {
        writer.holdBulk(on);
        if (!on) {
            wake();
        }
    }

    /**
     * How much streams may send from now on, bytes, in frames that are no longer; {@link #UNLIMITED}: as much as the
     * kernel takes. For slow lines, where it takes long what the kernel takes. Event loop only.
     */
    public void allow(int bytes) {
        writer.allow(bytes);
        if (bytes > 0) {
            wake();
        }
    }

    /** Whether streams have sent all that they might, and wait to be allowed more if they have any. Event loop only. */
    public boolean isUsedUp() {
        return writer.isUsedUp();
    }

    // ---- Wire

    @Override
    public void wake() {
        // Not on its way to another event loop, where it begins with this: a task of the one that it leaves would run
        // beside that.
        if (!awake && !moving && context != null) {
            awake = true;
            // Runs after the I/O of this iteration of the loop, so after everything that may still have something to
            // send.
            context.executor().execute(run);
        }
    }

    @Override
    public void send() {
        if (sending || context == null || !context.channel().isActive()) {
            return;
        }
        sending = true;
        try {
            if (writer.send(session, context)) {
                wake();
            }
        } catch (RuntimeException | Error e) {
            failed(e);
        } finally {
            sending = false;
        }
    }

    private void run() {
        awake = false;
        if (!moving && session.isCarriedBy(this)) {
            send();
            scheduleTick();
        }
    }

    private void scheduleTick() {
        if (context == null || session.isClosed() || !(context.channel().isActive() || session.isLost())) {
            return;
        }
        long next = session.nextTick();
        if (tick != null && tickAt <= next) {
            return; // it will look again then
        }
        stopTicking();
        tickAt = next;
        long delay = Math.max(0, next - session.now());
        tick = context.executor().schedule(this::tick, delay, TimeUnit.NANOSECONDS);
    }

    private void tick() {
        tick = null;
        if (!session.isCarriedBy(this)) {
            return;
        }
        attempt(session::tick);
        scheduleTick();
    }

    @Override
    public void reading(boolean on) {
        if (context != null) {
            context.channel().config().setAutoRead(on);
        }
    }

    @Override
    public void close() {
        if (context == null || !context.channel().isActive()) {
            return;
        }
        Channel channel = context.channel();
        writer.drain(session);
        channel.config().setAutoRead(true);
        closeAfter(channel, FLUSH_MILLIS);
        context.writeAndFlush(Unpooled.EMPTY_BUFFER).addListener(done -> {
            if (done.isSuccess() && channel instanceof DuplexChannel duplex) {
                // Closing with unread bytes in the socket would be a TCP reset, which may overtake our last word.
                duplex.shutdownOutput();
                closeAfter(channel, LINGER_MILLIS);
            } else {
                channel.close();
            }
        });
    }

    private static void closeAfter(Channel channel, long millis) {
        var deadline = channel.eventLoop().schedule(() -> channel.close(), millis, TimeUnit.MILLISECONDS);
        channel.closeFuture().addListener(closed -> deadline.cancel(false));
    }

    /** At once: TLS would say goodbye first, and wait some seconds for that where nothing gets through any more. */
    @Override
    public void drop() {
        stopTicking();
        if (context != null) {
            Channel channel = context.channel();
            channel.unsafe().close(channel.voidPromise());
        }
    }
}
