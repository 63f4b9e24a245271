package dev.culvert.common.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigOrigin;
import com.typesafe.config.ConfigOriginFactory;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigResolveOptions;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** From a file to its top object, and from the parser's exceptions to sentences. */
final class Hocon {
    private static final ConfigParseOptions OPTIONS =
            ConfigParseOptions.defaults().setAllowMissing(false).setIncluder(new RequiredIncludes());

    private Hocon() {}

    static ConfigObject parse(Path file) throws BadConfig {
        return parse(file, Config::resolve);
    }

    /** The same, and only the section is there, by its path: what others stand for need not be known. */
    static ConfigObject parse(Path file, String section) throws BadConfig {
        ConfigResolveOptions asFarAsKnown = ConfigResolveOptions.defaults().setAllowUnresolved(true);
        return parse(
                file, all -> all.resolve(asFarAsKnown).withOnlyPath(section).resolve());
    }

    private static ConfigObject parse(Path file, UnaryOperator<Config> resolve) throws BadConfig {
        try {
            requireUtf8(file.toAbsolutePath());
            // An absolute name, or else the parser finds no included file beside this one.
            return resolve.apply(ConfigFactory.parseFile(file.toAbsolutePath().toFile(), OPTIONS))
                    .root();
        } catch (ConfigException.IO e) {
            throw new BadConfig(file, List.of(file + ": " + whyUnreadable(file)));
        } catch (ConfigException e) {
            throw new BadConfig(file, List.of(sentence(e.origin(), String.valueOf(e.getMessage()), file)));
        } catch (IllegalArgumentException e) {
            // The parser takes "\\u-001" for the character -1, and there is none.
            throw new BadConfig(
                    file, List.of(file + ": an escape \\u in it is not followed by four hexadecimal digits"));
        } catch (StackOverflowError e) {
            throw new BadConfig(file, List.of(file + ": sections or lists are nested too deeply"));
        }
    }

    /** Throws for a file that is not: the parser would put U+FFFD in the place of what it cannot read. */
    static void requireUtf8(Path file) {
        if (!Files.isRegularFile(file)) {
            return; // a pipe can be read only once
        }
        byte[] content;
        try {
            content = Files.readAllBytes(file);
        } catch (IOException e) {
            return; // the parser says it
        }
        CharBuffer text = CharBuffer.allocate(content.length);
        if (StandardCharsets.UTF_8
                .newDecoder()
                .decode(ByteBuffer.wrap(content), text, true)
                .isError()) {
            int line = 1 + (int) text.flip().chars().filter(c -> c == '\n').count();
            throw new ConfigException.Parse(
                    ConfigOriginFactory.newFile(file.toString()).withLineNumber(line),
                    "this line is not in UTF-8; save the file in that encoding");
        }
    }

    private static String whyUnreadable(Path file) {
        if (Files.isDirectory(file)) {
            return "is a directory, expected a file";
        }
        return Files.exists(file) ? "cannot be read; check its owner and its mode" : "no such file";
    }

    private static String sentence(@Nullable ConfigOrigin origin, String message, Path file) {
        if (origin == null) {
            return file + ": " + message;
        }
        String problem = message.substring(origin.description().length() + 1).strip();
        return Place.of(origin, new Place(file.toString(), 1)) + ": " + advise(problem);
    }

    /** The parser's words without its long asides, and what to do about the usual mistakes. */
    private static String advise(String problem) {
        if (problem.startsWith("expecting a close parentheses")) {
            return "the file ends inside a section; add the missing }";
        }
        if (problem.contains("wrong token: 'newline'")) {
            return "a quoted text ends with its line; is the closing quote missing?";
        }
        if (problem.contains(" was part of a cycle ")) {
            return problem + "; write the value itself in one of them";
        }
        if (problem.startsWith("Could not resolve substitution")) {
            return problem + "; define it in the file or in the environment, or write ${?...} if it may be absent";
        }
        String brief = problem.replaceFirst("(?s) \\(if you (want|intended) .*|\\. Trace: .*", "");
        return problem.contains(" (if you ")
                ? brief + "; a value with special characters needs double quotes, as in \"127.0.0.1:8080\""
                : brief;
    }
}
