package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.LeakPresenceDetector;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * What {@link SimulationTest} is worth: bugs that are put in on purpose, each by another text in one source file, are
 * found. Prints by which seed, and what was seen.
 */
class SeededBugsTest {
    private static final int SEEDS = 400;
    private static final Path SOURCES = Path.of("src", "main", "java", "dev", "culvert", "mux");
    private static final String PACKAGE = "dev.culvert.mux.";

    static final List<Arguments> BUGS = List.of(
            bug(
                    "what is sent again begins too late",
                    "Resumption",
                    "release(again, peerHas);",
                    "release(again, Math.min(peerHas + 1, acknowledged + kept));"),
            bug("all that is kept is sent again, whatever the peer has", "Resumption", "release(again, peerHas);", ""),
            bug(
                    "part of a buffer is acknowledged, and its beginning sent again",
                    "Resumption",
                    "first.start + part,",
                    "first.start,"),
            bug(
                    "what comes again overtakes what comes again already",
                    "Resumption",
                    "again.addFirst(last);",
                    "again.addLast(last);"),
            bug(
                    "frames that were taken back still count",
                    "ControlQueue",
                    "drop(frame);\n            }",
                    "frame.release();\n            }"),
            bug("an ACK for more than has come", "Resumption", "Frame.ACK, received)", "Frame.ACK, received + 1)"),
            bug("no limit for what is kept", "Resumption", "return kept >= limit ||", "return"),
            bug(
                    "an ACK wakes nobody when others have given memory back before",
                    "Link",
                    "resumption.acknowledge(total);",
                    "awaitsAck = resumption.isFull(); resumption.acknowledge(total);"),
            bug(
                    "what is kept is not released in the end",
                    "Resumption",
                    "again.forEach(part -> part.buffer.release());",
                    ""),
            bug(
                    "an answer that was never sent is lost in memory when the next one takes its place",
                    "Link",
                    "greeting.release();\n        }\n        greeting = frame",
                    "}\n        greeting = frame"),
            bug(
                    "the part of a frame that has come is forgotten with the link",
                    "MuxSession",
                    "listener.onResumed(this);",
                    "decoder = new FrameDecoder(version()); listener.onResumed(this);"),
            bug(
                    "the link that gives way to another is taken for lost",
                    "Link",
                    "wire = newWire;\n        if (before",
                    "before.drop();\n        wire = newWire;\n        if (before"),
            bug(
                    "frames that wait are forgotten with the link",
                    "MuxSession",
                    "link.lose(text, now());",
                    "link.lose(text, now()); outbound.release();"),
            bug(
                    "credit that is due is forgotten with the link",
                    "MuxSession",
                    "link.lose(text, now());",
                    "link.lose(text, now()); outbound.dropUpdates();"),
            bug(
                    "a client goes on by a connection that was told less than it has by now",
                    "Handshake",
                    " || preferred.receivedBytes() != toldTotal",
                    ""),
            bug(
                    "what comes together with the answer is dropped",
                    "MuxSession",
                    "if (gaveWay && in.isReadable()) {",
                    "if (false) {"),
            bug(
                    "a stream that crosses a GOAWAY is refused",
                    "GoAway",
                    "return !said || lastCall != null;",
                    "return !said;"),
            bug(
                    "a client that gives up an attempt ends the session that it has asked for",
                    "MuxSession",
                    "!dismissed && !asks",
                    "!dismissed"),
            bug(
                    "a peer whose memory is short waits for an ACK that does not come",
                    "Resumption",
                    "peerLimit / TIGHT",
                    "peerLimit"),
            bug("ids begin again", "StreamTable", "return Math.max(0, (LAST_ID - nextId + 2) / 2);", "return 1;"),
            bug(
                    "a narrower window takes back what was given",
                    "ReceiveWindow",
                    "limit = Math.max(limit, consumed + window);",
                    "limit = consumed + window;"),
            bug(
                    "a stream that ends keeps its part of the windows",
                    "MuxStream",
                    "void close() {\n        if (receiveWindow != null) {",
                    "void close() {\n        if (receiveWindow == null) {"),
            bug(
                    "a header is written over bytes that are on their way",
                    "SendQueue",
                    "if (whole && !headIsSplit &&",
                    "if (whole &&"));

    private static Arguments bug(String what, String file, String text, String instead) {
        return Arguments.of(what, file, text, instead);
    }

    @TempDir
    Path classes;

    @ParameterizedTest(name = "{0}")
    @FieldSource("BUGS")
    void aBugIsFound(String what, String file, String text, String instead) throws Exception {
        String source = Files.readString(SOURCES.resolve(file + ".java"));
        assertThat(source.split(Pattern.quote(text), -1))
                .as("%s has this once: %s", file, text)
                .hasSize(2);
        compile(file, source.replace(text, instead));
        String found = firstFailure(SEEDS);
        System.out.println("SeededBugsTest: " + what + ": " + found);
        assertThat(found).as(what).isNotEmpty();
    }

    /** Or what fails may be how they are run here. */
    @Test
    void withoutABugNothingIsFound() throws Exception {
        assertThat(firstFailure(50)).isEmpty();
    }

    private void compile(String file, String changed) throws IOException {
        Path source = Files.writeString(classes.resolve(file + ".java"), changed);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        int result = compiler.run(
                null, null, null, "-nowarn", "-proc:none", "-d", classes.toString(), "-cp", classPath(), "" + source);
        assertThat(result).as("exit code of the compiler").isZero();
    }

    private static String classPath() {
        return System.getProperty("java.class.path");
    }

    /** What the simulation finds with the classes that were compiled; empty: nothing in so many seeds. */
    private String firstFailure(int seeds) throws Exception {
        try (Changed loader = new Changed(classes)) {
            Method run = loader.loadClass(SimulationTest.class.getName()).getDeclaredMethod("run", long.class);
            run.setAccessible(true);
            for (long seed = 1; seed <= seeds; seed++) {
                try {
                    run.invoke(null, seed);
                } catch (InvocationTargetException e) {
                    forgetLeaks();
                    return "seed " + seed + ": " + e.getCause();
                }
            }
            return "";
        }
    }

    /** A session with a bug may leave anything behind. */
    private static void forgetLeaks() {
        try {
            LeakPresenceDetector.check();
        } catch (IllegalStateException e) {
            // it has forgotten them with that
        }
    }

    /** Has all of this package anew, some of it changed; the rest is that of the test. */
    private static final class Changed extends URLClassLoader {
        Changed(Path first) {
            super(urls(first), SeededBugsTest.class.getClassLoader());
        }

        private static URL[] urls(Path first) {
            return Stream.concat(
                            Stream.of(first),
                            Stream.of(classPath().split(File.pathSeparator, -1)).map(Path::of))
                    .map(path -> {
                        try {
                            return path.toUri().toURL();
                        } catch (MalformedURLException e) {
                            throw new UncheckedIOException(e);
                        }
                    })
                    .toArray(URL[]::new);
        }

        @Override
        protected Class<?> loadClass(String name, boolean resolve) throws ClassNotFoundException {
            synchronized (getClassLoadingLock(name)) {
                if (!name.startsWith(PACKAGE)) {
                    return super.loadClass(name, resolve);
                }
                Class<?> loaded = findLoadedClass(name);
                return loaded != null ? loaded : findClass(name);
            }
        }
    }
}
