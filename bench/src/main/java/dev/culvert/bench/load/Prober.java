package dev.culvert.bench.load;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.HdrHistogram.Histogram;

/**
 * Sends 64 bytes every 2 ms, whether the last answer has come or not, and measures how long each answer takes. A
 * question that could not be sent in time, since the one before it was still being written, counts from when it should
 * have been sent: so a tunnel that stalls is charged for every question of its stall (no coordinated omission). One
 * that is late because this machine woke the prober late counts from when it was sent.
 */
final class Prober {
    private static final int SIZE = 64;
    private static final long INTERVAL = TimeUnit.MILLISECONDS.toNanos(2);
    private static final long WARM_UP = TimeUnit.SECONDS.toNanos(1);
    private static final long LONGEST = TimeUnit.SECONDS.toNanos(60);

    private final SocketChannel channel;
    private final Histogram answers = new Histogram(LONGEST, 3);

    Prober(SocketChannel channel) {
        this.channel = channel;
    }

    /** Asks for so long after a second of warming up; returns p50, p99, p99.9 and the longest, ns. */
    String run(long nanos) throws IOException, InterruptedException {
        long start = System.nanoTime() + INTERVAL;
        long questions = (WARM_UP + nanos) / INTERVAL;
        Thread asking = new Thread(() -> ask(start, questions), "questions");
        asking.setDaemon(true);
        asking.start();
        ByteBuffer answer = ByteBuffer.allocateDirect(SIZE);
        for (long i = 0; i < questions; i++) {
            answer.clear();
            while (answer.hasRemaining()) {
                if (channel.read(answer) < 0) {
                    throw new EOFException("the echo has closed");
                }
            }
            long asked = answer.getLong(0);
            if (asked - start >= WARM_UP) {
                answers.recordValue(Math.min(LONGEST, System.nanoTime() - asked));
            }
        }
        asking.join();
        return answers.getValueAtPercentile(50) + " " + answers.getValueAtPercentile(99) + " "
                + answers.getValueAtPercentile(99.9) + " " + answers.getMaxValue();
    }

    private void ask(long start, long questions) {
        ByteBuffer question = ByteBuffer.allocateDirect(SIZE);
        try {
            long written = start;
            for (long i = 0; i < questions; i++) {
                long due = start + i * INTERVAL;
                long now;
                while ((now = System.nanoTime()) < due) {
                    LockSupport.parkNanos(due - now);
                }
                question.clear();
                question.putLong(0, written > due ? due : now);
                while (question.hasRemaining()) {
                    channel.write(question);
                }
                written = System.nanoTime();
            }
        } catch (IOException e) {
            throw new IllegalStateException("the connection has failed", e);
        }
    }
}
