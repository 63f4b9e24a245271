package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Who sends next, seen from the peer: its streams are 3, 5, 7 and have all the window they want. */
class SchedulerTest {
    private static final int FRAME = MuxSettings.Flow.DEFAULT.frameSize() + Frame.HEADER;

    @Test
    void streamsShareByBytesWhateverTheirFrames() {
        try (RawPeer peer = peer(3)) {
            int[] frameSizes = {100, 32_000, 5_000};
            for (int i = 0; i < 3; i++) {
                fill(peer, i, frameSizes[i], 2_000_000);
            }
            long[] sent = new long[3];
            while (sent[0] + sent[1] + sent[2] < 3_000_000) {
                count(next(peer), sent);
                long spread = Math.abs(sent[0] - sent[1]) + Math.abs(sent[1] - sent[2]);
                assertThat(spread).isLessThanOrEqualTo(4L * FRAME);
            }
            assertThat(Math.abs(sent[0] - sent[1])).isLessThanOrEqualTo(2L * FRAME);
            assertThat(Math.abs(sent[1] - sent[2])).isLessThanOrEqualTo(2L * FRAME);
        }
    }

    @Test
    void aLongFrameIsADebtInTheNextRound() {
        try (RawPeer peer = peer(2)) {
            fill(peer, 0, 20_000, 1_000_000);
            fill(peer, 1, 30_000, 1_000_000);
            long[] sent = new long[2];
            for (int i = 0; i < 60; i++) {
                count(next(peer), sent);
            }
            assertThat(Math.abs(sent[0] - sent[1])).isLessThanOrEqualTo(2L * FRAME);
        }
    }

    @Test
    void aStreamThatWasQuietGoesFirst() {
        try (RawPeer peer = peer(3)) {
            fill(peer, 0, 30_000, 1_000_000);
            fill(peer, 1, 30_000, 1_000_000);
            for (int i = 0; i < 10; i++) {
                next(peer);
            }
            peer.us.recorders.get(2).write("key");

            assertThat(next(peer)).isEqualTo("PSH 7 [3]");
        }
    }

    /** Else it would wait for a whole frame of each of the others. */
    @Test
    void whoHasJustHadATurnForLittleSoonHasTheNext() {
        int downloads = 8;
        try (RawPeer peer = peer(downloads + 1)) {
            for (int i = 0; i < downloads; i++) {
                fill(peer, i, 32_000, 1_000_000);
            }
            int before = 0;
            for (int key = 0; key < 100; key++) {
                peer.us.recorders.get(downloads).write("key");
                while (!next(peer).endsWith("[3]")) {
                    before++;
                }
            }
            assertThat(before).isLessThanOrEqualTo(100);
        }
    }

    @Test
    void controlFramesGoBeforeAllData() {
        try (RawPeer peer = peer(1)) {
            fill(peer, 0, 30_000, 1_000_000);
            next(peer);
            peer.ping(1);

            assertThat(next(peer)).isEqualTo("PONG 0");
        }
    }

    /** A stream that writes as soon as another has had a turn would always be quiet, and always first. */
    @Test
    void shortBurstsGetNoMoreThanTwiceTheirShare() {
        try (RawPeer peer = peer(2)) {
            fill(peer, 0, 1_000, 2_000_000);
            long[] sent = new long[2];
            Recorder bursts = peer.us.recorders.get(1);
            boolean quiet = true;
            for (int i = 0; i < 1_000; i++) {
                if (quiet) {
                    bursts.write(30_000);
                }
                String frame = next(peer);
                quiet = frame.startsWith("PSH 3 ") && bursts.stream().queuedBytes() == 0;
                count(frame, sent);
                assertThat(sent[1]).isLessThanOrEqualTo(2 * sent[0] + 3L * FRAME);
            }
        }
    }

    /** A stream that has nothing to send for a moment would be without its debt, and fresh again. */
    @Test
    void aBurstIsADebtAlsoWhereNothingFollowsAtOnce() {
        try (RawPeer peer = peer(2)) {
            fill(peer, 0, 1_000, 2_000_000);
            long[] sent = new long[2];
            Recorder bursts = peer.us.recorders.get(1);
            int quiet = 0;
            for (int i = 0; i < 1_500; i++) {
                if (quiet == 6) {
                    bursts.write(30_000);
                }
                String frame = next(peer);
                quiet = frame.startsWith("PSH 3 ") && bursts.stream().queuedBytes() == 0 ? quiet + 1 : 0;
                count(frame, sent);
                assertThat(sent[1]).isLessThanOrEqualTo(2 * sent[0] + 3L * FRAME);
            }
            assertThat(sent[1]).isGreaterThan(sent[0] / 2);
        }
    }

