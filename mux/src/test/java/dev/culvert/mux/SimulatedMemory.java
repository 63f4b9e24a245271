package dev.culvert.mux;

/** What a session in a {@link Simulation} shares with many others, who may take all of it. */
final class SimulatedMemory {
    private static final int LIMIT = 200_000;
    private static final int OTHERS = 100;

    final SharedBudget budget = new SharedBudget(LIMIT);
    private long taken;
    /** All of it has been taken at some time. */
    boolean ranOut;

    SimulatedMemory() {
        for (int i = 0; i < OTHERS; i++) {
            budget.join();
        }
    }

    boolean isTight() {
        return taken > 0;
    }

    /**
     * The others hold so many halves of it, and a little: with one it is tight, with two a session has to give back.
     */
    void take(int halves) {
        long now = halves * (LIMIT / 2 + 1L);
        budget.add(now - taken);
        taken = now;
        ranOut |= taken > LIMIT;
    }
}
