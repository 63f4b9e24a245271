package dev.culvert.bench.load;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;

/** A download without end. */
final class Source {
    private static final int CHUNK = 256 << 10;
    /** Not counted: what is in buffers when the clock starts was sent by somebody else's time. */
    private static final long WARM_UP = TimeUnit.MILLISECONDS.toNanos(500);

    private Source() {}

    /** Sends zeros to whoever connects, a thread each: most of them wait. */
    static void serve(int port) throws IOException {
        try (ServerSocketChannel server = ServerSocketChannel.open()) {
            server.setOption(StandardSocketOptions.SO_REUSEADDR, true);
            server.bind(new InetSocketAddress(port), 4096);
            while (true) {
                SocketChannel channel = server.accept();
                Thread sender = new Thread(() -> send(channel), "source");
                sender.setDaemon(true);
                sender.start();
            }
        }
    }

    private static void send(SocketChannel to) {
        ByteBuffer zeros = ByteBuffer.allocateDirect(CHUNK);
        try (to) {
            while (true) {
                to.write(zeros.clear());
            }
        } catch (IOException e) {
            // it has had enough
        }
    }

    /** Reads for so many seconds; returns bytes per second, 0 where nothing comes. */
    static long drain(SocketChannel from, int seconds) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(CHUNK);
        long start = System.nanoTime() + WARM_UP;
        long end = start + TimeUnit.SECONDS.toNanos(seconds);
        long bytes = 0;
        try (Selector selector = Selector.open()) {
            from.configureBlocking(false);
            from.register(selector, SelectionKey.OP_READ);
            long now;
            while ((now = System.nanoTime()) < end) {
                int n = from.read(buffer.clear());
                if (n < 0) {
                    throw new IOException("the source has closed");
                } else if (n == 0) {
                    selector.select(key -> {}, 1 + TimeUnit.NANOSECONDS.toMillis(end - now));
                }
                bytes += now < start ? 0 : n;
            }
        }
        return bytes / seconds;
    }
}
