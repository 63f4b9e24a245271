package dev.culvert.mux;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/** A session in a {@link Simulation}, and what its application knows. */
final class SimulatedEnd {
    /** Frames without data that wait or are kept beside the data, bytes; a stream has few of them at a time. */
    private static final int CONTROL = 8 << 10;

    final MuxSession session;
    /** Streams that have not ended here. */
    final List<SimulatedStream> streams = new ArrayList<>();
    /** All that there ever were. */
    final Map<Integer, SimulatedStream> byId = new HashMap<>();

    final SimulatedMemory memory;
    private final MuxSettings settings;
    int ended;
    /** The other has said GOAWAY. */
    boolean warned;

    @Nullable ErrorCode closedBy;

    String closed = "";
    /** Until then no stream is refused after our GOAWAY: the other may not have known. */
    private long lastCallUntil;

    private boolean saidGoAway;

    @Nullable SimulatedEnd peer;

    SimulatedEnd(MuxSession session, SimulatedMemory memory, MuxSettings settings) {
        this.session = session;
        this.memory = memory;
        this.settings = settings;
    }

    MuxSession.Role role() {
        return session.role();
    }

    SimulatedEnd peer() {
        if (peer == null) {
            throw new IllegalStateException("alone");
        }
        return peer;
    }

    void open(int most) {
        if (session.isOpenable() && streams.size() < most) {
            SimulatedStream stream = new SimulatedStream(this, true);
            stream.begin(session.open(OpenRequest.EMPTY, stream));
        }
    }

    /** The peer has opened it; its application attaches when it reads for the first time. */
    void accept(MuxStream stream) {
        new SimulatedStream(this, false).begin(stream);
    }

    void goAway(long now) {
        boolean peerHasOpened =
                byId.keySet().stream().anyMatch(id -> (id & 1) != (role() == MuxSession.Role.CLIENT ? 1 : 0));
        boolean first = !session.isClosed() && !saidGoAway;
        saidGoAway = true;
        if (first
                && (role() == MuxSession.Role.SERVER
                        || peerHasOpened)) { // a client's server opens streams in some cases only
            lastCallUntil = now + TimeUnit.SECONDS.toNanos(1);
        }
        session.goAway(ErrorCode.DRAINING, "at random");
    }

    void checkRefusal(ErrorCode code, long now) {
        if (code == ErrorCode.REFUSED && now < lastCallUntil) {
            throw new AssertionError(role() + " has refused a stream that may have crossed its GOAWAY");
        }
    }

    /** What must hold at any moment. */
    void check() {
        MuxSettings.Flow flow = settings.flow();
        // Without windows a session can only stop reading: it holds what it had read when it did.
        long most = flow.budget() + Frame.MAX_PAYLOAD;
        if (session.unconsumedBytes() > most) {
            throw new AssertionError(session.unconsumedBytes() + " bytes unconsumed, more than " + most);
        }
        long kept = session.accounts().kept();
        if (kept > settings.resume().buffer() + flow.frameSize() + CONTROL) {
            throw new AssertionError(kept + " bytes kept, more than " + settings.resume());
        }
    }

    /** What must hold in the end. */
    void checkEmpty() {
        if (!streams.isEmpty()) {
            throw new AssertionError(role() + " is stuck with " + streams + ", " + session);
        }
        Accounts accounts = session.accounts();
        Accounts none = Accounts.NONE.keeping(accounts.kept()); // of the last ACK, say
        if (!accounts.equals(none)) {
            throw new AssertionError(
                    role() + " has something left: " + accounts + ", " + session + ", the other: " + peer().session);
        }
    }

    void drop() {
        streams.forEach(SimulatedStream::drop);
        streams.clear();
    }
}
