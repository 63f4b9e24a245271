package dev.culvert.common.config;

/** What the configurations of both agents have. */
public interface AgentConfig {
    DrainConfig drain();

    AdminConfig admin();

    LogConfig log();

    /** How many connections may be there at the same time. */
    long mostConnections();

    /**
     * Whether there are peers that cannot be told to begin a new session: none of their streams finds one while the old
     * one lasts.
     */
    default boolean servesStockPeers() {
        return false;
    }

    /** What would run, in lines for people. */
    String describe();
}
