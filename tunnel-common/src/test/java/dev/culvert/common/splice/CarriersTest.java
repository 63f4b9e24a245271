package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.OpenRequest;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class CarriersTest {
    private static final Duration WAIT = Duration.ofSeconds(10);

    private final MockTicker ticker = Ticker.newMockTicker();
    private final EmbeddedChannel loop =
            EmbeddedChannel.builder().ticker(ticker).build();
    private final Connections connections = new Connections(ticker);
    private final List<Line> lines = new ArrayList<>(List.of(new Line(), new Line()));
    private final Carriers<Line> carriers = new Carriers<>(loop.eventLoop(), ticker, lines, () -> "nobody came");

    /** A carrier that the test makes ready. */
    private static final class Line implements Carrier {
        final List<Arrival> taken = new ArrayList<>();
        boolean ready;
        boolean responsive = true;
        boolean standby;
        int load;
        int room = Integer.MAX_VALUE;
        int asked;
        boolean silent;
        final List<Runnable> answers = new ArrayList<>();
        boolean refusing;
        int refusals;
        Runnable whenAsked = () -> {};

        @Override
        public boolean isReady() {
            boolean answer = ready;
            whenAsked.run();
            return answer;
        }

        @Override
        public boolean isResponsive() {
            return responsive;
        }

        @Override
        public boolean isStandby() {
            return standby;
        }

        @Override
        public int load() {
            return load;
        }

        @Override
        public void take(Arrival arrival, Consumer<Arrival> back, Consumer<Boolean> done) {
            asked++;
            boolean full = room == 0;
            if (full) {
                ready = false;
            } else if (refusing) {
                refusals++;
                back.accept(arrival.refused(this, "it drains"));
            } else {
                room--;
                taken.add(arrival);
            }
            answers.add(() -> done.accept(!full));
            if (!silent) {
                answer();
            }
        }

        void answer() {
            List.copyOf(answers).forEach(Runnable::run);
            answers.clear();
        }
    }

    @AfterEach
    void close() {
        carriers.close(ErrorCode.DRAINING, "it drains");
        lines.forEach(line ->
                line.taken.forEach(arrival -> arrival.reject(loop.eventLoop(), ErrorCode.CANCELLED, "end of test")));
        loop.close();
    }

    @Test
    void theLeastLoadedTakesIt() {
        lines.get(0).ready = true;
        lines.get(0).load = 2;
        lines.get(1).ready = true;
        lines.get(1).load = 1;

        assertThat(lines.get(1).taken).containsExactly(arrive());
        assertThat(lines.get(0).taken).isEmpty();
    }

    @Test
    void whoDoesNotAnswerTakesItOnlyWhereNobodyElseDoes() {
        lines.get(0).ready = true;
        lines.get(0).responsive = false;
        lines.get(1).ready = true;
        lines.get(1).load = 1;

        assertThat(lines.get(1).taken).containsExactly(arrive());

        lines.get(1).ready = false;
        assertThat(lines.get(0).taken).containsExactly(arrive());
    }

    @Test
    void whoStandsByTakesItWhereTheOthersAreNotReadyOrDoNotAnswer() {
        Line active = lines.get(0);
        active.ready = true;
        active.load = 1;
        lines.get(1).standby = true;
        lines.get(1).ready = true;

        Arrival first = arrive();
        active.responsive = false;
        Arrival second = arrive();
        active.ready = false;
        Arrival third = arrive();

        assertThat(active.taken).containsExactly(first);
        assertThat(lines.get(1).taken).containsExactly(second, third);
    }

    @Test
    void whoWaitsIsServedInOrder() {
        List<Arrival> arrivals = List.of(arrive(), arrive(), arrive());

        lines.get(0).ready = true;
        carriers.serveWaiting();
        loop.runPendingTasks();

        assertThat(lines.get(0).taken).isEqualTo(arrivals);
    }

    @Test
    void whereThereIsRoomForOneNotAllAreAsked() {
        Line line = lines.get(0);
        List<Arrival> arrivals = Stream.generate(this::arrive).limit(100).toList();

        for (int room = 1; room <= 3; room++) {
            line.room = 1;
            line.ready = true;
            carriers.serveWaiting();
            loop.runPendingTasks();

            assertThat(line.taken).hasSize(room);
            assertThat(line.asked).isLessThanOrEqualTo(3 * room); // who comes next finds it full
        }
        assertThat(line.taken).isEqualTo(arrivals.subList(0, 3));
    }

    @Test
    void whereThereIsRoomMoreAndMoreAreAskedAtATime() {
        Line line = lines.get(0);
        line.silent = true;
        Stream.generate(this::arrive).limit(1000).forEach(arrival -> {});
        line.ready = true;
        carriers.serveWaiting();

        int rounds = 0;
        for (; line.taken.size() < 1000; rounds++) {
            loop.runPendingTasks();
            assertThat(line.answers).hasSizeLessThanOrEqualTo(64);
            line.answer();
        }
        assertThat(rounds).isLessThan(30);
    }

    @Test
    void whoHasBeenAskedOrWaitsIsServedBeforeTheEnd() {
        Line line = lines.get(0);
        line.silent = true;
        List<String> events = new ArrayList<>();
        arrive();
        Arrival overdue = arrive();
        line.ready = true;
        line.room = 1;
        carriers.serveWaiting();
        loop.runPendingTasks();
        carriers.whenServed(() -> events.add("served"));
        assertThat(events).isEmpty();

        line.answer();
        loop.runPendingTasks();
        line.answer(); // for the second there is no room
        loop.runPendingTasks();
        assertThat(events).isEmpty();

        pass(WAIT);
        assertThat(overdue.channel().isOpen()).isFalse();
        assertThat(events).containsExactly("served");
    }

    @Test
    void nobodyWaitsAfterTheEnd() {
        List<String> events = new ArrayList<>();
        arrive();
        carriers.whenServed(() -> events.add("served"));
        assertThat(carriers.isServed()).isFalse();
        assertThat(events).isEmpty();

        carriers.close(ErrorCode.DRAINING, "it is over");
        assertThat(events).containsExactly("served");
    }

    @Test
    void nobodyOvertakesThoseWhoWait() {
        Line line = lines.get(0);
        Arrival first = arrive();
        Arrival second = arrive();
        line.ready = true;
        Arrival third = arrive();
        loop.runPendingTasks();

        assertThat(line.taken).containsExactly(first, second, third);
    }

    @Test
    void aCarrierThatBecomesReadyRightAfterItWasAskedIsNotMissed() {
        Line line = lines.get(0);
        line.whenAsked = () -> {
            line.whenAsked = () -> {};
            line.ready = true;
            carriers.serveWaiting();
        };

        Arrival arrival = arrive();
        loop.runPendingTasks();

        assertThat(line.taken).containsExactly(arrival);
    }

    @Test
    void whoIsSentBackKeepsItsDeadlineAndItsPlace() {
        Line line = lines.get(0);
        line.ready = true;
        line.room = 0;
        Arrival sentBack = arrive();
        carriers.assign(later(Duration.ofSeconds(1)));
        loop.runPendingTasks();

        pass(WAIT);
        assertThat(sentBack.channel().isOpen()).isFalse();
        assertThat(connections.size()).isEqualTo(1);
    }

    @Test
    void whoWaitsTooLongIsRejected() {
        Arrival first = arrive();
        pass(Duration.ofSeconds(4));
        Arrival second = arrive();

        pass(Duration.ofSeconds(6));
        assertThat(first.channel().isOpen()).isFalse();
        assertThat(second.channel().isOpen()).isTrue();

        pass(Duration.ofSeconds(4));
        assertThat(second.channel().isOpen()).isFalse();
        assertThat(connections.size()).isZero();
    }

    @Test
    void whoIsKilledDoesNotWaitForASession() {
        Arrival arrival = arrive();
        arrival.connection().cut(ErrorCode.CANCELLED, "killed by an administrator");
        loop.runPendingTasks();
        assertThat(arrival.channel().isOpen()).isFalse();
        assertThat(connections.size()).isZero();

        lines.get(0).ready = true;
        carriers.serveWaiting();
        loop.runPendingTasks();
        assertThat(lines.get(0).taken).isEmpty();
    }

    /** It has had no way to say anything. */
    @Test
    void whoWaitsIsNotIdle() {
        Arrival arrival = arrive();
        arrival.connection().cutIfIdle(Duration.ZERO);
        loop.runPendingTasks();
        assertThat(connections.live()).containsExactly(arrival.connection());
    }

    @Test
    void whoIsRefusedGoesToAnother() {
        lines.get(0).ready = true;
        lines.get(0).refusing = true;
        lines.get(1).ready = true;
        lines.get(1).load = 1;

        arrive();
        loop.runPendingTasks();

        assertThat(lines.get(0).refusals).isOne();
        assertThat(lines.get(1).taken).hasSize(1);
    }

    @Test
    void whoIsRefusedAgainAndAgainIsResetInTheEnd() {
        lines.get(0).ready = true;
        lines.get(0).refusing = true;

        Arrival arrival = arrive();
        loop.runPendingTasks();

        assertThat(lines.get(0).refusals).isEqualTo(4);
        assertThat(arrival.channel().isOpen()).isFalse();
        assertThat(connections.size()).isZero();
    }

    @Test
    void nobodyWaitsWhenItIsClosed() {
        Arrival before = arrive();
        carriers.close(ErrorCode.DRAINING, "it drains");
        Arrival after = arrive();

        assertThat(before.channel().isOpen()).isFalse();
        assertThat(after.channel().isOpen()).isFalse();
        assertThat(connections.size()).isZero();
    }

    private Arrival arrive() {
        ticker.advance(1, TimeUnit.MICROSECONDS); // no two at the same time
        Arrival arrival = later(Duration.ZERO);
        carriers.assign(arrival);
        return arrival;
    }

    private Arrival later(Duration by) {
        HostPort target = new HostPort("db", 5432);
        HostPort source = new HostPort("127.0.0.1", 50000);
        OpenRequest request = new OpenRequest(target, source, connections.newId(), "db");
        return new Arrival(
                new NioSocketChannel(),
                connections.add(request.connectionId(), "db", "", source.toString(), target.toString()),
                request,
                ticker.nanoTime() + WAIT.plus(by).toNanos(),
                new Prelude(new AtomicLong()),
                null);
    }

    private void pass(Duration time) {
        ticker.advance(time.toNanos(), TimeUnit.NANOSECONDS);
        loop.runScheduledPendingTasks();
        loop.runPendingTasks();
    }
}
