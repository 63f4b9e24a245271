package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.LeakPresenceDetector;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Two sessions in a network that exists only here, on a clock that only moves when it is told. At random, from a seed,
 * they do what applications and networks do: open, write, read late, half-close, reset, deliver a few bytes, let time
 * pass, and where the network is bad: lose the link at any byte, tell the two ends of it late or never, connect twice
 * and answer in another order, be silent. Half of the seeds have another {@link Trouble}, too.
 *
 * <p>What must hold is checked in each step, see {@link SimulatedStream}, and in the end: what arrives is what was
 * sent, no stream is stuck, and nothing is left: no account is open, and no buffer is lost.
 */
final class Simulation implements AutoCloseable {
    private static final int MOST_STREAMS = 12;
    private static final int MOST_ATTEMPTS = 3;
    /** So long nothing happens that windows become narrow again, ms. */
    private static final int QUIET = 5_100;

    private static final Duration WINDOW = Duration.ofSeconds(60);

    private final ProtocolVersion version;
    private final boolean badNetwork;
    private final Random random;
    private final MockTicker clock = Ticker.newMockTicker();
    private final MuxSettings settings;
    private final SimulatedMemory clientMemory = new SimulatedMemory();
    private final SimulatedMemory serverMemory = new SimulatedMemory();
    private final SimulatedEnd client;
    private final SimulatedEnd server;
    /** Every connection that there ever was, and that has anything left to happen to it. */
    private final List<Link> links = new ArrayList<>();

    private final Trouble trouble;
    private int losses;

    /** What may end a session, or its streams, before they would by themselves. */
    private enum Trouble {
        NONE,
        GOAWAY,
        /** Either side closes its session, whether it has a link or not. */
        CLOSE,
        /** No connection comes for longer than a session waits. */
        OUTAGE,
        /** Others take the memory that a session shares with them. */
        MEMORY
    }

    Simulation(ProtocolVersion version, boolean badNetwork, long seed) {
        this.version = version;
        this.badNetwork = badNetwork;
        random = new Random(seed);
        settings = settings();
        client = new SimulatedEnd(newSession(MuxSession.Role.CLIENT, null), clientMemory, settings);
        server = new SimulatedEnd(newSession(MuxSession.Role.SERVER, null), serverMemory, settings);
        client.peer = server;
        server.peer = client;
        Trouble[] troubles = Trouble.values();
        trouble = badNetwork && random.nextBoolean() ? troubles[random.nextInt(troubles.length)] : Trouble.NONE;
        if (badNetwork && random.nextInt(8) == 0) {
            client.session.nextId(0xffff_ffffL - 2L * random.nextInt(20));
        }
        Link first = new Link(client.session, server.session);
        links.add(first);
        while (badNetwork && !client.session.isUp()) { // one that breaks before is just an attempt that failed
            first.send(MuxSession.Role.CLIENT, 1);
            first.send(MuxSession.Role.SERVER, 1);
        }
    }

    /** A whole run, for what it has come to. */
    static Simulation run(ProtocolVersion version, boolean badNetwork, long seed, int steps) {
        try (Simulation run = new Simulation(version, badNetwork, seed)) {
            for (int i = 0; i < steps; i++) {
                run.step();
            }
            run.finish();
            return run;
        }
    }

    /** Windows, buffers and frames so small that every bound is reached; a stock peer's window is what it is. */
    private MuxSettings settings() {
        MuxSettings.Flow flow = switch (version) {
            case SMUX_1 -> new MuxSettings.Flow(1_000, 1_000, 4_000, 2_000, 300);
            case SMUX_2 -> new MuxSettings.Flow(SendWindow.STOCK_INITIAL, 1 << 20, 64 << 20, 2_000, 5_000);
            case CULVERT -> new MuxSettings.Flow(1_000, 20_000, 40_000, 2_000, 300);
        };
        MuxSettings usual = MuxSettings.of(version).with(flow);
        return badNetwork
                ? usual.with(new MuxSettings.Resume(WINDOW, 1_024 << random.nextInt(5)))
                // Time passes in leaps here, and that is no reason to take the other for dead.
                : usual.with(new MuxSettings.Keepalive(Duration.ofSeconds(5), Duration.ofHours(1)));
    }

    private MuxSession newSession(MuxSession.Role role, @Nullable Attempt attempt) {
        SessionListener listener = attempt == null ? new Events(role) : attempt;
        return new MuxSession(role, settings, listener, memory(role).budget, clock);
    }

    private SimulatedMemory memory(MuxSession.Role role) {
        return role == MuxSession.Role.CLIENT ? clientMemory : serverMemory;
    }

    private SimulatedEnd end(MuxSession.Role role) {
        return role == MuxSession.Role.CLIENT ? client : server;
    }

    // ---- what happens

