package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Two sessions do at random what applications and networks do: open, write, read late, half-close, reset, deliver a few bytes, let
 * time pass. Whatever the order, what arrives is what was sent, and in the end nothing is left. The seed is in the test's name.
 */
class SessionModelTest {
    private static final int SEEDS = 40;
    private static final int STEPS = 3_000;
    private static final int MOST_STREAMS = 12;

    static Stream<Arguments> runs() {
        return Stream.of(ProtocolVersion.values())
                .flatMap(version -> IntStream.rangeClosed(1, SEEDS).mapToObj(seed -> Arguments.of(version, seed)));
    }

    @ParameterizedTest(name = "{0}, seed {1}")
    @MethodSource("runs")
    void whatArrivesIsWhatWasSentAndInTheEndNothingIsLeft(ProtocolVersion version, int seed) {
        try (Run run = new Run(version, seed)) {
            for (int i = 0; i < STEPS; i++) {
                run.step();
            }
            run.finish();
        }
    }

    /** Windows, buffers and frames so small that every bound is reached; a stock peer's window is what it is. */
    private static MuxSettings settings(ProtocolVersion version) {
        MuxSettings.Flow flow = switch (version) {
            case SMUX_1 -> new MuxSettings.Flow(1_000, 1_000, 4_000, 2_000, 300);
            case SMUX_2 -> new MuxSettings.Flow(SendWindow.STOCK_INITIAL, 1 << 20, 64 << 20, 2_000, 5_000);
            case CULVERT -> new MuxSettings.Flow(1_000, 20_000, 40_000, 2_000, 300);
        };
        // Time passes in leaps here, and that is no reason to take the other for dead.
        return MuxSettings.of(version)
                .with(flow)
                .with(new MuxSettings.Keepalive(Duration.ofSeconds(5), Duration.ofHours(1)));
    }

    private static final class Run implements AutoCloseable {
        private final Random random;
        private final MockTicker clock = Ticker.newMockTicker();
        private final MuxSettings settings;
        private final End client;
        private final End server;

        Run(ProtocolVersion version, int seed) {
            random = new Random(seed);
            settings = settings(version);
            client = new End(MuxSession.Role.CLIENT, settings, clock);
            server = new End(MuxSession.Role.SERVER, settings, clock);
            client.peer = server;
            server.peer = client;
            client.session.attach(client.wire);
            server.session.attach(server.wire);
        }

        void step() {
            End end = random.nextBoolean() ? client : server;
            int what = random.nextInt(100);
            if (what < 4) {
                end.open();
            } else if (what < 60) {
                end.send(random.nextInt(4), random);
            } else if (what < 62) {
                pass(random.nextInt(300));
            } else if (!end.halves.isEmpty()) {
                Half half = end.halves.get(random.nextInt(end.halves.size()));
                if (what < 82) {
                    half.write(1 + random.nextInt(random.nextInt(10) == 0 ? 6_000 : 400), random.nextBoolean());
                } else if (what < 95) {
                    half.read(random.nextInt(3_000));
                } else if (what < 98) {
                    half.shutdownOutput();
                } else if (what < 99) {
                    half.reset();
                }
            }
            assertThat(end.closed).isEmpty();
        }

        private void pass(int millis) {
            clock.advance(millis, TimeUnit.MILLISECONDS);
            client.session.tick();
            server.session.tick();
        }

        /** Everybody reads what there is and ends what is open. */
        void finish() {
            for (int round = 0; round < 100; round++) {
                for (End end : List.of(client, server)) {
                    for (Half half : List.copyOf(end.halves)) {
                        half.read(Integer.MAX_VALUE);
                        half.shutdownOutput();
                    }
                }
                while (client.send(1, random) || server.send(1, random)) {
                    // until nobody has anything to say
                }
                pass(300);
            }
            for (End end : List.of(client, server)) {
                assertThat(end.closed).isEmpty();
                assertThat(end.halves).isEmpty();
                assertThat(end.session.accounts()).isEqualTo(MuxSession.Accounts.NONE);
            }
            assertThat(client.ended + server.ended).isGreaterThan(50);
        }

        @Override
        public void close() {
            client.session.disconnected("end of test");
            server.session.disconnected("end of test");
            client.drop();
            server.drop();
        }
    }

    /** A session and what its application knows. */
    private static final class End implements SessionListener {
        final MuxSession session;
        final TestWire wire;
        /** Streams that have not ended here. */
        final List<Half> halves = new ArrayList<>();
        /** All that there ever were. */
        final Map<Integer, Half> byId = new HashMap<>();

        private final int budget;
        int ended;
        String closed = "";

        @Nullable End peer;

        End(MuxSession.Role role, MuxSettings settings, Ticker clock) {
            session = new MuxSession(role, settings, this, SharedBudget.unbounded(), clock);
            wire = new TestWire(session);
            budget = (int) settings.flow().budget();
        }

        End peer() {
            if (peer == null) {
                throw new IllegalStateException("alone");
            }
            return peer;
        }

