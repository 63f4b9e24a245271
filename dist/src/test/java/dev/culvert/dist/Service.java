package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

/** A TCP service on a port of its own: the target of a tunnel. A thread for each connection. */
final class Service implements AutoCloseable {
    /**
     * What the service does with a connection, which is closed when this returns. An IOException is the connection's
     * end.
     */
    @FunctionalInterface
    interface Handler {
        void serve(Socket socket) throws IOException;
    }

    private final ServerSocket listener;
    private final Handler handler;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final BlockingQueue<Socket> accepted = new LinkedBlockingQueue<>();

    private Service(ServerSocket listener, Handler handler) {
        this.listener = listener;
        this.handler = handler;
        start("service on " + listener.getLocalPort(), this::accept);
    }

    static Service of(Handler handler) {
        try {
            return new Service(new ServerSocket(0, 1024, InetAddress.getLoopbackAddress()), handler);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** Answers every byte with itself, and EOF with EOF. */
    static Service echo() {
        return of(socket -> {
            socket.getInputStream().transferTo(socket.getOutputStream());
            socket.shutdownOutput();
        });
    }

    /** Says this first, then does as {@link #echo}. */
    static Service greeting(byte[] greeting) {
        return of(socket -> {
            socket.getOutputStream().write(greeting);
            socket.getInputStream().transferTo(socket.getOutputStream());
            socket.shutdownOutput();
        });
    }

    /** Reads to the end and answers with the SHA-256 of it, 32 bytes. */
    static Service digest() {
        return of(socket -> {
            byte[] digest = Bytes.digest(socket.getInputStream());
            socket.getOutputStream().write(digest);
        });
    }

    /** Reads eight bytes, a count, and sends that many bytes of {@link Bytes#source} with the count as the seed. */
    static Service source() {
        return of(socket -> {
            long count = Bytes.readLong(socket.getInputStream());
            Bytes.source(count, count).transferTo(socket.getOutputStream());
        });
    }

    /** Accepts, and neither reads nor writes. */
    static Service stall() {
        return of(socket -> {
            synchronized (socket) {
                while (!socket.isClosed()) {
                    try {
                        socket.wait(1000);
                    } catch (InterruptedException e) {
                        return;
                    }
                }
            }
        });
    }

    /** Sends without end, whether somebody reads or not. */
    static Service flood() {
        return of(socket -> {
            byte[] block = new byte[64 << 10];
            OutputStream out = socket.getOutputStream();
            while (true) {
                out.write(block);
            }
        });
    }

    /** Reads one byte and resets the connection. */
    static Service reset() {
        return of(socket -> {
            socket.getInputStream().read();
            socket.setSoLinger(true, 0);
        });
    }

    private void accept() {
        try {
            while (true) {
                Socket socket = listener.accept();
                open.add(socket);
                accepted.add(socket);
                start("connection to " + listener.getLocalPort(), () -> serve(socket));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void serve(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            handler.serve(socket);
        } catch (IOException e) {
            // the other side has ended it
        } finally {
            open.remove(socket);
        }
    }

    private static void start(String name, Runnable work) {
        Thread thread = new Thread(work, name);
        thread.setDaemon(true);
        thread.start();
    }

    int port() {
        return listener.getLocalPort();
    }

    /** HOST:PORT. */
    String address() {
        return "127.0.0.1:" + port();
    }

    /** Waits for the next connection, in the order of their arrival. */
    Socket awaitConnection() throws InterruptedException {
        Socket socket = accepted.poll(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
        if (socket == null) {
            throw new AssertionError("no connection has arrived");
        }
        return socket;
    }

    /**
     * Fails if anybody has connected whom {@link #awaitConnection} has not returned: the next one it sees is this test.
     */
    void hasSeenNobody() throws IOException, InterruptedException {
        try (Socket socket = Tunnel.connectTo(port())) {
            assertThat(awaitConnection().getPort()).isEqualTo(socket.getLocalPort());
        }
    }

    /** Connections that are open now. */
    int connections() {
        return open.size();
    }

    @Override
    public void close() throws IOException {
        listener.close();
        for (Socket socket : open) {
            socket.close();
        }
    }

    /** A port as those of {@link #freePorts}. */
    static int freePort() throws IOException {
        return freePorts(1).get(0);
    }

    /** Ports on which nobody listens just now, and that the kernel gives nobody before they are used, or used again. */
    static List<Integer> freePorts(int count) throws IOException {
        Random random = new Random();
        List<ServerSocket> taken = new ArrayList<>();
        try {
            while (taken.size() < count) {
                try {
                    taken.add(new ServerSocket(10_000 + random.nextInt(20_000))); // Linux gives from 32768 on
                } catch (IOException e) {
                    // it has an owner
                }
            }
        } finally {
            for (ServerSocket socket : taken) {
                socket.close();
            }
        }
        return taken.stream().map(ServerSocket::getLocalPort).toList();
    }

    /** Reads exactly {@code count} bytes. */
    static byte[] readFully(InputStream in, int count) throws IOException {
        byte[] bytes = in.readNBytes(count);
        if (bytes.length < count) {
            throw new AssertionError("EOF after " + bytes.length + " of " + count + " bytes");
        }
        return bytes;
    }
}
