package dev.culvert.common.net;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.channel.ChannelException;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.DatagramChannel;
import io.netty.util.concurrent.Promise;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.function.Predicate;

/**
 * Connects a UDP socket to the first of a target's addresses that there is a route to, those of IPv6 and IPv4 by turns. Event loop only.
 */
@SuppressWarnings("FutureReturnValueIgnored") // What a close comes to is of no interest.
final class UdpDial {
    private final EventLoop loop;
    private final Transport transport;
    private final HostPort target;
    private final Promise<DatagramChannel> promise;
    private final Deque<InetSocketAddress> waiting = new ArrayDeque<>();
    private final List<String> outcomes = new ArrayList<>();
    private ErrorCode code = ErrorCode.FORBIDDEN;

    /** @param promise gets the connected channel or a {@link DialFailure}; done by anybody else, it ends the dial */
    UdpDial(EventLoop loop, Transport transport, HostPort target, Promise<DatagramChannel> promise) {
        this.loop = loop;
        this.transport = transport;
        this.target = target;
        this.promise = promise;
    }

    /** Tries those of the addresses that are allowed. Once. */
    void run(List<InetSocketAddress> addresses, Predicate<InetSocketAddress> allowed) {
        for (InetSocketAddress address : Race.interleaved(addresses)) {
            if (allowed.test(address)) {
                waiting.add(address);
            } else {
                outcomes.add(HostPort.of(address) + " (not allowed)");
            }
        }
        next();
    }

    private void next() {
        InetSocketAddress address = waiting.poll();
        if (promise.isDone()) {
            return;
        }
        if (address == null) {
            promise.tryFailure(new DialFailure(code, target, code + "; tried " + String.join(", ", outcomes)));
            return;
        }
        DatagramChannel channel;
        try {
            channel = DatagramSockets.connecting(transport, address);
        } catch (ChannelException e) {
            failed(address, e);
            return;
        }
        loop.register(channel).addListener(registered -> {
            if (registered.isSuccess()) {
                channel.connect(address).addListener(connected -> {
                    if (!connected.isSuccess()) {
                        channel.close();
                        failed(address, connected.cause());
                    } else if (!promise.trySuccess(channel)) {
                        channel.close();
                    }
                });
            } else {
                channel.close();
                failed(address, registered.cause());
            }
        });
    }

    private void failed(InetSocketAddress address, Throwable cause) {
        Symptom symptom = Symptom.of(cause);
        code = symptom == null ? ErrorCode.INTERNAL : symptom.code;
        outcomes.add(HostPort.of(address) + " (" + (symptom == null ? cause.toString() : symptom.text) + ")");
        next();
    }

    /** The failure of a dial that has not come to anything in time. */
    DialFailure outOfTime(long millis) {
        return new DialFailure(ErrorCode.TIMEOUT, target, "its name was not resolved within " + millis + " ms");
    }
}
