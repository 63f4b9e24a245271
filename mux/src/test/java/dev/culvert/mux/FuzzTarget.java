package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import dev.culvert.mux.MuxSettings.Flow;
import dev.culvert.mux.MuxSettings.Limits;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;

/**
 * A session that may be sent anything, with applications that do, at random, whatever applications do, inside every
 * callback. It checks that no buffer is lost, that no more is held than the budget, and that no account is open at the
 * end.
 */
final class FuzzTarget implements SessionListener, AutoCloseable {
    private static final Flow TIGHT = new Flow(16 << 10, 64 << 10, 300_000, 8 << 10, 1 << 10);
    private static final Limits LIMITS = new Limits(32, 1_000_000, 200);

    final MuxSession session;
    boolean reading = true;
    /** The place in the session behind the last byte that it has sent. */
    private long sentTo;

    private final MockTicker clock = Ticker.newMockTicker();
    private final SplittableRandom random;
    /** How many of a hundred times the applications take what they are given: some sessions have slow ones. */
    private final int appetite;

    private final List<ByteBuf> handedIn = new ArrayList<>();
    private final ArrayDeque<Kept> kept = new ArrayDeque<>();

    private final ArrayDeque<Late> unattached = new ArrayDeque<>();

    private record Late(MuxStream stream, App app) {}

    private record Kept(MuxStream stream, ByteBuf data) {}

    /** The session is up. */
    FuzzTarget(Role role, ProtocolVersion version, SplittableRandom random) {
        this.random = random;
        appetite = random.nextInt(100);
        boolean keeps = version == ProtocolVersion.CULVERT && random.nextBoolean();
        MuxSettings settings = MuxSettings.of(version).with(TIGHT).with(LIMITS);
        session = new MuxSession(
                role,
                keeps ? settings.with(new MuxSettings.Resume(Duration.ofSeconds(30), 4 << 10)) : settings,
                this,
                SharedBudget.unbounded(),
                clock);
        session.attach(new FuzzWire());
        receive(
                keeps
                        ? keeping(role)
                        : Frame.empty(version, version == ProtocolVersion.CULVERT ? Frame.HELLO : Frame.NOP, 0));
    }

    /**
     * The HELLO of a peer that keeps the session, for a time and with a buffer that may be at either end of what there
     * is.
     */
    private ByteBuf keeping(Role role) {
        long[] millis = {0, 1, 20_000, 0xffff_ffffL};
        long[] buffers = {1 << 10, 64 << 10, 0xffff_ffffL};
        ByteBuf tlvs = UnpooledByteBufAllocator.DEFAULT.buffer();
        new Hello(
                        "",
                        SendWindow.STOCK_INITIAL,
                        Frame.MAX_PAYLOAD,
                        Integer.MAX_VALUE,
                        new Hello.Keeping(
                                millis[random.nextInt(millis.length)], buffers[random.nextInt(buffers.length)]),
                        role == Role.SERVER ? null : new Token(1, 2, 3),
                        null)
                .write(tlvs);
        ByteBuf hello = Frame.withTlvs(ProtocolVersion.CULVERT, Frame.HELLO, 0, tlvs);
        tlvs.release();
        return hello;
    }

    private final class FuzzWire implements Wire {
        @Override
        public void wake() {}

        @Override
        public void send() {}

        @Override
        public void reading(boolean on) {
            reading = on;
        }

        @Override
        public void pass(ByteBuf in) {
            in.release();
        }

        @Override
        public void close() {}

        @Override
        public void drop() {}
    }

    /** The link is lost, and the session waits for another or gets it; from a peer that may tell any number. */
    private void cut() {
        session.disconnected("cut");
        long absurd = random.nextBoolean() ? random.nextLong() : sentTo + 1 + random.nextInt(10_000);
        long peerHas = random.nextInt(4) == 0 ? absurd : sentTo;
        session.resume(new FuzzWire(), peerHas, () -> {});
        if (session.isLost()) {
            return;
        }
        sentTo = peerHas;
        if (session.role() == Role.SERVER) {
            session.transmit(ByteBuf::release); // what the connection begins with is no part of the session
        }
    }

    private void take(ByteBuf sent) {
        sentTo += sent.readableBytes();
        sent.release();
    }

