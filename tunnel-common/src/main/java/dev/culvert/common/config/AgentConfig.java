package dev.culvert.common.config;

/** What the configurations of both agents have. */
public interface AgentConfig {
    DrainConfig drain();

    AdminConfig admin();

    LogConfig log();

    /** What would run, in lines for people. */
    String describe();
}
