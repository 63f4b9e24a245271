package dev.culvert.dist;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** A target of UDP that sends back what it gets. */
final class UdpEcho implements AutoCloseable {
    private final DatagramSocket socket =
            new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    private final Set<SocketAddress> senders = ConcurrentHashMap.newKeySet();
    private final AtomicLong received = new AtomicLong();

    UdpEcho() throws IOException {
        socket.setReceiveBufferSize(4 << 20);
        Thread thread = new Thread(this::answer, "udp echo");
        thread.setDaemon(true);
        thread.start();
    }

    int port() {
        return socket.getLocalPort();
    }

    String address() {
        return "127.0.0.1:" + port();
    }

    /** Whom it has heard of. */
    Set<SocketAddress> senders() {
        return senders;
    }

    long received() {
        return received.get();
    }

    private void answer() {
        DatagramPacket packet = new DatagramPacket(new byte[65535], 65535);
        try {
            while (true) {
                packet.setLength(65535);
                socket.receive(packet);
                senders.add(packet.getSocketAddress());
                received.incrementAndGet();
                socket.send(packet);
            }
        } catch (IOException e) {
            // closed
        }
    }

    @Override
    public void close() {
        socket.close();
    }
}
