package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import dev.culvert.mux.MuxSettings.StockPeer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * What it costs to share the buffer of a stock peer, and who gets some of it whatever others have; {@link HazardsTest}
 * has what it is for.
 */
class StockRulesTest {
    private static final MuxSettings V2 = MuxSettings.of(ProtocolVersion.SMUX_2);

    @Test
    void aPeerThatConsumesByteByByteDoesNotHaveAllThatWaitLookedAtEachTime() {
        int streams = 100;
        int bytes = 64 * streams;
        AtomicInteger looks = new AtomicInteger();
        StockRules rules = new StockRules(StockPeer.DEFAULT, stream -> looks.incrementAndGet());
        try (RawPeer peer = new RawPeer(Role.CLIENT, V2)) {
            List<MuxStream> waiting =
                    Stream.generate(() -> peer.open(0).stream()).limit(streams).toList();
            rules.inFlight(bytes);
            for (int i = 0; i < bytes; i++) {
                waiting.forEach(rules::waitForBuffer);
                rules.inFlight(-1);
            }
        }
        assertThat(looks).hasValue(streams);
    }

    @Test
    void aStreamWithTheLeastWindowMaySendThoughTheBufferIsFull() {
        StockPeer small = new StockPeer(64 << 10, true, Duration.ofSeconds(60), Duration.ZERO, Duration.ZERO);
        try (RawPeer peer = new RawPeer(Role.CLIENT, V2.with(small))) {
            Recorder bulk = peer.open(0);
            peer.upd(bulk.stream().id(), 0, 1 << 20);
            bulk.write(1 << 20);
            peer.read();
            Recorder other = peer.open(0);
            peer.upd(other.stream().id(), 0, 1);
            other.write(10);

            assertThat(peer.read()).contains("PSH " + other.stream().id() + " [1]");
        }
    }
}