    /** Takes {@code in}. */
    void receive(ByteBuf in) {
        handedIn.add(in);
        if (session.isLost()) {
            in.release(); // there is nobody who could send it
            return;
        }
        int largest = in.readableBytes();
        session.receive(in);
        // Without windows the session can only stop reading, so it holds what it had read when it did.
        long most = TIGHT.budget() + (session.isUp() && session.version() == ProtocolVersion.SMUX_1 ? largest : 0);
        assertThat(session.unconsumedBytes()).isLessThanOrEqualTo(most);
    }

    /** Lets the session send, the time pass, and applications go on. */
    void live() {
        int frames = random.nextInt(64);
        while (frames-- > 0 && !session.isLost() && session.transmit(this::take)) {
            // on the wire
        }
        if (random.nextInt(4) == 0) {
            clock.advance(random.nextInt(2_000), TimeUnit.MILLISECONDS);
            session.tick();
        }
        if (session.token().isPresent() && !session.isClosed() && random.nextInt(16) == 0) {
            cut();
        }
        if (!unattached.isEmpty() && random.nextInt(4) == 0) {
            Late late = unattached.remove();
            late.stream.attach(late.app);
        }
        while (!kept.isEmpty() && (!reading || random.nextInt(100) < appetite)) {
            consume(kept.remove());
        }
        if (random.nextInt(8) == 0) {
            session.forEachStream(stream -> {
                if (random.nextInt(8) == 0) {
                    stream.reset(ErrorCode.TIMEOUT, "too old");
                }
            });
        }
        if (session.isOpenable() && random.nextInt(8) == 0) {
            App app = new App();
            act(session.open(OpenRequest.EMPTY, app), app);
        }
    }

    private void consume(Kept one) {
        int bytes = one.data.readableBytes();
        one.data.release();
        one.stream.consumed(bytes);
    }

    /** Something that an application does with a stream. */
    private void act(MuxStream stream, App app) {
        switch (random.nextInt(512)) {
            case 0, 1, 2 -> stream.accept();
            case 3, 4, 5 -> {
                app.shut = true;
                stream.shutdownOutput();
            }
            case 6, 7 -> {
                app.ended = true;
                stream.reset(ErrorCode.CANCELLED, "had enough");
            }
            case 8 ->
                session.forEachStream(other -> {
                    if (random.nextBoolean()) {
                        other.reset(ErrorCode.INTERNAL, "all of you");
                    }
                });
            case 9 -> {
                if (random.nextInt(2_000) == 0) {
                    session.goAway(ErrorCode.DRAINING, "soon");
                } else if (random.nextInt(2_000) == 0) {
                    session.close(ErrorCode.CANCELLED, "now");
                }
            }
            default -> {
                if (!app.shut && stream.isWritable() && random.nextInt(8) == 0) {
                    int bytes = random.nextInt(200);
                    stream.write(ByteBufAllocator.DEFAULT
                            .buffer(Frame.HEADER + bytes)
                            .setIndex(Frame.HEADER, Frame.HEADER)
                            .writeZero(bytes));
                }
            }
        }
    }

    /** Ends the session, as the loss of its connection would. */
    @Override
    public void close() {
        session.disconnected("the end");
        session.close(ErrorCode.CANCELLED, "the end"); // or it would wait for another connection
        unattached.forEach(late -> late.stream.reset(ErrorCode.CANCELLED, "nobody wanted it"));
        kept.forEach(this::consume);
        kept.clear();
        for (ByteBuf in : handedIn) {
            assertThat(in.refCnt()).isZero();
        }
        assertThat(session.accounts()).isEqualTo(Accounts.NONE);
    }

    private final class App implements StreamListener {
        private boolean shut;
        private boolean ended;

        @Override
        public void onOpened(MuxStream stream) {
            act(stream, this);
        }

        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            assertThat(ended).isFalse();
            kept.add(new Kept(stream, data));
            if (random.nextInt(100) < appetite) {
                consume(kept.removeLast());
            }
            act(stream, this);
        }

        @Override
        public void onFin(MuxStream stream) {
            assertThat(ended).isFalse();
            ended = true;
            act(stream, this);
        }

        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {
            ended = true;
            act(stream, this);
        }

        @Override
        public void onWritable(MuxStream stream) {
            act(stream, this);
        }
    }

    @Override
    public void onStream(MuxSession opened, MuxStream stream) {
        App app = new App();
        if (random.nextInt(8) > 0) {
            stream.attach(app);
        } else {
            unattached.add(new Late(stream, app));
        }
        act(stream, app);
    }

    @Override
    public void onClosed(MuxSession ended, ErrorCode code, String text) {}
}
