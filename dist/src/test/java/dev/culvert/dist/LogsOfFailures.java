package dev.culvert.dist;

import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Puts the ends of the logs of a test's processes into its report if it fails: nobody can look at them any more. Each
 * line has a mark, by which .ci/run finds it.
 */
public final class LogsOfFailures implements AfterEachCallback {
    private static final Set<Log> LOGS = ConcurrentHashMap.newKeySet();

    static void add(Log log) {
        LOGS.add(log);
    }

    @Override
    public void afterEach(ExtensionContext test) {
        if (test.getExecutionException().isPresent()) {
            LOGS.stream()
                    .filter(log -> !log.toString().isEmpty())
                    .flatMap(log -> log.tail().lines())
                    .forEach(line -> System.out.println("| " + line));
        }
        LOGS.removeIf(Log::hasEnded);
    }
}
