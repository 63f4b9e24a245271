package dev.culvert.bench;

/**
 * One figure that a workload yields.
 *
 * @param higherIsBetter else lower is
 */
public record Metric(String name, String unit, boolean higherIsBetter) {
    public static Metric higher(String name, String unit) {
        return new Metric(name, unit, true);
    }

    public static Metric lower(String name, String unit) {
        return new Metric(name, unit, false);
    }
}
