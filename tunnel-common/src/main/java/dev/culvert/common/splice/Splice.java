package dev.culvert.common.splice;

import dev.culvert.common.net.OutOfMemory;
import dev.culvert.common.rate.Bucket;
import dev.culvert.common.rate.Limits;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.StreamListener;
import dev.culvert.mux.SystemError;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.ChannelOutputShutdownException;
import io.netty.channel.socket.DuplexChannel;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Joins a TCP socket and a stream, so that what happens to the one happens to the other:
 *
 * <table>
 * <caption>What becomes what</caption>
 * <tr><th>on the socket</th><th>on the stream</th></tr>
 * <tr><td>bytes</td><td>bytes, in order; the socket is read while the stream has room</td></tr>
 * <tr><td>bytes written out</td><td>credit for the peer, when the write to the socket has completed</td></tr>
 * <tr><td>FIN</td><td>FIN, after the last byte</td></tr>
 * <tr><td>RST</td><td>RST</td></tr>
 * </table>
 *
 * <p>Both belong to the same event loop. Memory is bounded by the stream's window towards the socket, and by its send
 * queue and one read towards the stream.
 *
 * <p>A direction that is limited has a {@link Throttle} in it, which holds back what has come; the others have none.
 */
public final class Splice extends ChannelInboundHandlerAdapter implements StreamListener {
    /**
     * How long a socket is read for nobody: one that is closed with something unread throws away what it has not sent.
     */
    private static final int LINGER_SECONDS = 2;

    private final Channel channel;
    private final Connection connection;
    private final Runnable flush = this::flush;
    private @Nullable MuxStream stream;
    private boolean flushing;
    /** The socket has no more for the stream: its EOF was passed on. */
    private boolean inputEnded;
    /** The stream has no more for the socket: its FIN was passed on. */
    private boolean outputEnded;

    private boolean ended;
    /** Why the socket takes nothing any more, and is only read to its end; null: it does. */
    private @Nullable String failure;

    /** Null: the stream cannot be begun again, since it was answered, or since nobody wants that. */
    private @Nullable Prelude said;

    /** Null: what comes from the socket is not limited. */
    private @Nullable Throttle toStream;
    /** Null: what comes from the stream is not limited. */
    private @Nullable Throttle toSocket;
    /** Bytes that the latter has let go and the socket has not taken. */
    private int unwritten;

    private Consumer<String> elsewhere = reason -> {};
    /** Refused: the socket is on its way to another session. */
    private boolean leaving;

    private Splice(Channel channel, Connection connection) {
        this.channel = channel;
        this.connection = connection;
    }

    /**
     * Opens a stream for an accepted socket and joins them. The channel is active, not yet read, and on the session's
     * event loop. Where the peer has certainly not processed the open request, the socket goes on elsewhere.
     *
     * @param said what the stream begins with: what was said on one before, or nothing
     * @param elsewhere told why, when the channel is on no event loop any more; the connection goes on, and
     *     {@code said} has what the next stream begins with
     * @throws IllegalStateException when the session takes no streams
     */
    public static void open(
            Channel channel,
            Connection connection,
            MuxSession session,
            OpenRequest request,
            Prelude said,
            Consumer<String> elsewhere) {
        Splice splice = new Splice(channel, connection);
        MuxStream stream = session.open(request, splice);
        boolean answers = session.version() == ProtocolVersion.CULVERT;
        splice.inputEnded = said.hasEnded();
        if (answers) {
            splice.said = said;
            splice.elsewhere = elsewhere;
        }
        splice.join(stream);
        said.repeat(stream); // which may end it
        splice.read();
        if (splice.inputEnded) {
            stream.shutdownOutput();
        }
        if (!answers) { // a stock peer tells neither when its target has answered, nor whether it has processed it
            said.forget();
            connection.opened(channel);
        }
    }

    /** Accepts a stream for a socket that was dialled and joins them; else as {@link #open}. */
    public static void accept(Channel channel, Connection connection, MuxStream stream) {
        Splice splice = new Splice(channel, connection);
        stream.accept();
        connection.opened(channel);
        splice.join(stream);
        splice.read();
        stream.attach(splice);
    }

    private void join(MuxStream newStream) {
        stream = newStream;
        connection.join(channel.eventLoop(), newStream, this::cut, this::shape);
        shape();
        HeadroomAllocator.fit(channel, () -> maxRead(newStream));
        channel.pipeline().addLast(this);
    }

