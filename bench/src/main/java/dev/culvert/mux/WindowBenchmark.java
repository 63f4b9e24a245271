package dev.culvert.mux;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What both windows cost a frame, with the UPD frames between them. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class WindowBenchmark {
    private static final int FRAME = 32760;
    private static final int WINDOW = 256 << 10;

    private final RoundTrip roundTrip = new RoundTrip();
    private final ReceiveWindow receive =
            new ReceiveWindow(WINDOW, 16 << 20, false, new MemoryBudget(64 << 20, SharedBudget.unbounded()), roundTrip);
    private final SendWindow send = new SendWindow(WINDOW);
    private long now;

    /** A frame is sent, received and consumed. */
    @Benchmark
    public int frame() throws ProtocolViolation {
        now += TimeUnit.MICROSECONDS.toNanos(25); // 10 Gbit/s
        send.sent(FRAME);
        receive.receive(FRAME, now);
        if (receive.consume(FRAME, now)) {
            receive.updateSent(now);
            send.update(receive.consumedTotal(), receive.window());
        }
        return send.available();
    }
}