    void step() {
        SimulatedEnd end = random.nextBoolean() ? client : server;
        int what = random.nextInt(100);
        if (what < 4) {
            end.open(MOST_STREAMS);
        } else if (what < 60) {
            deliver(end, random.nextInt(4));
        } else if (what < 62) {
            pass(random.nextInt(8) == 0 ? QUIET : random.nextInt(300));
        } else if (what < 64 && badNetwork) {
            network(end);
        } else if (!end.streams.isEmpty()) {
            SimulatedStream stream = end.streams.get(random.nextInt(end.streams.size()));
            if (what < 82) {
                stream.write(1 + random.nextInt(random.nextInt(10) == 0 ? 6_000 : 400), random.nextBoolean());
            } else if (what < 95) {
                stream.read(random.nextInt(3_000));
            } else if (what < 98) {
                stream.shutdownOutput();
            } else if (what < 99) {
                stream.reset();
            }
        }
        check();
    }

    private void deliver(SimulatedEnd end, int frames) {
        for (Link link : links.size() == 1 ? links : List.copyOf(links)) {
            link.send(end.role(), links.size() == 1 ? frames : random.nextInt(1 + frames));
            if (random.nextInt(4) == 0) {
                link.server.arrive();
            }
        }
        links.removeIf(Link::isForgotten);
    }

    private void network(SimulatedEnd end) {
        if (trouble == Trouble.MEMORY) {
            end.memory.take(random.nextInt(2)); // others come and go
        }
        int what = random.nextInt(100);
        if (what < 30) {
            Link link = links.isEmpty() ? null : links.get(random.nextInt(links.size()));
            if (link != null) {
                link.cut();
                losses++;
            }
        } else if (what < 80) {
            for (Link link : List.copyOf(links)) {
                link.tell(end.role());
            }
        } else if (what < 84 && (!client.session.isLost() || trouble == Trouble.OUTAGE)) {
            silence();
        } else if (what < 90) {
            trouble(end);
        }
        dial();
    }

    private void trouble(SimulatedEnd end) {
        switch (trouble) {
            case NONE -> {}
            case GOAWAY -> end.goAway(clock.nanoTime());
            case CLOSE -> end.session.close(ErrorCode.CANCELLED, "at random");
            case OUTAGE -> pass(random.nextInt((int) WINDOW.toMillis()));
            case MEMORY -> end.memory.take(random.nextInt(3));
        }
    }

    /** As a client does whose session has lost its link; it may have tried already. */
    private void dial() {
        if (client.session.isLost() && links.size() < MOST_ATTEMPTS) {
            Attempt here = new Attempt(MuxSession.Role.CLIENT);
            Attempt there = new Attempt(MuxSession.Role.SERVER);
            MuxSession fresh = newSession(MuxSession.Role.CLIENT, here);
            fresh.prefer(client.session);
            Link link = new Link(fresh, newSession(MuxSession.Role.SERVER, there));
            here.wire = link.client;
            there.wire = link.server;
            links.add(link);
        }
    }

    /** Nobody hears of the other for so long that both give up the link. */
    private void silence() {
        for (int i = 0; i < 5; i++) {
            pass(5_000);
        }
        losses++;
    }

    private void pass(int millis) {
        clock.advance(millis, TimeUnit.MILLISECONDS);
        client.session.tick();
        server.session.tick();
        for (Link link : List.copyOf(links)) {
            link.client.session.tick();
            link.server.session.tick();
        }
    }

    private void check() {
        for (SimulatedEnd end : List.of(client, server)) {
            end.check();
            boolean mayEnd = trouble != Trouble.NONE && end.closedBy != ErrorCode.PROTOCOL_ERROR;
            if (end.closedBy != null && !mayEnd) {
                throw new AssertionError(end.role() + " has ended: " + end.closed);
            }
        }
    }

    /** Everybody reads what there is and ends what is open, and the network is a good one. */
    void finish() {
        for (int round = 0; round < 200 && !isOver(round); round++) {
            for (SimulatedEnd end : List.of(client, server)) {
                for (SimulatedStream stream : List.copyOf(end.streams)) {
                    stream.read(Integer.MAX_VALUE);
                    stream.shutdownOutput();
                }
                for (Link link : List.copyOf(links)) {
                    link.tell(end.role());
                    link.server.arrive();
                }
                end.memory.take(trouble == Trouble.MEMORY ? 1 : 0); // what is open can go on
            }
            dial();
            boolean moved = true;
            while (moved) {
                moved = false;
                for (Link link : List.copyOf(links)) {
                    moved |= link.send(MuxSession.Role.CLIENT, 1);
                    moved |= link.send(MuxSession.Role.SERVER, 1);
                }
                links.removeIf(Link::isForgotten);
            }
            pass(300);
            check();
        }
        if (client.session.isClosed() || server.session.isClosed()) {
            pass((int) WINDOW.toMillis()); // the last word may have been lost
        }
        for (SimulatedEnd end : List.of(client, server)) {
            end.checkEmpty();
        }
    }

    private boolean isOver(int round) {
        return round > 30 && client.streams.isEmpty() && server.streams.isEmpty() && links.size() <= 1;
    }

    /** Streams that have ended, on both sides. */
    int ended() {
        return client.ended + server.ended;
    }

    /** How often the link was lost. */
    int losses() {
        return losses;
    }