        void open() {
            if (session.isOpenable() && halves.size() < MOST_STREAMS) {
                Half half = new Half(this);
                half.opened(session.open(OpenRequest.EMPTY, half));
                half.attached = true;
            }
        }

        @Override
        public void onStream(MuxSession of, MuxStream stream) {
            new Half(this).opened(stream); // attached when it is read for the first time
        }

        @Override
        public void onClosed(MuxSession of, ErrorCode code, String text) {
            closed = code + ": " + text;
        }

        /** Delivers so many frames, in pieces of any size. False: there was nothing to deliver. */
        boolean send(int frames, Random random) {
            for (int i = 0; i < frames; i++) {
                wire.pull();
            }
            boolean moved = false;
            for (int i = 0; i < frames && peer().wire.reading; i++) {
                ByteBuf head = wire.sent.peek();
                if (head == null) {
                    break;
                }
                int bytes = head.readableBytes();
                int part = random.nextInt(3) == 0 ? 1 + random.nextInt(bytes) : bytes;
                peer().session.receive(part == bytes ? wire.sent.remove() : head.readRetainedSlice(part));
                assertThat(peer().session.unconsumedBytes()).isLessThanOrEqualTo(budget + bytes);
                moved = true;
            }
            return moved;
        }

        void drop() {
            ByteBuf part;
            while ((part = wire.sent.poll()) != null) {
                part.release();
            }
        }
    }

    /** What one application does with its end of a stream. */
    private static final class Half implements StreamListener {
        private final End end;
        private final ArrayDeque<ByteBuf> unread = new ArrayDeque<>();
        private @Nullable MuxStream stream;
        private boolean attached;
        private long written;
        private long received;
        private boolean shut;
        private boolean fin;
        private boolean reset;

        Half(End end) {
            this.end = end;
        }

        void opened(MuxStream opened) {
            stream = opened;
            end.halves.add(this);
            end.byId.put(opened.id(), this);
        }

        private MuxStream stream() {
            if (stream == null) {
                throw new IllegalStateException("not open");
            }
            return stream;
        }

        void write(int bytes, boolean headroom) {
            if (shut || !stream().isWritable()) {
                return;
            }
            ByteBuf data = ByteBufAllocator.DEFAULT.buffer(Frame.HEADER + bytes);
            if (headroom) {
                data.setIndex(Frame.HEADER, Frame.HEADER);
            }
            for (int i = 0; i < bytes; i++) {
                data.writeByte(pattern(stream().id(), written + i));
            }
            written += bytes;
            stream().write(data);
        }

        /** The byte at a place of a stream: no two streams, and no two places near each other, look alike. */
        private static byte pattern(int id, long position) {
            return (byte) (position * 31 + (position >> 8) + id * 7L);
        }

        void read(int most) {
            if (!attached) {
                attached = true;
                stream().accept();
                stream().attach(this);
            }
            int left = most;
            ByteBuf data;
            while (left > 0 && !reset && (data = unread.peek()) != null) {
                int n = Math.min(left, data.readableBytes());
                for (int i = 0; i < n; i++) {
                    if (data.readByte() != pattern(stream().id(), received)) {
                        throw new AssertionError("wrong byte " + received + " of " + stream);
                    }
                    received++;
                }
                if (!data.isReadable()) {
                    unread.remove().release();
                }
                left -= n;
                stream().consumed(n);
            }
            endIfOver();
        }

        void shutdownOutput() {
            shut = true;
            stream().shutdownOutput();
            endIfOver();
        }

        void reset() {
            stream().reset(ErrorCode.CANCELLED, "at random");
            cutOff();
        }

        @Override
        public void onData(MuxStream from, ByteBuf data) {
            assertThat(fin || reset).as("data after the end").isFalse();
            unread.add(data);
        }

        @Override
        public void onFin(MuxStream from) {
            assertThat(fin || reset).as("an end after the end").isFalse();
            fin = true;
            Half sender = sender();
            long arrived =
                    received + unread.stream().mapToLong(ByteBuf::readableBytes).sum();
            // A stock peer has no other way to say that it has reset the stream.
            boolean mayBeCut = end.session.version().isStock() && sender.reset;
            assertThat(arrived)
                    .satisfies(n -> assertThat(mayBeCut ? Math.min(n, sender.written) : sender.written)
                            .isEqualTo(n));
        }

        @Override
        public void onReset(MuxStream from, ErrorCode code, String text) {
            assertThat(code).isEqualTo(ErrorCode.CANCELLED);
            assertThat(sender().reset).as("the other has reset it").isTrue();
            assertThat(reset).isFalse();
            cutOff();
        }

        private Half sender() {
            Half other = end.peer().byId.get(stream().id());
            if (other == null) {
                throw new AssertionError(stream + " was never opened there");
            }
            return other;
        }

        private void endIfOver() {
            if (shut && fin && unread.isEmpty() && end.halves.remove(this)) {
                end.ended++;
            }
        }

        private void cutOff() {
            reset = true;
            unread.forEach(ByteBuf::release);
            unread.clear();
            if (end.halves.remove(this)) {
                end.ended++;
            }
        }
    }
}
