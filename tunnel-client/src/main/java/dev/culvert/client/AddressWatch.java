package dev.culvert.client;

import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Notices that this machine has lost the address which a connection goes out from, as a laptop does in another network.
 * The system tells nobody: what is sent goes nowhere, and nothing comes.
 */
final class AddressWatch {
    /** Nobody minds such a pause, or a look of some ten microseconds so often. */
    static final long PERIOD_MILLIS = 1_000;

    private AddressWatch() {}

    /**
     * Tells {@code gone}, in a sentence and on the event loop, as often as it is seen, until {@code channel} is closed.
     */
    static void begin(Channel channel, Consumer<String> gone) {
        if (channel.localAddress() instanceof InetSocketAddress local) {
            Future<?> looking = begin(channel.eventLoop(), local.getAddress(), gone);
            channel.closeFuture().addListener(closed -> looking.cancel(false));
        }
    }

    static Future<?> begin(EventLoop loop, InetAddress address, Consumer<String> gone) {
        Runnable look = () -> {
            if (isGone(address)) {
                gone.accept("this machine does not have the address " + address.getHostAddress() + " any more");
            }
        };
        return loop.scheduleWithFixedDelay(look, PERIOD_MILLIS, PERIOD_MILLIS, TimeUnit.MILLISECONDS);
    }

    /**
     * Whether nothing can be sent from there. An address that IPv6 still tries out cannot be bound to either, but it is
     * there.
     */
    private static boolean isGone(InetAddress address) {
        try (DatagramSocket socket = new DatagramSocket(new InetSocketAddress(address, 0))) {
            return !socket.isBound();
        } catch (SocketException e) {
            return isOnNoInterface(address);
        }
    }

    private static boolean isOnNoInterface(InetAddress address) {
        try {
            return NetworkInterface.getByInetAddress(address) == null;
        } catch (IOException e) {
            return false; // who knows
        }
    }
}
