package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Named.named;

import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

class MuxSettingsTest {
    private static final Duration SECOND = Duration.ofSeconds(1);

    static final List<Named<ThrowingCallable>> NONSENSE = List.of(
            named("no version", () -> settings(Set.of(), "", SECOND)),
            named("a handshake in no time", () -> settings(Set.of(ProtocolVersion.SMUX_1), "", Duration.ZERO)),
            named("a long name", () -> settings(Set.of(ProtocolVersion.SMUX_1), "ä".repeat(65), SECOND)),
            named("a name of two lines", () -> settings(Set.of(ProtocolVersion.SMUX_1), "a\nb", SECOND)),
            named("no window", () -> new MuxSettings.Flow(0, 1, 1, 1, 1)),
            named("a largest window below the first", () -> new MuxSettings.Flow(2, 1, 2, 1, 1)),
            named("a budget below a window", () -> new MuxSettings.Flow(2, 2, 1, 1, 1)),
            named("no send queue", () -> new MuxSettings.Flow(1, 1, 1, 0, 1)),
            named("a frame that its length cannot tell", () -> new MuxSettings.Flow(1, 1, 1, 1, 65_536)),
            named("less than no streams", () -> new MuxSettings.Limits(-1, 1, 1)),
            named("no opens", () -> new MuxSettings.Limits(1, 0, 1)),
            named("no replies", () -> new MuxSettings.Limits(1, 1, 0)),
            named("a keepalive that comes too late", () -> new MuxSettings.Keepalive(SECOND, SECOND)),
            named("a peer without a buffer", () -> new MuxSettings.StockPeer(0, true, SECOND, SECOND, SECOND)),
            named(
                    "a hold before the beginning",
                    () -> new MuxSettings.StockPeer(1, true, SECOND, SECOND.negated(), SECOND)));

    @ParameterizedTest
    @FieldSource("NONSENSE")
    void nonsenseIsRejected(ThrowingCallable nonsense) {
        assertThatThrownBy(nonsense).isInstanceOf(IllegalArgumentException.class);
    }

    private static MuxSettings settings(Set<ProtocolVersion> versions, String software, Duration handshakeTimeout) {
        MuxSettings usual = MuxSettings.of(ProtocolVersion.CULVERT);
        return new MuxSettings(
                versions,
                software,
                usual.flow(),
                usual.limits(),
                usual.keepalive(),
                usual.stockPeer(),
                usual.resume(),
                handshakeTimeout);
    }
}
