package dev.culvert.common.net;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.UnixPath;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.util.concurrent.Promise;
import java.net.SocketAddress;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Connects to a unix socket. Where the backlog of its listener is full the kernel says so at once (connect(2), EAGAIN),
 * while a TCP connection would wait: so this one does. Event loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What a close comes to is of no interest.
final class UnixDial {
    private static final long PAUSE_MILLIS = 20;

    private final EventLoop loop;
    private final Supplier<DuplexChannel> sockets;
    private final UnixPath target;
    private final Promise<Channel> promise;
    private boolean waited;

    /**
     * @param sockets makes them; may throw
     * @param promise gets the connected channel or a {@link DialFailure}; done by anybody else, it ends the dial
     */
    UnixDial(EventLoop loop, Supplier<DuplexChannel> sockets, UnixPath target, Promise<Channel> promise) {
        this.loop = loop;
        this.sockets = sockets;
        this.target = target;
        this.promise = promise;
    }

    /** Once, or again after a pause. */
    void run() {
        if (promise.isDone()) {
            return;
        }
        DuplexChannel channel;
        try {
            channel = sockets.get();
        } catch (ChannelException e) {
            failed(e);
            return;
        }
        loop.register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                channel.connect(address(target)).addListener(connected -> {
                    if (!connected.isSuccess()) {
                        channel.close();
                        failed(connected.cause());
                    } else if (!promise.trySuccess(channel)) {
                        channel.close();
                    }
                });
            } else {
                channel.close();
                failed(registered.cause());
            }
        });
    }

    private void failed(Throwable cause) {
        Symptom symptom = Symptom.of(cause);
        if (symptom == Symptom.BUSY) {
            waited = true;
            loop.schedule(this::run, PAUSE_MILLIS, TimeUnit.MILLISECONDS);
        } else if (symptom == null) {
            promise.tryFailure(new DialFailure(ErrorCode.INTERNAL, target, cause.toString()));
        } else {
            promise.tryFailure(new DialFailure(symptom.code, target, symptom.text));
        }
    }

    /** As the channels want it: an abstract one begins with a NUL there. */
    static SocketAddress address(UnixPath path) {
        return new DomainSocketAddress(path.isAbstract() ? "\0" + path.path().substring(1) : path.path());
    }

    /** The failure of a dial that has not come to anything in time. */
    DialFailure outOfTime(long millis) {
        return new DialFailure(
                ErrorCode.TIMEOUT,
                target,
                "not connected within " + millis + " ms" + (waited ? "; " + Symptom.BUSY.text : ""));
    }
}
