package dev.culvert.common.net;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.List;

/** A port that never answers: a listener whose accept queue is full, so that the kernel drops what knocks. */
final class BlackHole implements AutoCloseable {
    private static final int PATIENCE_MILLIS = 100;

    private final ServerSocket listener;
    private final List<Socket> queue = new ArrayList<>();

    BlackHole(InetAddress address, int port) throws IOException {
        listener = new ServerSocket(port, 1, address);
        while (fill()) {
            // The kernel decides how long the queue is.
        }
    }

    InetSocketAddress address() {
        return (InetSocketAddress) listener.getLocalSocketAddress();
    }

    private boolean fill() throws IOException {
        Socket socket = new Socket();
        queue.add(socket);
        try {
            socket.connect(address(), PATIENCE_MILLIS);
            return true;
        } catch (SocketTimeoutException full) {
            return false;
        }
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : queue) {
            socket.close();
        }
    }
}
