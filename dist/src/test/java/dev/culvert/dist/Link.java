package dev.culvert.dist;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/** The way from a client to a server, which can be cut, so that both see a reset, or fall silent. */
final class Link implements AutoCloseable {
    private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final int serverPort;
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();
    private final AtomicInteger connections = new AtomicInteger();
    /** Has a permit while bytes may pass. */
    private final Semaphore passing = new Semaphore(1);

    /** Bytes until it ends; negative: it is not to end. */
    private final AtomicInteger left = new AtomicInteger(-1);

    Link(int serverPort) throws IOException {
        this.serverPort = serverPort;
        thread(this::accept).start();
    }

    private static Thread thread(Runnable run) {
        Thread thread = new Thread(run, "link");
        thread.setDaemon(true);
        return thread;
    }

    int port() {
        return listening.getLocalPort();
    }

    /** How many connections have been made over it. */
    int connections() {
        return connections.get();
    }

    /** All connections over it are reset, and what is on its way is lost. */
    void cut() {
        open.forEach(Link::reset);
        open.clear();
    }

    /** All connections over it end in good order, as a middlebox may have it, and what is on its way is lost. */
    void finish() {
        open.forEach(Link::end);
        open.clear();
    }

    private static void end(Socket socket) {
        try {
            socket.shutdownOutput();
            socket.shutdownInput();
        } catch (IOException e) {
            // closed already
        }
    }

    /**
     * So many bytes more pass, counted both ways; then it {@link #finish ends}, in the middle of whatever that is in.
     */
    void cutAfter(int bytes) {
        left.set(bytes);
    }

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // closed already
        }
    }

    /** Nothing passes any more, and nobody is told. */
    void fallSilent() throws InterruptedException {
        passing.acquire();
    }

    void speakAgain() {
        passing.release();
    }

    private void accept() {
        try {
            while (true) {
                Socket near = listening.accept();
                pass();
                lead(near);
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void lead(Socket near) {
        try {
            Socket far = Tunnel.connectTo(serverPort);
            open.add(near);
            open.add(far);
            connections.incrementAndGet();
            thread(() -> copy(near, far)).start();
            thread(() -> copy(far, near)).start();
        } catch (IOException e) {
            reset(near); // the server is not there
        }
    }

    private void pass() {
        passing.acquireUninterruptibly();
        passing.release();
    }

    /** How many bytes were left before these. */
    private int take(int bytes) {
        return left.getAndUpdate(before -> before < 0 ? before : Math.max(-1, before - bytes));
    }

    private void copy(Socket from, Socket to) {
        byte[] block = new byte[64 << 10];
        try {
            InputStream in = from.getInputStream();
            for (int n = in.read(block); n >= 0; n = in.read(block)) {
                pass();
                int before = take(n);
                if (0 <= before && before < n) {
                    to.getOutputStream().write(block, 0, before);
                    finish();
                    return;
                }
                to.getOutputStream().write(block, 0, n);
            }
            to.shutdownOutput();
        } catch (IOException e) {
            reset(from);
            reset(to);
        }
    }

    @Override
    public void close() throws IOException {
        listening.close();
        cut();
    }
}
