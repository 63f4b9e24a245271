package dev.culvert.dist;

import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.net.Socket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Connections to a forward that leads to an echo: short ones at a steady rate, and beside them always so many transfers
 * that take {@value #SHORTEST} to {@value #LONGEST} halves of a second. All that comes back is compared with what was
 * sent. Nothing is tried twice: what fails is a failure.
 *
 * <p>The short ones are due at moments that do not depend on how long those before them take, and the time of each
 * counts from there.
 */
final class SteadyLoad implements AutoCloseable {
    /** Short connections that can be open at once without one being late. */
    private static final int AT_ONCE = 128;

    private static final int SHORTEST = 8;
    private static final int LONGEST = 16;
    private static final long HALF = TimeUnit.MILLISECONDS.toNanos(500);
    /** What a transfer sends in each half of a second, bytes. */
    private static final int PORTION = 40 << 10;
    /** Who begins so late is late; and what was due before is not due any more while agents are new. */
    private static final long TENTH = TimeUnit.MILLISECONDS.toNanos(100);

    private final int port;
    private final int transfers;
    private final long seed;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<Future<?>> work = new ArrayList<>();
    private final long begun = System.nanoTime();
    /** When the last connection was due, {@link System#nanoTime}. */
    private final AtomicLong due = new AtomicLong(begun);

    private final AtomicInteger connectionsBegun = new AtomicInteger();
    private final ConcurrentLinkedQueue<Long> times = new ConcurrentLinkedQueue<>();
    private final AtomicInteger transfersBegun = new AtomicInteger();
    /** Whose first bytes have come back. */
    private final AtomicInteger transfersAnswered = new AtomicInteger();

    private final AtomicInteger transfersDone = new AtomicInteger();
    private final ConcurrentLinkedQueue<String> failures = new ConcurrentLinkedQueue<>();
    /** How late the last connection has begun, ns. */
    private volatile long late;

    private volatile boolean steady;
    private volatile long measuredFrom = begun;
    private volatile long measuredTo = begun;
    private volatile boolean over;

    /** Begins. */
    SteadyLoad(int port, int connectionsASecond, int transfers, long seed) {
        this.port = port;
        this.transfers = transfers;
        this.seed = seed;
        long period = TimeUnit.SECONDS.toNanos(1) / connectionsASecond;
        for (int i = 0; i < AT_ONCE; i++) {
            work.add(threads.submit(repeated(() -> {
                int number = connectionsBegun.getAndIncrement();
                long moment = due.updateAndGet(last -> Math.max(last + period, earliest()));
                awaitMoment(moment);
                late = System.nanoTime() - moment;
                if (!over) {
                    attempt("connection " + number, () -> {
                        visit(number);
                        if (moment - measuredFrom >= 0) {
                            times.add(System.nanoTime() - moment);
                        }
                    });
                }
            })));
        }
        for (int i = 0; i < transfers; i++) {
            work.add(threads.submit(repeated(() -> {
                int number = transfersBegun.getAndIncrement();
                attempt("transfer " + number, () -> transfer(number));
            })));
        }
    }

    /** A step of the work. */
    @FunctionalInterface
    private interface Step {
        void take() throws IOException, InterruptedException;
    }

    private Callable<Void> repeated(Step step) {
        return () -> {
            while (!over) {
                step.take();
            }
            return null;
        };
    }

    /**
     * What agents that have just been started could not do in time is not due any more; it is as soon as they are
     * measured.
     */
    private long earliest() {
        return steady ? Long.MIN_VALUE : System.nanoTime() - TENTH;
    }

    private void attempt(String name, Step step) throws InterruptedException {
        long start = System.nanoTime();
        try {
            step.take();
        } catch (IOException | AssertionError e) {
            failures.add("%s, %.3f s after the first one, %.3f s after its beginning: %s"
                    .formatted(name, (start - begun) / 1e9, (System.nanoTime() - start) / 1e9, e));
        }
    }

    /** This is a pace and waits for nothing that could be awaited. */
    private static void awaitMoment(long moment) throws InterruptedException {
        TimeUnit.NANOSECONDS.sleep(moment - System.nanoTime());
    }

    private void visit(int number) throws IOException {
        byte[] message = Bytes.ascii("a few bytes, as many protocols have them: " + number + "\n");
        try (Socket socket = Tunnel.connectTo(port)) {
            exchange(message, socket);
            expectEnd(socket);
        }
    }

    private void transfer(int number) throws IOException, InterruptedException {
        long own = seed * 1_000_003 + number;
        int portions = SHORTEST + new Random(own).nextInt(LONGEST - SHORTEST + 1);
        InputStream source = Bytes.source(own, (long) portions * PORTION);
        try (Socket socket = Tunnel.connectTo(port)) {
            long start = System.nanoTime();
            exchange(Service.readFully(source, PORTION), socket);
            transfersAnswered.incrementAndGet();
            for (int i = 1; i < portions; i++) {
                awaitMoment(start + i * HALF);
                exchange(Service.readFully(source, PORTION), socket);
            }
            expectEnd(socket);
            transfersDone.incrementAndGet();
        }
    }

    private static void exchange(byte[] message, Socket socket) throws IOException {
        socket.getOutputStream().write(message);
        if (!Arrays.equals(Service.readFully(socket.getInputStream(), message.length), message)) {
            throw new AssertionError("what came back is not what was sent");
        }
    }

    private static void expectEnd(Socket socket) throws IOException {
        socket.shutdownOutput();
        if (socket.getInputStream().read() >= 0) {
            throw new AssertionError("more came back than was sent");
        }
    }

    /**
     * Waits until all transfers are under way and connections begin when they are due: agents that have just been
     * started compile what they do, and may need longer on a small machine than anything takes later. Those due from
     * then on are measured.
     */
    void awaitSteady() {
        await().atMost(AgentProcess.PATIENCE.multipliedBy(3)).until(() -> transfersAnswered.get() >= transfers);
        awaitOnTime();
        steady = true;
        measuredFrom = System.nanoTime();
        times.clear();
    }

    /** Waits until connections begin when they are due, as they do not while an agent that was started compiles. */
    void awaitOnTime() {
        await().atMost(AgentProcess.PATIENCE.multipliedBy(3)).until(() -> late < TENTH);
    }

    /** Begins no more, and waits for what is open. */
    void finish() throws Exception {
        over = true;
        measuredTo = System.nanoTime();
        for (Future<?> each : work) {
            each.get(2 * AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS);
        }
    }

    /** Transfers of which everything has come back. */
    int transfers() {
        return transfersDone.get();
    }

    double connectionsASecond() {
        return times.size() / seconds();
    }

    private double seconds() {
        return (measuredTo - measuredFrom) / 1e9;
    }

    /** What became of those that did not do what they should. */
    List<String> failures() {
        return List.copyOf(failures);
    }

    @Override
    public String toString() {
        long[] sorted = times.stream().mapToLong(Long::longValue).sorted().toArray();
        return ("seed %d, %d connections in %.1f s, %.0f a second, half of them within %.1f ms, 99 %% within %.1f ms, all within"
                        + " %.1f ms; %d transfers; %d failures")
                .formatted(
                        seed,
                        times.size(),
                        seconds(),
                        connectionsASecond(),
                        millis(sorted, 50),
                        millis(sorted, 99),
                        millis(sorted, 100),
                        transfers(),
                        failures.size());
    }

    private static double millis(long[] sorted, int percent) {
        int count = sorted.length;
        return count == 0 ? Double.NaN : sorted[Math.min(count - 1, count * percent / 100)] / 1e6;
    }

    @Override
    public void close() {
        over = true;
        threads.shutdownNow();
    }
}
