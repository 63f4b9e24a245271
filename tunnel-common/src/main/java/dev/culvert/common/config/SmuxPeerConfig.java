package dev.culvert.common.config;

import static dev.culvert.common.config.Kind.duration;
import static dev.culvert.common.config.Kind.flag;
import static dev.culvert.common.config.Kind.size;
import static java.time.Duration.ZERO;
import static java.time.Duration.ofHours;
import static java.time.Duration.ofMillis;
import static java.time.Duration.ofSeconds;

import dev.culvert.mux.MuxSettings;
import java.time.Duration;

/**
 * What a stock smux peer can do, which it does not say itself.
 *
 * @param peerBuffer bytes that it can buffer for a session before it stops reading, 64 KiB to 4 GiB
 * @param halfClose whether it can end one direction of a stream; before smux 1.5.54 a FIN ends both
 * @param finDelay how long the end of an answer waits after its last byte, once the peer has ended its direction; 0s to
 *     5s
 * @param stallTimeout a stream of which one direction has ended is reset after this much silence, 1s to 24h
 */
public record SmuxPeerConfig(long peerBuffer, boolean halfClose, Duration finDelay, Duration stallTimeout) {
    /** Reads {@code peer-buffer}, {@code half-close}, {@code fin-delay} and {@code stall-timeout}. */
    public static SmuxPeerConfig read(Section section) {
        return new SmuxPeerConfig(
                section.get("peer-buffer", size(64 << 10, 4L << 30), 4L << 20),
                section.get("half-close", flag(), true),
                section.get("fin-delay", duration(ZERO, ofSeconds(5)), ofMillis(250)),
                section.get("stall-timeout", duration(ofSeconds(1), ofHours(24)), ofSeconds(60)));
    }

    /** The same, as a session takes it, with how long the first bytes to such a peer are held back. */
    public MuxSettings.StockPeer forMux(Duration greetingHold) {
        return new MuxSettings.StockPeer(peerBuffer, halfClose, stallTimeout, greetingHold, finDelay);
    }

    /** A few words for people. */
    public String describe() {
        return "peer buffers %s, %s"
                .formatted(
                        Units.of(peerBuffer), halfClose ? "half-close for " + Units.of(stallTimeout) : "no half-close");
    }
}
