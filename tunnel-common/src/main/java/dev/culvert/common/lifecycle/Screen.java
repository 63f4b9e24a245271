package dev.culvert.common.lifecycle;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/** The terminal that standard output goes to, at its present size in characters. */
record Screen(int rows, int columns) {
    /** From the upper left corner on, what is left of before is wiped out line by line: nothing flickers. */
    private static final String HOME = "\033[H";

    private static final String WIPE_LINE = "\033[K";
    private static final String WIPE_REST = "\033[J";

    /** Empty: it goes elsewhere. */
    static Optional<Screen> find() throws InterruptedException {
        try {
            Path output = Files.readSymbolicLink(Path.of("/proc/self/fd/1"));
            Process stty = new ProcessBuilder("stty", "-F", output.toString(), "size")
                    .redirectError(ProcessBuilder.Redirect.DISCARD)
                    .start();
            String size = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
            String[] numbers = size.strip().split(" ", -1);
            return stty.waitFor() == 0 && numbers.length == 2
                    ? Optional.of(new Screen(Integer.parseInt(numbers[0]), Integer.parseInt(numbers[1])))
                    : Optional.empty();
        } catch (IOException | NumberFormatException e) {
            return Optional.empty();
        }
    }

    /** What to write to show these lines, as far as there is room, and nothing else. */
    String show(List<String> lines) {
        return lines.stream()
                .limit(rows - 1L)
                .map(line -> line.substring(0, Math.min(line.length(), columns)) + WIPE_LINE + "\n")
                .collect(Collectors.joining("", HOME, WIPE_REST));
    }
}
