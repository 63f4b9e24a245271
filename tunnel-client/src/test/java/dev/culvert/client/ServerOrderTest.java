package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.HostPort;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class ServerOrderTest {
    private static final Server A = server("a");
    private static final Server B = server("b");
    private static final Server C = server("c");

    private final MockTicker ticker = Ticker.newMockTicker();
    private final Set<Server> taken = new HashSet<>();
    private final ServerOrder order = order(A, B, C);

    private static Server server(String host) {
        return server(host, 0);
    }

    private static Server server(String host, int weight) {
        return new Server(Location.of(new HostPort(host, 1)), weight, Optional.empty(), null, null);
    }

    private ServerOrder order(Server... servers) {
        Random random = new Random(7);
        Backoff pauses = new Backoff(Duration.ofSeconds(1), Duration.ofSeconds(1), random);
        return new ServerOrder(List.of(servers), taken::contains, pauses, random, ticker);
    }

    @Test
    void eachHasItsTurnInARoundAndThePauseIsAfterThat() {
        List<Server> dialled = new ArrayList<>();
        List<Boolean> paused = new ArrayList<>();
        for (int i = 0; i < 6; i++) {
            dialled.add(order.next());
            paused.add(!order.failed(order.next(), any -> true).isZero());
        }
        assertThat(dialled).containsExactly(A, B, C, A, B, C);
        assertThat(paused).containsExactly(false, false, true, false, false, true);
    }

    @Test
    void whereOneSuitsARoundIsItsTurn() {
        for (int i = 0; i < 3; i++) {
            assertThat(order.failed(B, B::equals)).isPositive();
        }
    }

    @Test
    void whoHadItsTurnIsNoneOfTheOthers() {
        assertThat(order.hasOthersThan(A)).isTrue();
        order.failed(A, any -> true);
        order.failed(B, any -> true);
        assertThat(order.hasOthersThan(C)).isFalse();
        order.failed(C, any -> true);
        assertThat(order.hasOthersThan(A)).isTrue();
        assertThat(order(A).hasOthersThan(A)).isFalse();
    }

    @Test
    void eachHasItsTurnThoughAnAttemptTakesLongerThanAFailureCounts() {
        List<Server> dialled = new ArrayList<>();
        for (int i = 0; i < 4; i++) {
            pass(ServerOrder.LATELY);
            dialled.add(order.next());
            order.failed(order.next(), any -> true);
        }
        assertThat(dialled).containsExactly(A, B, C, A);
    }

    @Test
    void whoHasFailedLatelyIsBehindTheOthersForAWhile() {
        order.failed(A, any -> true);
        order.succeeded(B);
        order.recovered();
        order.restart();
        assertThat(order.next()).isEqualTo(B);

        pass(ServerOrder.LATELY);
        order.restart();
        assertThat(order.next()).isEqualTo(A);
    }

    @Test
    void whoIsThereAgainIsNotBehindAnyMore() {
        order.failed(A, any -> true);
        order.succeeded(A);
        order.restart();
        assertThat(order.next()).isEqualTo(A);
    }

    @Test
    void whoDrainsIsBehindTheOthers() {
        order.avoid(A);
        assertThat(order.next()).isEqualTo(B);
        ServerOrder alone = order(A);
        alone.avoid(A);
        assertThat(alone.next()).isEqualTo(A);
    }

    @Test
    void oneMayComeFirstForOnce() {
        order.beginWith(C);
        assertThat(order.next()).isEqualTo(C);
        order.failed(C, any -> true);
        assertThat(order.next()).isEqualTo(A);
        order.beginWith(server("elsewhere"));
        assertThat(order.next()).isEqualTo(A);
    }

    @Test
    void whoDoesNotSuitIsLeftOut() {
        assertThat(order.next(server -> !server.equals(A))).isEqualTo(B);
        order.failed(B, any -> true);
        order.failed(C, any -> true);
        assertThat(order.next(C::equals)).isEqualTo(C);
    }

    @Test
    void thoseBeforeAreBetterAndHaveTheirTurns() {
        assertThat(order.better(A)).isEmpty();
        assertThat(order.better(B)).contains(A);
        assertThat(List.of(order.better(C).orElseThrow(), order.better(C).orElseThrow()))
                .containsExactlyInAnyOrder(A, B);
        assertThat(order.better(server("elsewhere"))).isEmpty();
    }

    @Test
    void weightsTellHowOftenEachIsChosen() {
        Server heavy = server("heavy", 3);
        Server light = server("light", 1);
        ServerOrder weighted = order(light, heavy);
        int chosen = 0;
        for (int i = 0; i < 1000; i++) {
            weighted.restart();
            chosen += weighted.next().equals(heavy) ? 1 : 0;
        }
        assertThat(chosen).isBetween(700, 800);
        assertThat(weighted.better(heavy)).isEmpty();
    }

    @Test
    void whoHasFailedLatelyIsNotChosenHoweverHeavyItIs() {
        Server heavy = server("heavy", 1000);
        Server light = server("light", 1);
        ServerOrder weighted = order(heavy, light);
        weighted.failed(heavy, any -> true);
        for (int i = 0; i < 100; i++) {
            weighted.restart();
            assertThat(weighted.next()).isEqualTo(light);
        }
    }

    @Test
    void whoIsTakenIsBehindEvenThoseThatHaveFailed() {
        taken.add(A);
        assertThat(order.next()).isEqualTo(B);
        order.failed(B, any -> true);
        assertThat(order.next()).isEqualTo(C);
        order.failed(C, any -> true);
        assertThat(order.next()).isEqualTo(A);
    }

    @Test
    void anyThatIsNotTakenIsBetterThanOneThatIs() {
        taken.add(A);
        assertThat(order.better(B)).isEmpty();
        assertThat(order.better(C)).contains(B);

        taken.add(C);
        assertThat(order.better(C)).contains(B);
        taken.add(B);
        assertThat(order.better(B)).isEmpty();
    }

    private void pass(Duration time) {
        ticker.advance(time.toNanos(), TimeUnit.NANOSECONDS);
    }
}
