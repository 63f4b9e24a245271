package dev.culvert.client;

import dev.culvert.common.splice.Connection;
import dev.culvert.common.splice.Datagrams.Loss;
import dev.culvert.common.splice.Flow;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.OpenRequest;
import io.netty.buffer.ByteBuf;
import io.netty.channel.EventLoop;
import java.net.InetSocketAddress;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The client's end of a flow: the datagrams of one sender, which come by the socket of its forward, and the answers,
 * which go out by it. It lives on the event loop of its session, the socket on that of the forward.
 */
final class UdpFlow implements Flow.Socket {
    private final UdpForward forward;
    private final InetSocketAddress sender;
    private final Connection connection;
    private final OpenRequest request;
    private final Duration timeout;
    private final EventLoop loop;

    /** On the event loop of the session only. */
    private @Nullable Flow flow;

    private @Nullable MuxSession session;

    /** Whether its session had no link when the last datagram came to it. */
    private volatile boolean stranded;

    /** On that of the forward only: the other side does not want it. */
    private boolean refused;

    /**
     * One that no session has yet.
     *
     * @param timeout it ends when it has been silent for so long
     * @param loop of the session that is to take it
     */
    UdpFlow(
            UdpForward forward,
            InetSocketAddress sender,
            Connection connection,
            OpenRequest request,
            Duration timeout,
            EventLoop loop) {
        this.forward = forward;
        this.sender = sender;
        this.connection = connection;
        this.request = request;
        this.timeout = timeout;
        this.loop = loop;
    }

    Connection connection() {
        return connection;
    }

    InetSocketAddress sender() {
        return sender;
    }

    boolean isRefused() {
        return refused;
    }

    void refused() {
        refused = true;
    }

    /** Whether its session may never carry it any more, as it was at the last datagram. Any thread. */
    boolean isStranded() {
        return stranded;
    }

    /** This session carries it. Event loop of the session. */
    void join(MuxSession taking) {
        session = taking;
        flow = Flow.open(loop, connection, taking, request, forward.memory(), timeout, this);
    }

    /**
     * The session that was there a moment ago takes no more: the next datagram asks for another. Event loop of the
     * session.
     */
    void nobodyTakesIt() {
        forward.onEnd(this, false);
        connection.end(ErrorCode.REFUSED, "reset: the session takes no more");
    }

    /** Sends a datagram of the sender, of which it makes a copy. Event loop of the forward. */
    void arrive(ByteBuf datagram) {
        int bytes = datagram.readableBytes();
        if (!forward.memory().take(bytes)) {
            forward.lose(Loss.QUEUE_FULL);
            return;
        }
        ByteBuf framed = Flow.frame(datagram);
        loop.execute(() -> {
            forward.memory().give(bytes);
            stranded = isLost();
            if (flow == null) {
                framed.release();
                forward.lose(Loss.NO_SESSION);
            } else {
                flow.send(framed);
            }
        });
    }

    private boolean isLost() {
        return session != null && session.isLost();
    }

    /** Another sender is to have its place, of so many. Any thread. */
    void giveWay(int most) {
        // Behind its joining: until then there is nothing to cut.
        loop.execute(() -> connection.cut(
                ErrorCode.LIMIT_REACHED, "its sender was silent for longest of " + most + ", the most there may be"));
    }

    /**
     * Another flow, on another session, carries its sender's datagrams from now on, unless its own has come back
     * meanwhile. Any thread.
     */
    void leaveIfStranded() {
        loop.execute(() -> {
            if (isLost()) {
                forward.onEnd(this, false); // before its end says that nobody wants it
                connection.cut(
                        ErrorCode.CONNECTION_RESET,
                        "its session has lost its link, and another one takes its sender's datagrams");
            }
        });
    }

    @Override
    public boolean send(ByteBuf datagram) {
        return forward.answer(sender, datagram);
    }

    @Override
    public void flush() {
        forward.flush();
    }

    @Override
    public void ended(boolean wasRefused) {
        forward.onEnd(this, wasRefused);
    }
}
