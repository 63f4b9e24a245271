package dev.culvert.common.splice;

import dev.culvert.common.rate.Bucket;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Datagrams.Loss;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Joins the datagrams of one sender and a stream: the counterpart of {@link Splice} for UDP. Each datagram is a write
 * with its length in front ({@code docs/protocol.md}, section 3).
 *
 * <p>A datagram is lost rather than late: the stream holds one at a time, so that the next is chosen when it can be
 * sent, and what waits for that waits in a {@link DatagramQueue}. A direction that is limited has a
 * {@link DatagramThrottle} in front. A flow has no end of its own. It ends when it has been silent for long enough, at
 * the side that knows for how long, and it does not half-close: a FIN is answered with a FIN.
 *
 * <p>Event loop of the session only, but for {@link #frame}.
 */
public final class Flow implements StreamListener {
    /** What may be said before the other side has taken the flow on, bytes: it keeps that until its socket is there. */
    private static final int MOST_EARLY = 64 << 10;
    /**
     * Empty datagrams for the socket in one iteration of the loop: each has 2 bytes in the stream, and is a call of the
     * kernel.
     */
    private static final int MOST_EMPTY = 64;

    private final EventLoop loop;
    private final Connection connection;
    private final Socket socket;
    private final DatagramMemory memory;
    private final DatagramQueue queue;
    private final DatagramDecoder decoder;
    private final Runnable flush = this::flush;

    private @Nullable MuxStream stream;
    /** Null: what comes from the socket is not limited. */
    private @Nullable DatagramThrottle toStream;
    /** Null: what comes from the stream is not limited. */
    private @Nullable DatagramThrottle toSocket;

    private @Nullable Future<?> alarm;
    private boolean flushing;
    /** Empty datagrams for the socket since the last flush. */
    private int empty;

    private boolean opened;
    private int early;
    private int lost;
    private boolean ended;

    /** The near end of a flow. Event loop of the session. */
    public interface Socket {
        /** Sends a datagram, which it takes, at the next {@link #flush}. False: it cannot, and has dropped it. */
        boolean send(ByteBuf datagram);

        void flush();

        /**
         * The flow has ended.
         *
         * @param refused the other side has not taken it on, and would not if it was asked again at once
         */
        void ended(boolean refused);
    }

    private Flow(EventLoop loop, Connection connection, DatagramMemory memory, Socket socket) {
        this.loop = loop;
        this.connection = connection;
        this.socket = socket;
        this.memory = memory;
        queue = new DatagramQueue(loop, connection::now, memory, this::lose);
        decoder = new DatagramDecoder(this::pass);
    }

    /**
     * Opens a stream for a flow.
     *
     * @param timeout it ends when it has been silent for so long
     * @throws IllegalStateException when the session takes no streams
     */
    public static Flow open(
            EventLoop loop,
            Connection connection,
            MuxSession session,
            OpenRequest request,
            DatagramMemory memory,
            Duration timeout,
            Socket socket) {
        Flow flow = new Flow(loop, connection, memory, socket);
        flow.join(session.open(request, flow));
        flow.endIfIdle(timeout.toNanos(), timeout.toNanos());
        return flow;
    }

    /** Accepts a stream for a flow whose socket is there; what has come already is passed on at {@link #begin}. */
    public static Flow accept(
            EventLoop loop, Connection connection, MuxStream stream, DatagramMemory memory, Socket socket) {
        Flow flow = new Flow(loop, connection, memory, socket);
        stream.accept();
        flow.opened = true;
        connection.opened();
        flow.join(stream);
        return flow;
    }

    /** Of one that was accepted: the socket knows it from now on. */
    public void begin() {
        if (stream != null) {
            stream.attach(this);
        }
    }

    private void join(MuxStream newStream) {
        stream = newStream;
        newStream.queueOneWrite();
        connection.join(loop, newStream, this::cut, this::shape);
        shape();
    }

    /** Takes on the limits as they are now. */
    private void shape() {
        if (!ended && stream != null) {
            MuxStream to = stream;
            Limits limits = connection.limits();
            toStream = shape(toStream, limits.fromSocket(), DatagramDecoder.HEADER, framed -> send(to, framed));
            toSocket = shape(toSocket, limits.toSocket(), 0, this::write);
        }
    }

    private @Nullable DatagramThrottle shape(
            @Nullable DatagramThrottle present, List<Bucket> buckets, int around, Consumer<ByteBuf> out) {
        if (present == null) {
            return buckets.isEmpty()
                    ? null
                    : new DatagramThrottle(connection, loop, buckets, around, memory, this::lose, out);
        }
        if (buckets.isEmpty()) {
            present.letAllGo();
            return null;
        }
        present.use(buckets);
        return present;
    }

    private void endIfIdle(long timeoutNanos, long afterNanos) {
        alarm = loop.schedule(
                () -> {
                    long idle = connection.idleNanos();
                    if (idle < timeoutNanos) {
                        endIfIdle(timeoutNanos, timeoutNanos - idle);
                    } else {
                        close("idle for " + idle / 1_000_000 + " ms");
                    }
                },
                afterNanos,
                TimeUnit.NANOSECONDS);
    }

    // ---- from the socket to the stream

    /**
     * A datagram that {@link #fits} as {@link #send} takes it: a copy, with its length and room for a frame's header in
     * front. Any thread.
     */
    public static ByteBuf frame(ByteBuf datagram) {
        int bytes = datagram.readableBytes();
        int capacity = MuxStream.HEADROOM + DatagramDecoder.HEADER + bytes;
        return ByteBufAllocator.DEFAULT
                .ioBuffer(capacity, capacity)
                .setIndex(MuxStream.HEADROOM, MuxStream.HEADROOM)
                .writeShortLE(bytes)
                .writeBytes(datagram, datagram.readerIndex(), bytes);
    }

    /** Whether a datagram is one that a stream can carry. */
    public static boolean fits(ByteBuf datagram) {
        return datagram.readableBytes() <= DatagramDecoder.MOST;
    }

    /** A datagram has come from the socket. Takes {@code framed}, see {@link #frame}. */
    public void send(ByteBuf framed) {
        connection.fromSocket(framed.readableBytes() - DatagramDecoder.HEADER);
        connection.datagrams().fromSocket();
        if (stream == null || ended) {
            framed.release();
            lose(Loss.ENDED);
        } else if (toStream != null) {
            toStream.add(framed);
        } else {
            send(stream, framed);
        }
    }

    private void send(MuxStream to, ByteBuf framed) {
        if (queue.isEmpty() && maySend(to, framed.readableBytes())) {
            write(to, framed);
        } else {
            queue.add(framed);
            sendWaiting(to);
        }
    }

    private boolean maySend(MuxStream to, int bytes) {
        return to.isWritable() && (opened || early == 0 || early + bytes <= MOST_EARLY);
    }

    private void write(MuxStream to, ByteBuf framed) {
        if (!opened) {
            early += framed.readableBytes();
        }
        to.write(framed);
    }

    private void sendWaiting(MuxStream to) {
        for (int bytes = queue.next(); bytes >= 0 && maySend(to, bytes); bytes = queue.next()) {
            ByteBuf framed = queue.poll();
            if (framed != null) {
                write(to, framed);
            }
        }
    }

    @Override
    public void onWritable(MuxStream from) {
        sendWaiting(from);
    }

    @Override
    public void onOpened(MuxStream from) {
        opened = true;
        connection.opened();
        sendWaiting(from);
    }

    // ---- from the stream to the socket

    @Override
    public void onData(MuxStream from, ByteBuf data) {
        int before = decoder.held();
        int bytes = data.readableBytes();
        if (ended) {
            data.release();
        } else if (!decoder.decode(data)) {
            cut(ErrorCode.PROTOCOL_ERROR, "a datagram has " + DatagramDecoder.MOST + " bytes at most");
        }
        // Nobody waits for a socket of UDP. What is held counts as unread, and is bounded as that is.
        from.consumed(before + bytes - decoder.held());
    }

    private void pass(ByteBuf datagram) {
        if (toSocket == null) {
            write(datagram);
        } else { // a copy: it would keep all that has come with it, for as long as it waits
            toSocket.add(datagram.copy());
            datagram.release();
        }
    }

    private void write(ByteBuf datagram) {
        int bytes = datagram.readableBytes();
        if (give(datagram)) {
            connection.toSocket(bytes);
            connection.datagrams().toSocket();
        } else {
            lose(Loss.SOCKET);
        }
        if (!flushing) {
            flushing = true;
            loop.execute(flush); // once, after all that this iteration of the loop brings
        }
    }

    private boolean give(ByteBuf datagram) {
        if (!datagram.isReadable() && ++empty > MOST_EMPTY) {
            datagram.release();
            return false;
        }
        return socket.send(datagram);
    }

    private void flush() {
        flushing = false;
        empty = 0;
        socket.flush();
    }

    /** A datagram was dropped. */
    public void lose(Loss why) {
        lost++;
        connection.datagrams().lose(why);
    }

    // ---- the end

    /** Nobody has a use for it any more. */
    public void close(String why) {
        end(ErrorCode.CANCELLED, why, null, "closed: " + why);
    }

    private void cut(ErrorCode code, String why) {
        end(code, why, code, "reset: " + why);
    }

    private void end(ErrorCode told, String why, @Nullable ErrorCode code, String reason) {
        if (stream != null) {
            stream.reset(told, why);
        }
        ended(code, reason);
    }

    @Override
    public void onFin(MuxStream from) {
        from.shutdownOutput();
        ended(null, "closed");
    }

    @Override
    public void onReset(MuxStream from, ErrorCode code, String text) {
        String said = text.isEmpty() ? code.toString() : code + ": " + text;
        if (code == ErrorCode.CANCELLED) {
            ended(null, "closed by the other side" + (text.isEmpty() ? "" : ": " + text));
        } else {
            ended(code, "reset: " + said);
        }
    }

    private void ended(@Nullable ErrorCode code, String reason) {
        if (ended) {
            return;
        }
        ended = true;
        if (alarm != null) {
            alarm.cancel(false);
        }
        if (toStream != null) {
            toStream.end();
            toStream = null;
        }
        if (toSocket != null) {
            toSocket.end();
            toSocket = null;
        }
        queue.end();
        if (stream != null) {
            stream.consumed(decoder.held());
        }
        decoder.close();
        flush(); // what came with the end
        socket.ended(!opened && code != null && code != ErrorCode.REFUSED);
        connection.end(code, lost == 0 ? reason : reason + "; " + lost + " datagrams were dropped");
    }
}
