package dev.culvert.mux;

import dev.culvert.mux.MuxSession.Role;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.ReferenceCountUtil;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** What the scheduler costs a frame, with few and with many streams that all want to send. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SessionBenchmark {
    private static final int PAYLOAD = 64;

    /** That have something to send. */
    @Param({"1", "100", "10000"})
    public int streams;

    /** Stock version 1 has no windows, so nobody has to be there to widen them. */
    private final MuxSession session =
            new MuxSession(Role.CLIENT, MuxSettings.of(ProtocolVersion.SMUX_1), new Nobody());

    private final List<MuxStream> open = new ArrayList<>();
    private int next;

    @Setup
    public void setUp() {
        session.attach(new Wire() {
            @Override
            public void wake() {}

            @Override
            public void send() {}

            @Override
            public void reading(boolean on) {}

            @Override
            public void pass(ByteBuf in) {
                in.release();
            }

            @Override
            public void close() {}

            @Override
            public void drop() {}
        });
        for (int i = 0; i < streams; i++) {
            open.add(session.open(OpenRequest.EMPTY, new Silent()));
        }
        while (session.transmit(ReferenceCountUtil::release)) {
            // the SYN frames
        }
        open.forEach(this::write);
    }

    /** A frame of one stream goes out and that stream has another one: as many wait as before. */
    @Benchmark
    public boolean transmit() {
        write(open.get(next));
        next = next + 1 == streams ? 0 : next + 1;
        return session.transmit(ReferenceCountUtil::release);
    }

    private void write(MuxStream stream) {
        ByteBuf data = ByteBufAllocator.DEFAULT.ioBuffer(Frame.HEADER + PAYLOAD, Frame.HEADER + PAYLOAD);
        stream.write(data.setIndex(Frame.HEADER, Frame.HEADER).writeZero(PAYLOAD));
    }

    private static final class Nobody implements SessionListener {
        @Override
        public void onStream(MuxSession session, MuxStream stream) {}

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {}
    }

    private static final class Silent implements StreamListener {
        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            data.release();
        }

        @Override
        public void onFin(MuxStream stream) {}

        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {}
    }
}
