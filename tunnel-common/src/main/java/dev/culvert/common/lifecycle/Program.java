package dev.culvert.common.lifecycle;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.DrainConfig;
import java.nio.file.Path;

/**
 * What an agent brings to the command line that both share.
 *
 * @param <C> its configuration
 */
public interface Program<C> {
    /** As typed. */
    String name();

    /** One sentence. */
    String description();

    Path defaultConfig();

    C read(Path file) throws BadConfig;

    /** What would run, in lines for people. */
    String describe(C config);

    DrainConfig drain(C config);

    Agent agent(C config);
}