    @Override
    public void close() {
        for (Link link : links) {
            link.client.empty();
            link.server.empty();
        }
        for (SimulatedEnd end : List.of(client, server)) {
            end.session.close(ErrorCode.CANCELLED, "end of test");
            end.session.disconnected("end of test");
        }
        for (Link link : links) {
            link.client.end();
            link.server.end();
        }
        client.drop();
        server.drop();
        LeakPresenceDetector.check();
    }

    // ---- the network

    /** One connection: what either side has sent and the other has not got. */
    private final class Link {
        final SimulatedWire client;
        final SimulatedWire server;
        private boolean cut;

        Link(MuxSession here, MuxSession there) {
            client = new SimulatedWire(here, clientMemory);
            server = new SimulatedWire(there, serverMemory);
            here.attach(client);
            there.attach(server);
        }

        private SimulatedWire of(MuxSession.Role role) {
            return role == MuxSession.Role.CLIENT ? client : server;
        }

        private SimulatedWire opposite(MuxSession.Role role) {
            return role == MuxSession.Role.CLIENT ? server : client;
        }

        /** Delivers so many frames, in pieces of any size. False: there was nothing to deliver. */
        boolean send(MuxSession.Role role, int frames) {
            SimulatedWire from = of(role);
            SimulatedWire to = opposite(role);
            for (int i = 0; i < frames; i++) {
                from.pull(random.nextInt(4) == 0 ? random.nextInt(300) : Integer.MAX_VALUE);
            }
            boolean moved = false;
            ByteBuf together = frames > 1 && random.nextBoolean() ? ByteBufAllocator.DEFAULT.buffer() : null;
            for (int i = 0; i < frames && to.isReading(); i++) {
                ByteBuf head = cut ? null : from.sent.peek();
                if (head == null) {
                    break;
                }
                int bytes = head.readableBytes();
                int part = random.nextInt(3) == 0 ? 1 + random.nextInt(bytes) : bytes;
                ByteBuf piece = part == bytes ? from.sent.remove() : head.readRetainedSlice(part);
                if (together == null) {
                    to.pass(piece);
                } else {
                    together.writeBytes(piece);
                    piece.release();
                }
                moved = true;
            }
            if (together != null) {
                to.pass(together);
            }
            if (cut || to.dropped) {
                from.empty();
            }
            if (!cut && from.finished && from.sent.isEmpty()) {
                to.tell("the peer closed the connection");
            }
            return moved;
        }

        /** What is on the way is lost from some byte on. */
        void cut() {
            for (int i = 0; i < 2; i++) {
                send(random.nextBoolean() ? MuxSession.Role.CLIENT : MuxSession.Role.SERVER, random.nextInt(4));
            }
            cut = true;
            client.empty();
            server.empty();
        }

        /** One side hears that there is no connection any more, if there is none. */
        void tell(MuxSession.Role role) {
            if (cut || opposite(role).dropped) {
                of(role).tell("cut");
            }
        }

        boolean isForgotten() {
            boolean forgotten = client.dropped && server.dropped;
            if (forgotten) {
                client.end();
                server.end();
            }
            return forgotten;
        }
    }

    /** What happens to the two sessions that this is about. */
    private final class Events implements SessionListener {
        private final MuxSession.Role role;

        Events(MuxSession.Role role) {
            this.role = role;
        }

        @Override
        public void onStream(MuxSession session, MuxStream stream) {
            end(role).accept(stream);
        }

        @Override
        public void onRefused(MuxSession session, ErrorCode code, String text) {
            end(role).checkRefusal(code, clock.nanoTime());
        }

        @Override
        public void onGoAway(MuxSession session, ErrorCode code, String text) {
            end(role).warned = true;
        }

        @Override
        public void onDrained(MuxSession session) {
            session.close(ErrorCode.DRAINING, "drained");
        }

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {
            end(role).closedBy = code;
            end(role).closed = code + ": " + text;
        }
    }

    /** What happens to a session whose connection is meant for another one. */
    private final class Attempt implements SessionListener {
        private final MuxSession.Role role;
        private @Nullable SimulatedWire wire;

        Attempt(MuxSession.Role role) {
            this.role = role;
        }

        @Override
        public boolean onResume(MuxSession session, Token token, long peerHas) {
            MuxSession wanted = end(role).session;
            if (wire == null || !wanted.token().equals(Optional.of(token)) || wanted.isClosed()) {
                return false;
            }
            wire.carry(wanted, peerHas);
            if (role == MuxSession.Role.CLIENT) {
                wire.arrive(); // a server's session may be on another event loop
            }
            return true;
        }

        @Override
        public void onUp(MuxSession session) {
            if (role == MuxSession.Role.CLIENT) { // the server has no use for the other session any more
                session.close(ErrorCode.CANCELLED, "not needed");
                client.session.close(ErrorCode.CONNECTION_RESET, "the server does not know it");
            }
        }

        @Override
        public void onLost(MuxSession session, String text) {
            session.close(ErrorCode.CANCELLED, "nobody asks for it");
        }

        @Override
        public void onStream(MuxSession session, MuxStream stream) {
            throw new AssertionError(stream + " on a session that is not used");
        }

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {}
    }
}
