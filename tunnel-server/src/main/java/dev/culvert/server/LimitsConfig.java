package dev.culvert.server;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.integer;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofMinutes;
import static java.time.Duration.ofSeconds;

import dev.culvert.common.config.Section;
import dev.culvert.common.config.Units;
import io.netty.util.internal.PlatformDependent;
import java.time.Duration;

/**
 * What peers may ask for.
 *
 * @param whole all of them together
 * @param handshakes connections whose sessions are not up yet, 1 to 1000000; see {@link Handshakes}
 * @param handshakeTimeout for TLS, and again for the first words of the session, 100ms to 5m
 * @param client each client that has no limits of its own
 */
record LimitsConfig(Quota whole, int handshakes, Duration handshakeTimeout, Quota client) {
    /**
     * Buffers are outside the heap, and the JVM limits what is there, too; who holds more than its share is not stopped
     * in the same moment.
     */
    static final long MOST_BUFFER = PlatformDependent.maxDirectMemory() / 2;

    private static final Quota WHOLE = new Quota(1_000, 100_000, 20_000, 20_000, Math.min(256 << 20, MOST_BUFFER));
    private static final Quota CLIENT = new Quota(100, 20_000, 10_000, 10_000, Math.min(128 << 20, MOST_BUFFER));

    static LimitsConfig read(Section section) {
        Quota whole = Quota.read(section, WHOLE);
        if (whole.buffer() > MOST_BUFFER) {
            section.error(
                    "buffer",
                    "found " + Units.of(whole.buffer()) + ", more than half of what this JVM may use outside its"
                            + " heap: lower it to " + Units.of(MOST_BUFFER >> 20 << 20)
                            + ", or set CULVERT_OPTS=-XX:MaxDirectMemorySize="
                            + Units.of(2 * whole.buffer()));
        }
        return new LimitsConfig(
                whole,
                section.get("handshakes", integer(1, 1_000_000), 500),
                section.get("handshake-timeout", duration(ofMillis(100), ofMinutes(5)), ofSeconds(10)),
                section.section("client", client -> Quota.read(client, CLIENT)));
    }

    /** How many an endpoint may have open, of those that are known and those that are not. */
    int mostConnections() {
        return whole.sessions() + handshakes;
    }

    /** A few words for people. */
    String describe() {
        return "%s; %s handshakes, each within %s".formatted(whole.describe(), handshakes, Units.of(handshakeTimeout));
    }
}
