package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class SharedBudgetTest {
    private static final long SEED = 20261122;
    private static final MuxSettings CULVERT = MuxSettings.of(ProtocolVersion.CULVERT);

    @Test
    void whoHoldsMoreThanAnEqualShareOwesWhenAllIsOut() {
        SharedBudget budget = new SharedBudget(900);
        budget.join();
        budget.join();
        budget.join();
        budget.add(900);
        assertThat(budget.isOwed(800)).isFalse();

        budget.add(1);
        assertThat(budget.isOwed(300)).isFalse();
        assertThat(budget.isOwed(301)).isTrue();
    }

    @Test
    void itIsTightWhenHalfOfItIsOut() {
        SharedBudget budget = new SharedBudget(900);
        budget.add(450);
        assertThat(budget.isTight()).isFalse();
        budget.add(1);
        assertThat(budget.isTight()).isTrue();
    }

    @Test
    void itMayBecomeSmallerAndLarger() {
        SharedBudget budget = new SharedBudget(900);
        budget.join();
        budget.add(500);
        assertThat(budget.isOwed(500)).isFalse();
        budget.limit(400);
        assertThat(budget.isOwed(500)).isTrue();
        budget.limit(1000);
        assertThat(budget.isOwed(500)).isFalse();
    }

    @Test
    void ofTheWholeOnlyTheLargestShareOwes() {
        SharedBudget whole = new SharedBudget(1000);
        SharedBudget greedy = new SharedBudget(900, whole);
        SharedBudget modest = new SharedBudget(900, whole);
        greedy.join();
        greedy.join();
        modest.join();
        greedy.add(800);
        assertThat(greedy.isOwed(700)).isFalse();
        modest.add(201);

        assertThat(modest.isTight()).isTrue();
        assertThat(modest.isOwed(201)).isFalse();
        assertThat(greedy.isOwed(100)).isFalse();
        assertThat(greedy.isOwed(700)).isTrue();
    }

    @Test
    void whoHasLeftHasNoShare() {
        SharedBudget whole = new SharedBudget(1000);
        SharedBudget first = new SharedBudget(2000, whole);
        SharedBudget second = new SharedBudget(2000, whole);
        first.join();
        second.join();
        first.add(500);
        second.add(501);
        assertThat(second.isOwed(501)).isTrue();

        second.add(-501);
        second.leave();
        first.add(500);
        assertThat(first.isOwed(1000)).isFalse();
    }

    /** Whatever sharers take, as long as those who owe give back before they take more. */
    @Test
    void noMoreThanTwiceTheLimitIsEverOut() {
        System.out.println("SharedBudgetTest: seed " + SEED);
        Random random = new Random(SEED);
        SharedBudget whole = new SharedBudget(100_000);
        List<SharedBudget> clients = new ArrayList<>();
        long[] held = new long[40];
        for (int i = 0; i < held.length; i++) {
            if (i % 8 == 0) {
                clients.add(new SharedBudget(60_000, whole));
            }
            clients.get(i / 8).join();
        }
        for (int round = 0; round < 100_000; round++) {
            int i = random.nextInt(held.length);
            SharedBudget client = clients.get(i / 8);
            if (client.isOwed(held[i])) {
                client.add(-held[i]);
                held[i] = 0;
            } else {
                int bytes = random.nextInt(1000);
                client.add(bytes);
                held[i] += bytes;
            }
            assertThat(whole.held()).isLessThan(2 * 100_000 + held.length * 1000);
            assertThat(client.held()).isLessThan(2 * 60_000 + held.length * 1000);
        }
    }

    @Test
    void theLargestStreamOfTheLargestSessionEnds() {
        SharedBudget shared = new SharedBudget(600_000);
        try (RawPeer hoarder = new RawPeer(Role.SERVER, CULVERT, shared);
                RawPeer modest = new RawPeer(Role.SERVER, CULVERT, shared)) {
            for (int id = 3; id <= 7; id += 2) {
                fill(hoarder, id, 60_000 * id / 2);
            }
            fill(modest, 3, 250_000);
            assertThat(shared.held()).isBetween(600_001L, 700_000L);
            assertThat(modest.read()).isEmpty();
            assertThat(hoarder.read()).isEmpty();

            hoarder.clock.advance(5, TimeUnit.SECONDS);
            hoarder.us.session.tick();
            assertThat(hoarder.read())
                    .contains("RST 7 limit reached: all sessions together hold more memory than they may, and this"
                            + " stream the most of it");
            assertThat(hoarder.us.session.streamCount()).isEqualTo(2);
            assertThat(modest.us.session.streamCount()).isEqualTo(1);
        }
        assertThat(shared.held()).isZero();
    }

    /** A stream that nobody reads here. */
    private static void fill(RawPeer peer, int id, int bytes) {
        peer.us.attach = false;
        peer.syn(id);
        for (int sent = 0; sent < bytes; sent += 10_000) {
            peer.psh(id, 10_000);
        }
    }

    @Test
    void streamsThatWaitForThePeerQueueNoMoreThanTheBudget() {
        int streams = 2_000;
        long budget = 8 << 20;
        MuxSettings.Flow flow = new MuxSettings.Flow(256 << 10, 1 << 20, budget, 128 << 10, 32_760);
        try (Pair pair = new Pair(CULVERT.with(flow), CULVERT)) {
            List<Recorder> open = new ArrayList<>();
            for (int i = 0; i < streams; i++) {
                open.add(pair.open(""));
            }
            for (Recorder recorder : open) {
                while (recorder.stream().isWritable()) {
                    recorder.write(recorder.stream().maxWrite());
                }
            }
            assertThat(pair.client.session.accounts().queued()).isBetween(budget / 2, budget);
            pair.pump();
            assertThat(pair.client.session.accounts().queued()).isZero();
            pair.tick(Duration.ofSeconds(1));
        }
    }
}
