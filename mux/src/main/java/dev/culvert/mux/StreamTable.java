package dev.culvert.mux;

import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The streams of a session by their ids: who may use which id, how many each side has open, and which of them are open
 * in name only.
 */
final class StreamTable {
    private static final long LAST_ID = 0xffff_ffffL;

    private final boolean client;
    /** The peer chooses half of the ids: a HashMap stays fast whichever it chooses. */
    private final Map<Integer, MuxStream> streams = new HashMap<>();
    /** Have ended, but what has come by them is not consumed. */
    private final Set<MuxStream> unread = new HashSet<>();

    private long nextId;
    private long lastPeerId;
    private int ours;
    private int peers;
    private int discarded;

    StreamTable(MuxSession.Role role) {
        client = role == MuxSession.Role.CLIENT;
        nextId = client ? 3 : 2; // stock clients, too, begin with 3
    }

    // ---- ids

    boolean isOurs(int id) {
        return (id & 1) == (client ? 1 : 0);
    }

    /** How many of our ids are left. */
    long idsLeft() {
        return Math.max(0, (LAST_ID - nextId + 2) / 2);
    }

    int takeId() {
        int id = (int) nextId;
        nextId += 2;
        return id;
    }

    /** For tests of what happens when they run out. */
    void nextId(long id) {
        nextId = id;
    }

    /**
     * The peer opens a stream with this id. Where ids only grow, one that has been used tells of a peer that is
     * confused.
     */
    void checkPeerId(int id, boolean onlyGrow) throws ProtocolViolation {
        long number = Integer.toUnsignedLong(id);
        if (isOurs(id) || id == 0) {
            throw new ProtocolViolation("the peer opened stream " + number + ", which is not one of its ids");
        }
        if (onlyGrow) {
            if (number <= lastPeerId) {
                throw new ProtocolViolation("the peer opened stream " + number + " after stream " + lastPeerId);
            }
            lastPeerId = number;
        }
    }

    /** Whether the peer has ever opened one, in a version where ids only grow. */
    boolean hasPeerOpened() {
        return lastPeerId > 0;
    }

    // ---- streams

    @Nullable MuxStream get(int id) {
        return streams.get(id);
    }

    void add(MuxStream stream) {
        streams.put(stream.id(), stream);
        if (isOurs(stream.id())) {
            ours++;
        } else {
            peers++;
        }
    }

    /** The stream was reset, but stays until its peer has ended it: see {@link MuxStream#discard}. */
    void discarding() {
        discarded++;
    }

    /** False: it was not there. */
    boolean remove(MuxStream stream) {
        boolean isThere = streams.get(stream.id()) == stream;
        if (isThere) {
            streams.remove(stream.id());
            uncount(stream);
        }
        return isThere;
    }

    /** Takes out all of them. */
    List<MuxStream> removeAll() {
        List<MuxStream> all = snapshot();
        streams.clear();
        unread.clear();
        all.forEach(this::uncount);
        return all;
    }

    private void uncount(MuxStream stream) {
        if (stream.isDiscarding()) {
            discarded--;
        }
        if (isOurs(stream.id())) {
            ours--;
        } else {
            peers--;
        }
    }

    /** All of them at this moment, for those who may end some on the way. */
    List<MuxStream> snapshot() {
        return List.copyOf(streams.values());
    }

    /** The stream has ended, but is held to account until what has come by it is consumed. */
    void addUnread(MuxStream stream) {
        unread.add(stream);
    }

    void removeUnread(MuxStream stream) {
        unread.remove(stream);
    }

    /** Those that hold anything, ended ones too, at this moment: who holds the most comes first. */
    List<MuxStream> largestFirst(ToLongFunction<MuxStream> held) {
        return Stream.concat(streams.values().stream(), unread.stream())
                .filter(stream -> held.applyAsLong(stream) > 0)
                .sorted(Comparator.comparingLong(held).reversed())
                .toList();
    }

    // ---- how many

    /** Streams that are there. */
    int size() {
        return streams.size();
    }

    /** Streams that are open for their application. */
    int open() {
        return streams.size() - discarded;
    }

    /** Streams that we have opened. */
    int ours() {
        return ours;
    }

    /** Streams that the peer has opened. */
    int peers() {
        return peers;
    }

    int discarded() {
        return discarded;
    }
}
