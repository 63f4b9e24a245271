package dev.culvert.bench;

import dev.culvert.bench.Bed.LinkSpec;
import java.util.List;

/** The links that are measured. */
final class Beds {
    /** Where a download would ruin a shell. */
    static final LinkSpec SLOW = new LinkSpec(100, 20, 0);
    /** The same with what most systems have as their congestion control, whatever this one has. */
    static final LinkSpec SLOW_CUBIC = SLOW.under("cubic");
    /** The line of a home, with room for 0.4 s in front of it. */
    static final LinkSpec HOME = new LinkSpec(20, 30, 0, 1_000, "cubic");
    /** Where a narrow window would be the limit. */
    static final List<LinkSpec> FAST = List.of(
            new LinkSpec(1000, 10, 0),
            new LinkSpec(1000, 50, 0),
            new LinkSpec(1000, 100, 0),
            new LinkSpec(1000, 200, 0),
            new LinkSpec(1000, 50, 1));

    private Beds() {}
}
