package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.LoggingEvent;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class StderrAppenderTest {
    private final LoggerContext context = (LoggerContext) LoggerFactory.getILoggerFactory();
    private final ByteArrayOutputStream written = new ByteArrayOutputStream();

    private StderrAppender appender(OutputStream stderr) {
        PatternLayoutEncoder encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern("%msg%n");
        encoder.start();
        StderrAppender appender = new StderrAppender(stderr);
        appender.setContext(context);
        appender.setEncoder(encoder);
        appender.start();
        return appender;
    }

    private void log(StderrAppender appender, String message) {
        appender.doAppend(new LoggingEvent("", context.getLogger("test"), Level.INFO, message, null, null));
    }

    private String text() {
        return written.toString(StandardCharsets.UTF_8);
    }

    @Test
    void whatIsLoggedIsWrittenInItsOrder() {
        StderrAppender appender = appender(written);
        for (int i = 0; i < 1_000; i++) {
            log(appender, "line " + i);
        }
        await().until(() -> text().endsWith("line 999\n"));
        assertThat(text().lines()).containsExactlyElementsOf(lines(1_000));
        appender.stop();
    }

    @Test
    void aLineAfterAPauseIsWrittenToo() {
        StderrAppender appender = appender(written);
        log(appender, "line 0");
        await().until(() -> text().equals("line 0\n"));
        log(appender, "line 1");
        await().until(() -> text().equals("line 0\nline 1\n"));
        appender.stop();
    }

    @Test
    void whatIsQueuedIsWrittenAtTheEnd() {
        StderrAppender appender = appender(written);
        for (int i = 0; i < 1_000; i++) {
            log(appender, "line " + i);
        }
        appender.stop();
        assertThat(text().lines()).containsExactlyElementsOf(lines(1_000));
    }

    /** As behind a full pipe: whoever logs does not wait, and what is lost is counted. */
    @Test
    void whatDoesNotFitIsLostAndCounted() {
        CountDownLatch reader = new CountDownLatch(1);
        CountDownLatch full = new CountDownLatch(1);
        StderrAppender appender = appender(new OutputStream() {
            @Override
            public void write(int b) {
                written.write(b);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                full.countDown();
                try {
                    reader.await();
                } catch (InterruptedException e) {
                    throw new IOException(e);
                }
                written.write(bytes, offset, length);
            }
        });
        log(appender, "line 0");
        await().until(() -> full.getCount() == 0); // the writer has taken that line, and is stuck with it
        for (int i = 1; i <= StderrAppender.QUEUE + 5; i++) {
            log(appender, "line " + i);
        }
        reader.countDown();
        appender.stop();
        assertThat(text().lines())
                .hasSize(StderrAppender.QUEUE + 2)
                .startsWith("line 0", "line 1")
                .endsWith("5 lines of the log are lost: standard error is not read fast enough");
    }

    /** As on a full disk. */
    @Test
    void whatCanNotBeWrittenIsCountedWhenItCanAgain() {
        AtomicBoolean diskIsFull = new AtomicBoolean(true);
        AtomicInteger failures = new AtomicInteger();
        StderrAppender appender = appender(new OutputStream() {
            @Override
            public void write(int b) {
                written.write(b);
            }

            @Override
            public void write(byte[] bytes, int offset, int length) throws IOException {
                if (diskIsFull.get()) {
                    written.write(bytes, offset, 3);
                    failures.incrementAndGet();
                    throw new IOException("No space left on device");
                }
                written.write(bytes, offset, length);
            }
        });
        log(appender, "line 0");
        await().until(() -> failures.get() == 1);
        log(appender, "line 1");
        await().until(() -> failures.get() == 2);
        diskIsFull.set(false);
        log(appender, "line 2");
        appender.stop();

        assertThat(text().lines())
                .endsWith(
                        "line 2",
                        "2 lines of the log are lost: standard error could not be written: No space left on device");
    }

    /** Whoever reads JSON finds nothing else, and the fields of docs/logs.md. */
    @Test
    void theLossIsAnEventToo() {
        assertThat(new JsonEncoder().lines(appender(written).loss(5, "why")))
                .contains("\"level\":\"warn\"", "\"event\":\"log_lost\",\"count\":5,\"message\":\"5 lines of the log");
    }

    private static Iterable<String> lines(int count) {
        return IntStream.range(0, count).mapToObj(i -> "line " + i).toList();
    }
}
