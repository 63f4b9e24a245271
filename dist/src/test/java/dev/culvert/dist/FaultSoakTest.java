package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.InputStream;
import java.net.Socket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.ToLongFunction;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Connections and transfers, all the time, over a link to which something happens every few seconds: each of them ends,
 * bit for bit, and memory stays as it is. {@code mvn verify -Psoak-faults}, which takes an hour, or
 * {@code -Dsoak.minutes=5}.
 */
@EnabledIfSystemProperty(named = "soak.minutes", matches = "[1-9].*")
final class FaultSoakTest {
    private static final Duration LENGTH = Duration.ofMinutes(Integer.getInteger("soak.minutes", 0));
    private static final long SEED = Long.getLong("soak.seed", 11);
    private static final int THREADS = 8;
    private static final int BLOCK = 16 << 10;
    private static final int SAMPLES = 30;
    /** Between connections, at most: it is about time that passes, and leaves the processor to the tests beside it. */
    private static final int PAUSE_MILLIS = 500;

    /** The longest fault is shorter than resume.window, and what is slow then is not stuck. */
    private static final int PATIENCE_MILLIS = 120_000;

    private static final long HEAP_SLACK = 4 << 20;
    /** Netty takes memory in chunks of up to 8 MiB, for each event loop. */
    private static final long BUFFER_SLACK = 24 << 20;

    private final AtomicInteger ended = new AtomicInteger();
    private final AtomicLong bytes = new AtomicLong();
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Map<Fault, Integer> faults = new EnumMap<>(Fault.class);
    private volatile boolean over;

    /** What happens to the link. */
    private enum Fault {
        RESET,
        END,
        END_IN_THE_MIDDLE,
        SILENCE
    }

    /** What an agent takes. */
    private record Footprint(long heap, long buffers, long resident) {
        static Footprint of(AgentProcess agent) {
            return new Footprint(agent.heapAfterGc(), agent.bufferBytes(), agent.residentBytes());
        }
    }

