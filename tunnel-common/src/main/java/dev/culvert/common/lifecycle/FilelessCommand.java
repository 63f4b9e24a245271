package dev.culvert.common.lifecycle;

import java.util.Map;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ParentCommand;

/**
 * A command that runs the agent in the foreground by what it has been typed with, without a file; nobody can ask or
 * steer that agent.
 */
public abstract class FilelessCommand implements Callable<Integer> {
    @ParentCommand
    private @Nullable AgentCommand<?> parent;

    /**
     * What would stand in a file, by the paths of the keys: texts, and lists of texts, where an empty one counts as
     * absent.
     */
    protected abstract Map<String, Object> values();

    @Override
    public final Integer call() throws InterruptedException {
        return Objects.requireNonNull(parent).run(values());
    }
}
