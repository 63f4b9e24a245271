package dev.culvert.bench;

/**
 * Says when a peer is warm that is compiled while it runs: it gets faster for some rounds, for more of them on a slow
 * machine. It is warm once two in a row were no better than the best before.
 */
final class WarmUp {
    /** What is more than noise. */
    private static final double BETTER = 1.05;

    private static final int NO_BETTER = 2;
    private static final int MOST = 10;

    private final Metric metric;
    private double best;
    private int rounds;
    private int noBetter;

    WarmUp(Metric metric) {
        this.metric = metric;
    }

    /** Whether there should be a round after the one that has yielded this. */
    boolean goesOnAfter(double value) {
        double score = metric.higherIsBetter() ? value : 1 / value;
        rounds++;
        noBetter = score > BETTER * best ? 0 : noBetter + 1;
        best = Math.max(best, score);
        return noBetter < NO_BETTER && rounds < MOST;
    }
}
