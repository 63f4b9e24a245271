package dev.culvert.common.lifecycle;

import dev.culvert.common.config.AgentConfig;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What a reload would do.
 *
 * @param differences in the lines of {@code check}: those that go begin with a minus, those that come with a plus
 * @param effects on what there is now, a sentence each
 */
public record Plan(List<String> differences, List<String> effects) {
    /** From one configuration to another. */
    public static Plan of(AgentConfig now, AgentConfig next, List<String> effects) {
        List<String> before = now.describe().lines().toList();
        List<String> after = next.describe().lines().toList();
        return new Plan(
                Stream.concat(
                                before.stream()
                                        .filter(line -> !after.contains(line))
                                        .map("- "::concat),
                                after.stream()
                                        .filter(line -> !before.contains(line))
                                        .map("+ "::concat))
                        .toList(),
                effects);
    }

    /** For people. */
    @Override
    public String toString() {
        if (differences.isEmpty() && effects.isEmpty()) {
            return "nothing would change";
        }
        return Stream.concat(differences.stream(), effects.stream()).collect(Collectors.joining("\n"));
    }
}
