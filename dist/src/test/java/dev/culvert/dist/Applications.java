package dev.culvert.dist;

import static org.awaitility.Awaitility.await;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What runs through a tunnel while something happens to it, all of it to an echo: transfers, somebody who types, and
 * new connections. Everything that comes back is compared with what was sent. Nothing is tried twice.
 */
final class Applications implements AutoCloseable {
    private static final int BLOCK = 16 << 10;
    private static final Duration PACE = Duration.ofMillis(25);
    private static final Duration ARRIVALS = Duration.ofMillis(250);
    /** Longer than any fault. */
    private static final Duration PATIENCE = Duration.ofMinutes(5);

    private final InetSocketAddress forward;
    private final long seed;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Future<?>> work = new ArrayList<>();
    private final ConcurrentLinkedQueue<String> broken = new ConcurrentLinkedQueue<>();
    private final ConcurrentLinkedQueue<String> refused = new ConcurrentLinkedQueue<>();
    private final AtomicInteger transferred = new AtomicInteger();
    private final AtomicInteger served = new AtomicInteger();
    private volatile boolean ending;
    /** When the fault began, and when it was over. */
    private volatile long struck = Long.MAX_VALUE;

    private volatile long over = Long.MAX_VALUE;
    private volatile long back;
    private volatile long heard = System.nanoTime();
    private volatile long silence;
    private volatile long slowest;
    private volatile long brokenAfter;

    /** Begins, with so many transfers. */
    Applications(InetSocketAddress forward, long seed, int transfers) {
        this.forward = forward;
        this.seed = seed;
        for (int i = 0; i < transfers; i++) {
            long own = seed + i;
            work.add(threads.submit(() -> attempt("transfer", () -> transfer(own))));
        }
        work.add(threads.submit(() -> attempt("typing", this::type)));
        work.add(threads.submit(() -> {
            while (!ending) {
                threads.execute(this::visit);
                pause(ARRIVALS);
            }
        }));
    }

    @FunctionalInterface
    private interface Use {
        void run() throws Exception;
    }

    private void attempt(String name, Use use) {
        try {
            use.run();
        } catch (Exception | AssertionError e) {
            if (brokenAfter == 0) {
                brokenAfter = System.nanoTime() - struck;
            }
            broken.add(name + ": " + e);
        }
    }

