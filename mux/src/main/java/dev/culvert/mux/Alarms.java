package dev.culvert.mux;

import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Streams that wait for a moment: with their first bytes, or with their FIN. Each for one at most, the first that it
 * has named, when it looks for what else there is; and none for longer than it is there. No I/O; the caller brings the
 * time.
 */
final class Alarms {
    private record Alarm(long at, MuxStream stream) {}

    private final TreeSet<Alarm> inOrder = new TreeSet<>(Comparator.comparingLong(Alarm::at)
            .thenComparingInt(alarm -> alarm.stream().id()));
    private final Map<MuxStream, Alarm> byStream = new HashMap<>();

    void set(MuxStream stream, long at) {
        Alarm before = byStream.get(stream);
        if (before == null || at < before.at) {
            cancel(stream);
            Alarm alarm = new Alarm(at, stream);
            byStream.put(stream, alarm);
            inOrder.add(alarm);
        }
    }

    void cancel(MuxStream stream) {
        Alarm alarm = byStream.remove(stream);
        if (alarm != null) {
            inOrder.remove(alarm);
        }
    }

    /** When the first is due; {@link Long#MAX_VALUE} for never. */
    long next() {
        return inOrder.isEmpty() ? Long.MAX_VALUE : inOrder.first().at;
    }

    /** A stream whose moment has come, and which waits no more; null for none. */
    @Nullable MuxStream due(long now) {
        if (next() > now) {
            return null;
        }
        MuxStream stream = inOrder.first().stream;
        cancel(stream);
        return stream;
    }

    int size() {
        return inOrder.size();
    }
}