    @Test
    void manyShortBurstsDoNotStarveTheOthers() {
        int talkers = 20;
        try (RawPeer peer = peer(1 + talkers)) {
            fill(peer, 0, 30_000, 6_000_000);
            long[] sent = new long[1 + talkers];
            for (int round = 0; round < 10; round++) {
                for (int talker = 1; talker <= talkers; talker++) {
                    peer.us.recorders.get(talker).write(1_000);
                }
                for (int i = 0; i < 2 * talkers; i++) {
                    count(next(peer), sent);
                }
            }
            assertThat(sent[0]).isGreaterThan(5_000_000);
            assertThat(sent).doesNotContain(0).endsWith(10 * 1_008L);
        }
    }

    @Test
    void aStreamThatEndsInItsTurnMakesWayForTheNext() {
        try (RawPeer peer = peer(2)) {
            fill(peer, 0, 1_000, 3_000);
            peer.us.recorders.get(0).stream().shutdownOutput();
            fill(peer, 1, 1_000, 2_000);

            assertThat(peer.read())
                    .containsExactly(
                            "PSH 3 [1000]", "PSH 3 [1000]", "PSH 3 [1000]", "FIN 3", "PSH 5 [1000]", "PSH 5 [1000]");
        }
    }

    @Test
    void aStreamThatIsResetInItsTurnMakesWayForTheNext() {
        try (RawPeer peer = peer(2)) {
            fill(peer, 0, 1_000, 30_000);
            fill(peer, 1, 1_000, 2_000);
            assertThat(next(peer)).isEqualTo("PSH 3 [1000]");
            peer.us.recorders.get(0).stream().reset(ErrorCode.CANCELLED, "");

            assertThat(peer.read()).containsExactly("RST 3 cancelled: ", "PSH 5 [1000]", "PSH 5 [1000]");
        }
    }

    @Test
    void aStreamWithoutWindowKeepsNobodyWaiting() {
        try (RawPeer peer = peer(2)) {
            peer.upd(3, 0, 500);
            fill(peer, 0, 1_000, 1_000);
            fill(peer, 1, 1_000, 1_000);
            assertThat(peer.read()).containsExactly("PSH 3 [500]", "PSH 5 [1000]");
            peer.upd(3, 500, 500);
            assertThat(peer.read()).containsExactly("PSH 3 [500]");
        }
    }

    @Test
    void whileBulkWaitsWhoHasLittleToSendGoesOn() {
        try (RawPeer peer = peer(3)) {
            Recorder bulk = peer.us.recorders.get(0);
            Recorder keys = peer.us.recorders.get(1);
            fill(peer, 0, 30_000, 300_000);
            fill(peer, 1, 10, 10);
            assertThat(List.of(next(peer), next(peer), next(peer)))
                    .containsExactly("PSH 3 [30000]", "PSH 5 [10]", "PSH 3 [30000]");
            fill(peer, 1, 10, 10); // in its turn only, having been quiet a moment ago

            assertThat(peer.readLittle()).containsExactly("PSH 5 [10]");
            peer.ping(1);
            keys.write(20);
            assertThat(peer.readLittle()).containsExactly("PONG 0", "PSH 5 [20]");
            keys.write(20);
            fill(peer, 2, 30_000, 60_000);
            assertThat(peer.readLittle()).containsExactly("PSH 5 [20]");
            assertThat(bulk.stream().queuedBytes()).isEqualTo(240_000);

            keys.stream().shutdownOutput();
            assertThat(peer.readLittle()).containsExactly("FIN 5");
            assertThat(peer.read()).hasSize(10).contains("PSH 3 [30000]", "PSH 7 [30000]");
        }
    }

    private static RawPeer peer(int streams) {
        RawPeer peer = new RawPeer(Role.CLIENT, MuxSettings.of(ProtocolVersion.CULVERT));
        for (int i = 0; i < streams; i++) {
            peer.upd(peer.open(0).stream().id(), 0, 1 << 30);
        }
        peer.read();
        return peer;
    }

    private static void fill(RawPeer peer, int stream, int frameSize, int bytes) {
        for (int i = 0; i < bytes / frameSize; i++) {
            peer.us.recorders.get(stream).write(frameSize);
        }
    }

    private static String next(RawPeer peer) {
        return peer.readOne();
    }

    private static void count(String frame, long[] sent) {
        List<String> parts = List.of(frame.split("[\\[\\] ]+"));
        assertThat(parts.get(0)).isEqualTo("PSH");
        sent[(Integer.parseInt(parts.get(1)) - 3) / 2] += Frame.HEADER + Integer.parseInt(parts.get(2));
    }
}
