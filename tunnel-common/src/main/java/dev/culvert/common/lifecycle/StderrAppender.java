package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.classic.spi.LoggingEvent;
import ch.qos.logback.core.UnsynchronizedAppenderBase;
import ch.qos.logback.core.encoder.Encoder;
import java.io.ByteArrayOutputStream;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * Writes the log to standard error, on a thread of its own: whoever logs from an event loop must not wait for a
 * terminal or a full pipe. After a line the thread rests for a moment, and writes at once what has come meanwhile: with
 * thousands of connections a second, waking it for each would cost more than the line.
 *
 * <p>What does not fit into the queue is lost, and so is what cannot be written, as on a full disk; the log says how
 * much that was.
 */
final class StderrAppender extends UnsynchronizedAppenderBase<ILoggingEvent> {
    static final int QUEUE = 8192;
    private static final long REST = TimeUnit.MILLISECONDS.toNanos(10);
    private static final long LAST_WORDS_MILLIS = 1_000;

    private final Queue<ILoggingEvent> queue = new ArrayBlockingQueue<>(QUEUE);
    private final AtomicInteger lost = new AtomicInteger();
    private final AtomicBoolean idle = new AtomicBoolean();
    private final OutputStream stderr;
    private final ByteArrayOutputStream batch = new ByteArrayOutputStream();
    /** Why the last batch could not be written; empty: it was. Only the writer uses it. */
    private String failure = "";

    private final Thread writer = new Thread(this::run, "log");
    private volatile @Nullable Encoder<ILoggingEvent> encoder;

    StderrAppender() {
        this(new FileOutputStream(FileDescriptor.err));
    }

    StderrAppender(OutputStream stderr) {
        this.stderr = stderr;
    }

    /** How lines look from now on. Only the writer uses it. Any thread. */
    void setEncoder(Encoder<ILoggingEvent> newEncoder) {
        encoder = newEncoder;
    }

    @Nullable Encoder<ILoggingEvent> encoder() {
        return encoder;
    }

    @Override
    public void start() {
        super.start();
        writer.setDaemon(true);
        writer.start();
    }

    @Override
    protected void append(ILoggingEvent event) {
        event.prepareForDeferredProcessing();
        if (!queue.offer(event)) {
            lost.incrementAndGet();
        }
        if (idle.get() && idle.compareAndSet(true, false)) {
            LockSupport.unpark(writer);
        }
    }

    private void run() {
        while (isStarted()) {
            if (write()) {
                LockSupport.parkNanos(REST);
            } else {
                idle.set(true);
                if (queue.isEmpty() && isStarted()) { // looked at once more: somebody may just have missed that
                    LockSupport.park();
                }
                idle.set(false);
            }
        }
        write();
    }

    /**
     * Writes what waits. False: nothing does, or it cannot be written, and the next line is soon enough to try again.
     */
    private boolean write() {
        ILoggingEvent event;
        int lines = 0;
        if (!failure.isEmpty() && !queue.isEmpty()) {
            batch.write('\n'); // a part of a line may be there
        }
        for (; lines < QUEUE && (event = queue.poll()) != null; lines++) {
            encode(event);
        }
        int missing = lost.getAndSet(0);
        if (missing > 0) {
            encode(loss(missing, failure.isEmpty() ? "standard error is not read fast enough" : failure));
        }
        if (batch.size() == 0) {
            return false;
        }
        try {
            batch.writeTo(stderr);
            failure = "";
        } catch (IOException e) {
            lost.addAndGet(lines + missing); // there is no other place to say so
            failure = "standard error could not be written: " + e.getMessage();
        }
        batch.reset();
        return failure.isEmpty();
    }

    private void encode(ILoggingEvent event) {
        Encoder<ILoggingEvent> present = encoder;
        if (present != null) {
            batch.writeBytes(present.encode(event));
        }
    }

    /** What to say of events that did not fit. */
    LoggingEvent loss(int missing, String why) {
        Logger logger = ((LoggerContext) getContext()).getLogger(StderrAppender.class);
        String message = missing + " lines of the log are lost: " + why;
        LoggingEvent event = new LoggingEvent("", logger, Level.WARN, message, null, null);
        event.addKeyValuePair(new KeyValuePair("event", "log_lost"));
        event.addKeyValuePair(new KeyValuePair("count", missing));
        return event;
    }

    /** Writes what is queued, within a second. */
    @Override
    public void stop() {
        super.stop();
        LockSupport.unpark(writer);
        try {
            writer.join(LAST_WORDS_MILLIS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
