package dev.culvert.dist;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What a process writes, line by line, and a way to wait for a line. Any thread. */
final class Log {
    private final String name;
    private final List<String> lines = new ArrayList<>();
    private final Predicate<String> wanted;
    private final Thread reader;
    private boolean ended;

    /** Reads {@code output} until its end. */
    Log(String name, InputStream output) {
        this(name, output, line -> true);
    }

    /** Keeps only the lines that {@code wanted} takes, for those who write very many. */
    Log(String name, InputStream output, Predicate<String> wanted) {
        this.name = name;
        this.wanted = wanted;
        reader = new Thread(() -> read(output), "log of " + name);
        reader.setDaemon(true);
        reader.start();
        LogsOfFailures.add(this);
    }

    private void read(InputStream output) {
        try (BufferedReader in = new BufferedReader(new InputStreamReader(output, StandardCharsets.UTF_8))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                add(line);
            }
        } catch (IOException e) {
            add("the log ended early: " + e);
        } finally {
            end();
        }
    }

    private synchronized void add(String line) {
        if (wanted.test(line)) {
            lines.add(line);
            notifyAll();
        }
    }

    private synchronized void end() {
        ended = true;
        notifyAll();
    }

    /** Waits for the {@code count}th line in which {@code regex} is found, and returns where. */
    synchronized MatchResult await(String regex, int count, Duration patience) {
        Pattern pattern = Pattern.compile(regex);
        long deadline = System.nanoTime() + patience.toNanos();
        int seen = 0;
        int next = 0;
        while (true) {
            for (; next < lines.size(); next++) {
                Matcher matcher = pattern.matcher(lines.get(next));
                if (matcher.find() && ++seen == count) {
                    return matcher.toMatchResult();
                }
            }
            long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
            if (ended || left <= 0) {
                throw new AssertionError("%s of %s lines with \"%s\" after %s%s in %s"
                        .formatted(seen, count, regex, patience, ended ? " (it has ended)" : "", tail()));
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                throw new AssertionError("interrupted while waiting for a line of " + name, e);
            }
        }
    }

    /** Waits until the process has written its last line. */
    void awaitEnd() {
        try {
            reader.join(Duration.ofSeconds(10).toMillis());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    synchronized boolean hasEnded() {
        return ended;
    }

    /** The lines so far in which {@code regex} is found. */
    synchronized List<String> matching(String regex) {
        Pattern pattern = Pattern.compile(regex);
        return lines.stream().filter(line -> pattern.matcher(line).find()).toList();
    }

    /** The first such line, or null. */
    @Nullable String first(String regex) {
        List<String> found = matching(regex);
        return found.isEmpty() ? null : found.get(0);
    }

    /** The last lines, below the name. */
    synchronized String tail() {
        return name + ":\n" + String.join("\n", lines.subList(Math.max(0, lines.size() - 60), lines.size()));
    }

    /** All of it. */
    @Override
    public synchronized String toString() {
        return String.join("\n", lines);
    }
}
