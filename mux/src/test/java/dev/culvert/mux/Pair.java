package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/** A client and a server session, joined without sockets, on a clock that the test moves. */
final class Pair implements AutoCloseable {
    final MockTicker clock = Ticker.newMockTicker();
    final Peer client;
    final Peer server;

    /** One end: its session and what happened to it. */
    static final class Peer implements SessionListener {
        final MuxSession session;
        final TestWire wire;
        final List<MuxStream> accepted = new ArrayList<>();
        final List<Recorder> recorders = new ArrayList<>();
        String goAway = "";
        String closed = "";
        boolean attach = true;
        boolean givesWay;
        int openable;
        int drained;
        final List<String> refused = new ArrayList<>();

        Peer(MuxSession.Role role, MuxSettings settings, Ticker clock) {
            this(role, settings, SharedBudget.unbounded(), clock);
        }

        Peer(MuxSession.Role role, MuxSettings settings, SharedBudget shared, Ticker clock) {
            session = new MuxSession(role, settings, this, shared, clock);
            wire = new TestWire(session);
        }

        @Override
        public void onOpenable(MuxSession opened) {
            openable++;
        }

        @Override
        public void onStream(MuxSession opened, MuxStream stream) {
            accepted.add(stream);
            if (attach) {
                Recorder recorder = new Recorder();
                recorders.add(recorder);
                stream.attach(recorder);
            }
        }

        @Override
        public boolean onResume(MuxSession asked, Token token, long peerHas) {
            return givesWay;
        }

        @Override
        public void onDrained(MuxSession opened) {
            drained++;
        }

        @Override
        public void onRefused(MuxSession opened, ErrorCode code, String text) {
            refused.add(code + ": " + text);
        }

        @Override
        public void onGoAway(MuxSession opened, ErrorCode code, String text) {
            goAway = code + ": " + text;
        }

        @Override
        public void onClosed(MuxSession opened, ErrorCode code, String text) {
            closed = code + ": " + text;
        }
    }

    Pair(MuxSettings settings) {
        this(settings, settings);
    }

    Pair(MuxSettings clientSettings, MuxSettings serverSettings) {
        client = new Peer(MuxSession.Role.CLIENT, clientSettings, clock);
        server = new Peer(MuxSession.Role.SERVER, serverSettings, clock);
        client.session.attach(client.wire);
        server.session.attach(server.wire);
        pump();
        // A stock server knows its client's version only from the first frame.
        if (clientSettings.versions().iterator().next().isStock()) {
            tick(Duration.ofSeconds(5));
        }
    }

    static MuxSettings settings(ProtocolVersion version) {
        return MuxSettings.of(version);
    }

    Recorder open(String text) {
        Recorder recorder = new Recorder();
        recorder.stream = client.session.open(OpenRequest.EMPTY, recorder);
        if (!text.isEmpty()) {
            recorder.write(text);
        }
        return recorder;
    }

    /** Moves bytes both ways until nobody has anything to say. */
    void pump() {
        boolean moved = true;
        while (moved) {
            moved = move(client, server);
            moved |= move(server, client);
        }
    }

    static boolean move(Peer from, Peer to) {
        boolean moved = false;
        while (to.wire.reading && from.wire.pull()) {
            moved = true;
            deliver(from, to);
        }
        return moved;
    }

    private static void deliver(Peer from, Peer to) {
        ByteBuf part;
        while ((part = from.wire.sent.poll()) != null) {
            to.session.receive(part);
        }
    }

    /** Moves the clock, lets both sessions do what is due, and pumps. */
    void tick(Duration by) {
        clock.advance(by.toNanos(), java.util.concurrent.TimeUnit.NANOSECONDS);
        client.session.tick();
        server.session.tick();
        pump();
    }

    @Override
    public void close() {
        client.session.disconnected("end of test");
        server.session.disconnected("end of test");
        client.recorders.forEach(Recorder::close);
        server.recorders.forEach(Recorder::close);
    }
}
