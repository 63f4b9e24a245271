package dev.culvert.common.lifecycle;

import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.net.ListeningSocket;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What an agent brings to the command line that both share.
 *
 * @param <C> its configuration
 */
public interface Program<C extends AgentConfig> {
    /** As typed. */
    String name();

    /** One sentence. */
    String description();

    Path defaultConfig();

    C read(Path file) throws BadConfig;

    /** The same of what stands on the command line in the place of a file, by the paths of the keys. */
    C read(Map<String, ?> values) throws BadConfig;

    /**
     * What a file says of where the key is to be, even if the rest of it, or all of the default file, is not there yet.
     */
    TlsConfig tls(Path file) throws BadConfig;

    /**
     * Makes the agent; throws with a sentence for the user.
     *
     * @param passed sockets of the process whose place this one takes
     */
    Agent agent(C config, List<ListeningSocket> passed) throws StartFailure;

    /**
     * Looks at what {@code doctor} can only know of this agent. Blocks.
     *
     * @param runs whether the agent does, and has its ports
     */
    void examine(C config, boolean runs, Findings findings) throws InterruptedException;

    /** Commands that only this agent has. */
    default List<Object> commands() {
        return List.of();
    }
}