    /**
     * From here on: what is in the pipeline may have words of its own, which come after those that were said before.
     */
    private void read() {
        if (ended) {
            return;
        }
        if (channel.isActive()) {
            SocketEnd.resetOnClose(channel); // until both directions have ended in good order
            channel.config().setAutoClose(false); // where a write fails: outputFailed
            channel.config().setAutoRead(true);
        } else {
            channelGone("the connection was closed before it was joined");
        }
    }

    /** Takes on the limits as they are now. */
    private void shape() {
        if (!ended && stream != null) {
            MuxStream to = stream;
            Limits limits = connection.limits();
            toStream = shape(toStream, limits.fromSocket(), data -> send(to, data), () -> true);
            toSocket = shape(toSocket, limits.toSocket(), data -> writeShaped(to, data), () -> unwritten == 0);
        }
    }

    private @Nullable Throttle shape(
            @Nullable Throttle present, List<Bucket> buckets, Consumer<ByteBuf> out, BooleanSupplier room) {
        if (present == null) {
            return buckets.isEmpty() ? null : new Throttle(connection, channel.eventLoop(), buckets, out, room);
        }
        if (buckets.isEmpty()) {
            present.letAllGo();
            return null;
        }
        present.use(buckets);
        return present;
    }

    private void cut(ErrorCode code, String reason) {
        if (stream != null) {
            stream.reset(code, reason);
        }
        resetSocket(code, reason);
    }

    @Override
    public void onOpened(MuxStream from) {
        connection.opened(channel);
        settle();
    }

    /** The stream was answered, or is over: what was said will not be said again. */
    private void settle() {
        if (said != null) {
            said.forget();
            said = null;
            readIfWanted();
        }
    }

    // ---- from the socket to the stream

    @Override
    public void channelRead(ChannelHandlerContext ctx, Object message) {
        ByteBuf data = (ByteBuf) message;
        if (stream == null || (ended && !leaving)) {
            data.release();
            return;
        }
        connection.fromSocket(data.readableBytes());
        if (said != null) {
            said.add(data);
        }
        if (toStream == null) {
            stream.write(data);
        } else {
            toStream.add(data);
        }
        if (!mayRead(stream)) {
            stopReading();
        }
    }

    private void stopReading() {
        if (failure == null) {
            channel.config().setAutoRead(false);
        } else { // nobody would hear of the socket's end
            fail(failure);
        }
    }

    private int maxRead(MuxStream to) {
        return toStream == null ? to.maxWrite() : Math.min(to.maxWrite(), toStream.quantum());
    }

    private boolean mayRead(MuxStream to) {
        return to.isWritable() && (said == null || !said.isFull()) && (toStream == null || toStream.isEmpty());
    }

    /** What was held back goes. */
    private void send(MuxStream to, ByteBuf data) {
        to.write(data);
        readIfWanted();
    }

    @Override
    public void onWritable(MuxStream from) {
        readIfWanted();
    }

    private void readIfWanted() {
        if (!inputEnded && !ended && stream != null && mayRead(stream)) {
            channel.config().setAutoRead(true);
        }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext ctx, Object event) {
        if (event == ChannelInputShutdownEvent.INSTANCE && stream != null && !inputEnded) {
            MuxStream to = stream;
            if (said != null) {
                said.end();
            }
            if (toStream == null) {
                endInput(to);
            } else {
                toStream.end(() -> endInput(to));
            }
        }
        ctx.fireUserEventTriggered(event);
    }

    private void endInput(MuxStream to) {
        if (failure != null) {
            fail(failure);
            return;
        }
        inputEnded = true;
        to.shutdownOutput();
        closeIfBothEnded();
    }

    // ---- from the stream to the socket

    @Override
    public void onData(MuxStream from, ByteBuf data) {
        settle();
        if (toSocket == null) {
            write(from, data);
        } else {
            toSocket.add(data);
        }
    }

    private ChannelFuture write(MuxStream from, ByteBuf data) {
        int bytes = data.readableBytes();
        ChannelFuture write = channel.write(data).addListener(written -> {
            if (written.isSuccess()) {
                connection.toSocket(bytes);
                from.consumed(bytes);
            } else if (!ended && failure == null && channel.isOpen()) {
                if (written.cause() instanceof ChannelOutputShutdownException shut) {
                    outputFailed(SystemError.words(shut.getCause() == null ? shut : shut.getCause()));
                } else { // TLS takes no more after its end
                    fail("it takes no more: " + SystemError.words(written.cause()));
                }
            }
        });
        if (!flushing) {
            flushing = true;
            channel.eventLoop().execute(flush); // once, after all that this iteration of the loop brings
        }
        return write;
    }

