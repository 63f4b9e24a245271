package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.PooledByteBufAllocator;
import io.netty.buffer.Unpooled;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.openjdk.jmh.infra.Blackhole;

/** What it costs to write a frame's header, and to find the frames in what a socket has brought. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class CodecBenchmark {
    private static final int FRAMES = 8;

    /** Of a frame, bytes. */
    @Param({"64", "32760"})
    public int payload;

    private ByteBuf read = Unpooled.EMPTY_BUFFER;
    private ByteBuf written = Unpooled.EMPTY_BUFFER;
    private FrameDecoder decoder = new FrameDecoder(ProtocolVersion.CULVERT);

    @Setup
    public void setUp() {
        read = PooledByteBufAllocator.DEFAULT.directBuffer(FRAMES * (Frame.HEADER + payload));
        for (int i = 0; i < FRAMES; i++) {
            Frame.writeHeader(read, ProtocolVersion.CULVERT, Frame.PSH, payload, 3);
            read.writeZero(payload);
        }
        written = PooledByteBufAllocator.DEFAULT.directBuffer(Frame.HEADER + payload);
        written.setIndex(Frame.HEADER, Frame.HEADER).writeZero(payload);
    }

    @TearDown
    public void tearDown() {
        read.release();
        written.release();
    }

    /** Eight frames. */
    @Benchmark
    public void decode(Blackhole hole) throws ProtocolViolation {
        read.readerIndex(0);
        decoder.decode(read, new FrameHandler() {
            @Override
            public void onData(int streamId, ByteBuf data) {
                hole.consume(data);
                data.release();
            }

            @Override
            public void onControl(int command, int streamId, ByteBuf data) {
                hole.consume(command);
            }
        });
    }

    @Benchmark
    public ByteBuf encode() {
        written.readerIndex(Frame.HEADER);
        Frame.prependHeader(written, ProtocolVersion.CULVERT, Frame.PSH, 3);
        return written;
    }
}
