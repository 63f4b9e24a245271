package dev.culvert.common.config;

/** What the configurations of both agents have. */
public interface AgentConfig {
    DrainConfig drain();

    AdminConfig admin();

    LogConfig log();

    /** How many connections may be there at the same time. */
    long mostConnections();

    /** What would run, in lines for people. */
    String describe();
}
