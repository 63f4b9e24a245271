package dev.culvert.server;

import static dev.culvert.common.config.Kind.integer;
import static dev.culvert.common.config.Kind.size;

import dev.culvert.common.config.Section;
import dev.culvert.common.config.Units;
import dev.culvert.mux.MuxSettings;

/**
 * How much somebody may ask for. The numbers are 1 to 1000000.
 *
 * @param sessions at the same time
 * @param streams at the same time, over all sessions
 * @param opensPerSecond streams opened, whatever becomes of them
 * @param dialsPerSecond targets dialled for them
 * @param buffer bytes held for all sessions together, 1 MiB to 1 TiB
 */
record Quota(int sessions, int streams, int opensPerSecond, int dialsPerSecond, long buffer) {
    private static final int MAX = 1_000_000;

    /** Reads what {@code section} says; for the rest {@code otherwise} holds. */
    static Quota read(Section section, Quota otherwise) {
        return new Quota(
                section.get("sessions", integer(1, MAX), otherwise.sessions),
                section.get("streams", integer(1, MAX), otherwise.streams),
                section.get("opens-per-second", integer(1, MAX), otherwise.opensPerSecond),
                section.get("dials-per-second", integer(1, MAX), otherwise.dialsPerSecond),
                section.get("buffer", size(1 << 20, 1L << 40), otherwise.buffer));
    }

    /** What concerns one session, as a session takes it. */
    MuxSettings.Limits forMux() {
        return new MuxSettings.Limits(streams, opensPerSecond, MuxSettings.Limits.DEFAULT.replies());
    }

    /** A few words for people. */
    String describe() {
        return "%s sessions, %s streams, %s opens and %s dials a second, %s"
                .formatted(sessions, streams, opensPerSecond, dialsPerSecond, Units.of(buffer));
    }

    /** The same after a semicolon, or nothing where it is as usual. */
    String describeUnless(Quota usual) {
        return equals(usual) ? "" : "; " + describe();
    }
}