    /** A pace; it waits for nothing that could be awaited. */
    private static void pause(Duration pace) {
        try {
            TimeUnit.NANOSECONDS.sleep(pace.toNanos());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private Socket connect() throws IOException {
        Socket socket = new Socket();
        socket.setSoTimeout((int) PATIENCE.toMillis());
        socket.setTcpNoDelay(true);
        socket.connect(forward);
        return socket;
    }

    private void transfer(long own) throws Exception {
        try (Socket socket = connect()) {
            Future<Long> sending = threads.submit(() -> {
                InputStream source = Bytes.source(own, Long.MAX_VALUE);
                long sent = 0;
                for (; !ending; sent += BLOCK) {
                    socket.getOutputStream().write(Service.readFully(source, BLOCK));
                    pause(PACE);
                }
                socket.shutdownOutput();
                return sent;
            });
            InputStream expected = Bytes.source(own, Long.MAX_VALUE);
            long received = 0;
            byte[] block = socket.getInputStream().readNBytes(BLOCK);
            for (; block.length > 0; block = socket.getInputStream().readNBytes(BLOCK)) {
                same(block, Service.readFully(expected, block.length));
                received += block.length;
            }
            long sent = sending.get();
            if (received != sent) {
                throw new AssertionError("the end came after " + received + " of " + sent + " bytes");
            }
            transferred.incrementAndGet();
        }
    }

    private static void same(byte[] actual, byte[] expected) {
        if (!Arrays.equals(actual, expected)) {
            throw new AssertionError("what came back is not what was sent");
        }
    }

    /** Each key is the moment at which it was pressed. */
    private void type() throws Exception {
        try (Socket socket = connect()) {
            heard = System.nanoTime();
            Future<?> typing = threads.submit(() -> {
                DataOutputStream out = new DataOutputStream(socket.getOutputStream());
                for (int i = 0; !ending; i++) {
                    out.write(key(i, System.nanoTime()));
                    pause(PACE);
                }
                socket.shutdownOutput();
                return null;
            });
            DataInputStream in = new DataInputStream(socket.getInputStream());
            for (int i = 0; ; i++) {
                int number = in.read();
                if (number < 0) {
                    break;
                }
                if (number != (i & 0xff)) {
                    throw new AssertionError("key " + i + " came back as another one");
                }
                long pressed = in.readLong();
                long now = System.nanoTime();
                silence = Math.max(silence, now - heard);
                heard = now;
                cameBack(pressed, now);
            }
            typing.get();
        }
    }

    private static byte[] key(int number, long moment) {
        return java.nio.ByteBuffer.allocate(9)
                .put((byte) number)
                .putLong(moment)
                .array();
    }

    /** Something that was sent at one moment has come back at another. */
    private synchronized void cameBack(long sent, long arrived) {
        if (back == 0 && over != Long.MAX_VALUE && sent >= over) {
            back = arrived;
        }
    }

    private void visit() {
        long begun = System.nanoTime();
        try (Socket socket = connect()) {
            byte[] message = Bytes.source(seed ^ begun, 100).readAllBytes();
            socket.getOutputStream().write(message);
            same(Service.readFully(socket.getInputStream(), message.length), message);
            long now = System.nanoTime();
            synchronized (this) {
                slowest = Math.max(slowest, now - begun);
            }
            cameBack(begun, now);
            socket.shutdownOutput();
            if (socket.getInputStream().read() >= 0) {
                throw new AssertionError("more came back than was sent");
            }
            served.incrementAndGet();
        } catch (IOException e) {
            refused.add("after %d ms: %s".formatted((System.nanoTime() - begun) / 1_000_000, e.getMessage()));
        } catch (AssertionError e) {
            broken.add("new connection: " + e);
        }
    }

    /** Waits until new connections are served, which the others have been by then. */
    void awaitUnderWay() {
        int so = served.get();
        await().atMost(AgentProcess.PATIENCE).until(() -> served.get() > so + 3);
        silence = 0;
        slowest = 0;
    }

    /** The fault begins. */
    void strike() {
        struck = System.nanoTime();
    }

    /** From now on nothing is in the way any more. */
    void over() {
        over = System.nanoTime();
    }

    /** Waits until what was sent after the fault comes back. */
    void awaitBack(Duration patience) {
        await().atMost(patience).until(() -> back != 0);
    }

    /** Ends everything in good order. */
    void finish() throws Exception {
        ending = true;
        for (Future<?> each : work) {
            each.get(PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }
        threads.shutdown();
        if (!threads.awaitTermination(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
            throw new AssertionError("a connection does not end");
        }
    }

    /** What became of the transfers and of who types, if it was not what should. */
    List<String> broken() {
        return List.copyOf(broken);
    }

    /** What became of new connections that were not served. */
    List<String> refused() {
        return List.copyOf(refused);
    }

    int served() {
        return served.get();
    }

    int transferred() {
        return transferred.get();
    }

    /** How long after the end of the fault what was sent then had come back. */
    Duration back() {
        return Duration.ofNanos(back - over);
    }

    /** The longest time for which who types saw nothing. */
    Duration silence() {
        return Duration.ofNanos(silence);
    }

    /** The longest time that a new connection took to be served. */
    Duration slowest() {
        return Duration.ofNanos(slowest);
    }

    /** How long after the beginning of the fault the first of them was broken. */
    Duration brokenAfter() {
        return Duration.ofNanos(brokenAfter);
    }

    @Override
    public void close() {
        ending = true;
        threads.shutdownNow();
    }
}
