package dev.culvert.common.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigValueFactory;
import dev.culvert.common.net.AddressSet;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * A kind of value: what a key expects, and how it is read from its text.
 *
 * @param <T> what it is read into
 */
public final class Kind<T> {
    /** As HOCON has it, but without an exponent: 1e-999999999 is more than the memory holds. */
    private static final Pattern SIZE = Pattern.compile("\\s*[0-9.]+\\s*[A-Za-z]*\\s*");

    private final String expected;
    private final T standIn;
    private final Function<String, T> parse;

    private Kind(String expected, T standIn, Function<String, T> parse) {
        this.expected = expected;
        this.standIn = standIn;
        this.parse = parse;
    }

    /**
     * A kind with a parser of its own.
     *
     * @param expected what goes on after "expected" when there is nothing, with an example
     * @param standIn any valid value, which takes the place of a bad one until the file is refused
     * @param parse throws {@link IllegalArgumentException} with a sentence of what to do about a bad value
     */
    public static <T> Kind<T> of(String expected, T standIn, Function<String, T> parse) {
        return new Kind<>(expected, standIn, text -> {
            try {
                return parse.apply(text);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(": " + e.getMessage(), e);
            }
        });
    }

    /** Any text. */
    public static Kind<String> text() {
        return new Kind<>("a text", "", text -> text);
    }

    /**
     * {@code true} or {@code false}, or HOCON's other words for them: {@code yes}, {@code on}, {@code no}, {@code off}.
     */
    public static Kind<Boolean> flag() {
        return plain("true or false", false, text -> hocon(text).getBoolean("it"));
    }

    /** A whole number, bounds included. */
    public static Kind<Integer> integer(int min, int max) {
        return ranged("a whole number", "", String::valueOf, min, max, Integer::valueOf);
    }

    /** A number of bytes, as in {@code 64k}; without a unit, bytes. Bounds included. */
    public static Kind<Long> size(long min, long max) {
        return ranged("a size", "; write 64k, 16m or 1g, for without a unit it is bytes", Units::of, min, max, text -> {
            if (!SIZE.matcher(text).matches()) {
                throw new IllegalArgumentException();
            }
            return hocon(text).getBytes("it");
        });
    }

    /** A duration, as in {@code 30s}; without a unit, milliseconds. Bounds included. */
    public static Kind<Duration> duration(Duration min, Duration max) {
        return ranged(
                "a duration",
                "; write 500ms, 30s or 2h, for without a unit it is milliseconds",
                Units::of,
                min,
                max,
                text -> hocon(text).getDuration("it"));
    }

    /** The name of a host, or its address. */
    public static Kind<String> host() {
        return of("a host such as \"www.example.com\"", "localhost", text -> new HostPort(text, 0).host());
    }

    /** A host and a port from 1 to 65535. */
    public static Kind<HostPort> hostPort() {
        return listenAddress().except(address -> address.port() == 0, "expected a port from 1 to 65535");
    }

    /** A host and a port to listen on; with port 0 the system picks one. */
    public static Kind<HostPort> listenAddress() {
        String expected = "HOST:PORT such as \"127.0.0.1:8080\"";
        Kind<HostPort> address = of(expected, new HostPort("localhost", 0), HostPort::parse);
        return new Kind<>(expected, address.standIn, text -> {
            if (text.indexOf(':') < 0) {
                throw new IllegalArgumentException(", expected " + expected);
            }
            if (text.startsWith("*:")) {
                throw new IllegalArgumentException(": 0.0.0.0 is every address of IPv4, [::] every one that there is");
            }
            return address.parse(text);
        });
    }

    /** Where to connect to: a host and a port from 1 to 65535, or a unix socket. */
    public static Kind<Address> targetAddress() {
        return orUnix(hostPort());
    }

    /** Where to listen: a host and a port, or a unix socket. */
    public static Kind<Address> localAddress() {
        return orUnix(listenAddress());
    }

    /** One address, or those of a network. */
    public static Kind<AddressSet> addresses() {
        return of("an address or a network such as \"10.0.0.0/8\"", AddressSet.NONE, AddressSet::parse);
    }

    private static Kind<Address> orUnix(Kind<HostPort> tcp) {
        String expected = tcp.expected + ", or unix:PATH";
        Kind<Address> unix = of(expected, tcp.standIn, Address::parse);
        return new Kind<>(expected, tcp.standIn, text -> {
            if (text.startsWith("/") || text.startsWith("@")) {
                throw new IllegalArgumentException("; for a unix socket write \"unix:" + text + "\"");
            }
            return text.startsWith("unix:") ? unix.parse(text) : tcp.parse(text);
        });
    }

    /** A constant of an enum, written as its {@code toString}. */
    public static <E extends Enum<E>> Kind<E> oneOf(Class<E> type) {
        List<E> constants = List.of(type.getEnumConstants());
        String expected = constants.stream().map(E::toString).collect(Collectors.joining(", ", "one of ", ""));
        return plain(
                expected,
                constants.get(0),
                text -> constants.stream()
                        .filter(constant -> constant.toString().equals(text))
                        .findFirst()
                        .orElseThrow(IllegalArgumentException::new));
    }

    /** {@code off}, which is empty, or a value of another kind. */
    public static <T> Kind<Optional<T>> offOr(Kind<T> kind) {
        return plain(
                "off or " + kind.expected,
                Optional.empty(),
                text -> text.equals("off") ? Optional.empty() : Optional.of(kind.parse(text)));
    }

    /** What is made of the values of this kind. */
    public <U> Kind<U> map(Function<T, U> made) {
        return new Kind<>(expected, made.apply(standIn), text -> made.apply(parse(text)));
    }

    /** This kind, but another one for some texts. */
    public Kind<T> or(Predicate<String> isOther, Kind<T> other) {
        return new Kind<>(
                expected + " or " + other.expected,
                standIn,
                text -> isOther.test(text) ? other.parse(text) : parse(text));
    }

    /** This kind without some of its values; {@code why} goes on after "found X, ". */
    public Kind<T> except(Predicate<T> refused, String why) {
        return new Kind<>(expected, standIn, text -> {
            T value = parse(text);
            if (refused.test(value)) {
                throw new IllegalArgumentException(", " + why);
            }
            return value;
        });
    }

    String expected() {
        return expected;
    }

    T standIn() {
        return standIn;
    }

    /** Throws {@link IllegalArgumentException} with what goes on after "found X". */
    T parse(String text) {
        return parse.apply(text);
    }

    /** @param units those that there are, as a message ends with them */
    private static <T extends Comparable<T>> Kind<T> ranged(
            String what, String units, Function<T, String> shown, T min, T max, Function<String, T> parse) {
        String expected = what + " from " + shown.apply(min) + " to " + shown.apply(max);
        return new Kind<>(expected, min, text -> {
            T value = plain(expected + units, min, parse).parse(text);
            if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
                boolean bare = text.chars().allMatch(c -> c >= '0' && c <= '9');
                throw new IllegalArgumentException(", expected " + expected + (bare ? units : ""));
            }
            return value;
        });
    }

    /** A kind whose parser has nothing to add to what is expected. */
    static <T> Kind<T> plain(String expected, T standIn, Function<String, T> parse) {
        return new Kind<>(expected, standIn, text -> {
            try {
                return parse.apply(text);
            } catch (IllegalArgumentException | ConfigException e) {
                throw new IllegalArgumentException(", expected " + expected, e);
            }
        });
    }

    private static Config hocon(String text) {
        return ConfigValueFactory.fromAnyRef(text).atKey("it");
    }
}