    /**
     * As on TCP, what has come before the peer's reset can be read still, if the stream takes it; then the socket ends.
     */
    private void outputFailed(String reason) {
        if (inputEnded || !channel.config().isAutoRead()) {
            fail(reason);
        } else {
            failure = reason;
        }
    }

    /** What was held back goes; more when the socket has taken it. */
    private void writeShaped(MuxStream from, ByteBuf data) {
        int bytes = data.readableBytes();
        unwritten += bytes;
        write(from, data).addListener(written -> {
            unwritten -= bytes;
            if (written.isSuccess() && toSocket != null) {
                toSocket.proceed();
            }
        });
    }

    private void flush() {
        flushing = false;
        channel.flush();
    }

    @Override
    public void onFin(MuxStream from) {
        settle();
        if (toSocket == null) {
            finish();
        } else {
            toSocket.end(this::finish);
        }
    }

    private void finish() {
        if (flushing) {
            SocketEnd.waitForFin(channel);
        }
        // shutdownOutput throws away what is not yet written: wait for it.
        SocketEnd.lastWords(channel).addListener(allWritten -> {
            if (allWritten.isSuccess()) {
                endOutput();
            } else if (!ended && channel.isOpen()) {
                outputFailed(SystemError.words(allWritten.cause()));
            }
        });
    }

    private void endOutput() {
        if (inputEnded) { // the FIN goes out when the socket is closed
            outputEnded = true;
            closeIfBothEnded();
        } else {
            ((DuplexChannel) channel).shutdownOutput().addListener(done -> {
                outputEnded = true;
                closeIfBothEnded();
                if (stream != null && stream.isUnwanted()) {
                    channel.eventLoop().schedule(this::leaveInput, LINGER_SECONDS, TimeUnit.SECONDS);
                }
            });
        }
    }

    /** Nobody wants what still comes. */
    private void leaveInput() {
        inputEnded = true;
        closeIfBothEnded();
    }

    private void closeIfBothEnded() {
        if (inputEnded && outputEnded && !ended) {
            end();
            SocketEnd.close(channel);
            connection.close();
        }
    }

    // ---- the hard ends

    @Override
    public void onReset(MuxStream from, ErrorCode code, String text) {
        String reason = text.isEmpty() ? code.toString() : code + ": " + text;
        if (code == ErrorCode.REFUSED && said != null && said.isComplete() && !ended) {
            leave(said, reason);
        } else {
            resetSocket(code, reason);
        }
    }

    /** What a limit has held back is dropped. */
    private void end() {
        ended = true;
        if (toStream != null) {
            toStream.drop();
            toStream = null;
        }
        if (toSocket != null) {
            toSocket.drop();
            toSocket = null;
        }
    }

    /** What still comes from the socket until it has left the event loop is kept as well. */
    private void leave(Prelude kept, String reason) {
        end();
        leaving = true;
        channel.config().setAutoRead(false);
        connection.leave();
        channel.deregister().addListener(left -> {
            leaving = false;
            if (channel.isOpen() && kept.isComplete()) {
                channel.pipeline().remove(this);
                said = null;
                elsewhere.accept(reason);
            } else {
                settle();
                SocketEnd.reset(channel); // it belongs to no event loop any more, which an answer would take
                connection.end(ErrorCode.REFUSED, "reset: " + reason);
            }
        });
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        fail(SystemError.words(cause));
    }

    private void fail(String reason) {
        channelGone(reason);
        SocketEnd.reset(channel);
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        channelGone("the connection was reset");
        ctx.fireChannelInactive();
    }

    private void channelGone(String reason) {
        if (!ended) {
            end();
            settle();
            if (stream != null) {
                stream.flush(); // as TCP has it: whoever reads has what came before the reset
                stream.reset(ErrorCode.CONNECTION_RESET, reason);
            }
            connection.end(ErrorCode.CONNECTION_RESET, "reset by the socket: " + reason);
        }
    }

    private void resetSocket(ErrorCode code, String reason) {
        if (!ended) {
            end();
            settle();
            if (flushing) { // the same here
                channel.flush();
            }
            connection.refuse(channel, code, reason);
            connection.end(code, "reset: " + reason);
        }
    }
}