    @Test
    void faultsLeaveNothingBehind() throws Exception {
        System.out.println("FaultSoakTest: " + LENGTH.toMinutes() + " minutes, seed " + SEED);
        String keepalive = "keepalive { interval = 1s, timeout = 3s }";
        try (Scene scene = Scene.linked(tunnel -> tunnel.each(AgentProcess.Builder::forgetEndings)
                .server(keepalive)
                .client(keepalive + "\nupstream { wait = 2m, backoff { min = 10ms, max = 500ms } }"))) {
            scene.remember();
            long begun = System.nanoTime();
            List<Future<?>> work = new ArrayList<>();
            for (int i = 0; i < THREADS; i++) {
                Random random = new Random(SEED + i);
                work.add(threads.submit(() -> {
                    while (!over) {
                        exchange(scene, random);
                        TimeUnit.MILLISECONDS.sleep(random.nextInt(PAUSE_MILLIS));
                    }
                    return null;
                }));
            }
            Future<?> striking = threads.submit(() -> {
                strike(scene.link());
                return null;
            });
            List<Footprint> clients = new ArrayList<>();
            List<Footprint> servers = new ArrayList<>();
            for (int i = 1; i <= SAMPLES; i++) {
                long due = begun + LENGTH.toNanos() * i / SAMPLES;
                TimeUnit.NANOSECONDS.sleep(due - System.nanoTime());
                clients.add(Footprint.of(scene.client()));
                servers.add(Footprint.of(scene.server()));
                for (Future<?> each : work) {
                    if (each.isDone()) {
                        expectSuccess(each, scene);
                    }
                }
            }
            over = true;
            striking.get(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
            for (Future<?> each : work) {
                each.get(2 * PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
            }
            scene.expectNothingLeft();

            System.out.printf(
                    "FaultSoakTest: %d connections ended, %d MB both ways; faults: %s; the session went on %d times%n",
                    ended.get(),
                    bytes.get() / 1_000_000,
                    faults,
                    scene.client().log().matching("goes on after").size());
            expectFlat("client", clients);
            expectFlat("server", servers);
            assertThat(scene.client().log().matching("session up")).hasSize(1);
        } finally {
            over = true;
            threads.shutdownNow();
        }
    }

    /** A connection to the echo with some bytes, mostly few, which come back. */
    private void exchange(Scene scene, Random random) throws Exception {
        long size = random.nextInt(4) == 0 ? random.nextInt(8 << 20) : random.nextInt(2_000);
        long seed = random.nextLong();
        try (Socket socket = new Socket()) {
            socket.setSoTimeout(PATIENCE_MILLIS);
            socket.connect(scene.forward("web"));
            Future<?> sending = threads.submit(() -> {
                Bytes.source(seed, size).transferTo(socket.getOutputStream());
                socket.shutdownOutput();
                return null;
            });
            InputStream expected = Bytes.source(seed, size);
            long received = 0;
            byte[] block = socket.getInputStream().readNBytes(BLOCK);
            for (; block.length > 0; block = socket.getInputStream().readNBytes(BLOCK)) {
                assertThat(Arrays.equals(block, expected.readNBytes(block.length)))
                        .as("what comes back after %d of %d bytes is what was sent", received, size)
                        .isTrue();
                received += block.length;
            }
            assertThat(received).isEqualTo(size);
            sending.get(PATIENCE_MILLIS, TimeUnit.MILLISECONDS);
            ended.incrementAndGet();
            bytes.addAndGet(size);
        }
    }

    private static void expectSuccess(Future<?> work, Scene scene) throws InterruptedException {
        try {
            work.get();
        } catch (ExecutionException e) {
            throw new AssertionError(
                    "the client's log:\n" + scene.client().log() + "\nthe server's:\n"
                            + scene.server().log(),
                    e);
        }
    }

    private void strike(Link link) throws InterruptedException {
        Random random = new Random(SEED - 1);
        while (!over) {
            TimeUnit.MILLISECONDS.sleep(random.nextInt(5_000));
            Fault fault = Fault.values()[random.nextInt(Fault.values().length)];
            faults.merge(fault, 1, Integer::sum);
            switch (fault) {
                case RESET -> link.cut();
                case END -> link.finish();
                case END_IN_THE_MIDDLE -> link.cutAfter(random.nextInt(1_000_000));
                case SILENCE -> {
                    link.fallSilent();
                    TimeUnit.MILLISECONDS.sleep(random.nextInt(10_000));
                    link.speakAgain();
                }
            }
        }
    }

    /** Fails if the last third is above the first. */
    private static void expectFlat(String agent, List<Footprint> samples) {
        int third = SAMPLES / 3;
        List<Footprint> first = samples.subList(0, third);
        List<Footprint> last = samples.subList(SAMPLES - third, SAMPLES);
        System.out.printf(
                "FaultSoakTest: %s, first and last third: heap %s, buffers %s, resident %s MiB%n",
                agent,
                both(first, last, Footprint::heap),
                both(first, last, Footprint::buffers),
                both(first, last, Footprint::resident));
        assertThat(median(last, Footprint::heap) - median(first, Footprint::heap))
                .as("growth of the %s's heap: %s", agent, samples)
                .isLessThan(HEAP_SLACK);
        assertThat(median(last, Footprint::buffers) - median(first, Footprint::buffers))
                .as("growth of the %s's buffers: %s", agent, samples)
                .isLessThanOrEqualTo(BUFFER_SLACK);
    }

    private static String both(List<Footprint> first, List<Footprint> last, ToLongFunction<Footprint> what) {
        return "%.1f, %.1f".formatted(median(first, what) / 1048576.0, median(last, what) / 1048576.0);
    }

    private static long median(List<Footprint> samples, ToLongFunction<Footprint> what) {
        return samples.stream().mapToLong(what).sorted().toArray()[samples.size() / 2];
    }
}
