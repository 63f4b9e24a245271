package dev.culvert.server;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.flag;
import static dev.culvert.common.config.Kind.listenAddress;
import static dev.culvert.common.config.Kind.targetAddress;
import static java.time.Duration.ZERO;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.Plaintext;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.SmuxPeerConfig;
import dev.culvert.common.config.Units;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import java.time.Duration;

/**
 * An address for sessions of stock smux peers, all of whose streams go to one target.
 *
 * @param name what the user calls it
 * @param listen with port 0 the system picks one
 * @param tls clients show who they are, and the target has to be among what they may dial
 * @param insecure it need not be on loopback, although nothing is encrypted
 * @param greetingDelay how long the target's first bytes are held back, so that a peer that registers a stream late
 *     does not lose them; 0s to 1s
 * @param rate of all its connections together
 */
record SmuxEndpointConfig(
        String name,
        HostPort listen,
        Address target,
        boolean tls,
        boolean insecure,
        Duration greetingDelay,
        SmuxPeerConfig peer,
        RateConfig rate) {

    static SmuxEndpointConfig read(
            String name, Section section, boolean serverPlain, boolean serverInsecure, ListenAddresses addresses) {
        boolean plain = section.isOff("tls") || serverPlain;
        if (section.has("tls") && !section.isOff("tls")) {
            section.error("tls", "expected off, or nothing: keys and certificates are those of the top-level tls");
        }
        boolean insecure = section.get("insecure", flag(), serverInsecure);
        HostPort listen =
                section.get("listen", Plaintext.address(listenAddress(), !plain || insecure, section.path("insecure")));
        addresses.take(listen, section);
        return new SmuxEndpointConfig(
                name,
                listen,
                section.get("target", targetAddress()),
                !plain,
                insecure,
                section.get("greeting-delay", duration(ZERO, ofSeconds(1)), ofMillis(10)),
                SmuxPeerConfig.read(section),
                RateConfig.read(section));
    }

    /** Where in the configuration it stands. */
    String place() {
        return "smux." + name;
    }

    /** A few words for people. */
    String describe() {
        return "%s  %s -> %s, stock smux, %s, greeting held for %s, %s%s"
                .formatted(
                        name,
                        listen,
                        target,
                        tls ? "with TLS" : "not encrypted",
                        Units.of(greetingDelay),
                        peer.describe(),
                        rate.describeUnlessOff());
    }
}
