package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import io.netty.channel.DefaultChannelId;
import io.netty.channel.EventLoop;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.Promise;
import java.net.ConnectException;
import java.net.InetSocketAddress;
import java.net.NoRouteToHostException;
import java.net.SocketAddress;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Races on a stopped clock: a socket that is dialled waits until the test answers for the target. */
class RaceTest {
    private static final InetSocketAddress A = new InetSocketAddress("192.0.2.1", 80);
    private static final InetSocketAddress B = new InetSocketAddress("192.0.2.2", 80);
    private static final InetSocketAddress C = new InetSocketAddress("192.0.2.3", 80);

    private final EmbeddedChannel clock = new EmbeddedChannel();
    private final EventLoop loop = clock.eventLoop();
    private final Promise<Channel> winner = loop.newPromise();
    private final List<SocketAddress> dialled = new ArrayList<>();
    private final List<ChannelPromise> answers = new ArrayList<>();
    private final Race<Channel> race = new Race<>(loop, this::newSocket, new HostPort("db", 80), winner);

    RaceTest() {
        clock.freezeTime();
    }

    @Test
    void familiesTakeTurnsAndIpv6IsFirst() {
        List<InetSocketAddress> order =
                Race.interleaved(addresses("192.0.2.1", "192.0.2.2", "192.0.2.3", "::1", "::2"));

        assertThat(order).isEqualTo(addresses("::1", "192.0.2.1", "::2", "192.0.2.2", "192.0.2.3"));
    }

    @Test
    void anAddressHasAHeadStartOf250Milliseconds() {
        race.run(List.of(A, B, C), address -> true);
        assertThat(dialled).containsExactly(A);

        pass(249);
        assertThat(dialled).containsExactly(A);

        pass(1);
        assertThat(dialled).containsExactly(A, B);

        pass(250);
        assertThat(dialled).containsExactly(A, B, C);
    }

    @Test
    void noMoreThan3SocketsAreUnderWayAndTheOldestMakesRoom() {
        List<InetSocketAddress> five = addresses("192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5");
        race.run(five, address -> true);
        pass(250);
        pass(250);

        pass(999);
        assertThat(dialled).isEqualTo(five.subList(0, 3));

        pass(1);
        assertThat(dialled).isEqualTo(five.subList(0, 4));
        assertThat(answers.get(0).channel().isOpen()).isFalse();

        pass(1_000);
        assertThat(dialled).isEqualTo(five);
        assertThat(answers).filteredOn(answer -> answer.channel().isOpen()).hasSize(3);
        assertThat(race.outOfTime(Duration.ofSeconds(10)))
                .hasMessageEndingWith("tried 192.0.2.1:80 (no answer), 192.0.2.2:80 (no answer), "
                        + "192.0.2.3:80 (no answer yet), 192.0.2.4:80 (no answer yet), 192.0.2.5:80 (no answer yet)");
    }

    @Test
    void theNextAddressSetsOutAtOnceWhenOneHasFailed() {
        race.run(List.of(A, B, C), address -> true);

        answers.get(0).setFailure(new ConnectException("Connection refused"));

        assertThat(dialled).containsExactly(A, B);
    }

    @Test
    void theHeadStartBeginsAnewAfterAFailure() {
        race.run(List.of(A, B, C), address -> true);
        pass(200);
        answers.get(0).setFailure(new ConnectException("Connection refused"));

        pass(249);
        assertThat(dialled).containsExactly(A, B);

        pass(1);
        assertThat(dialled).containsExactly(A, B, C);
    }

    @Test
    void theFirstToConnectWins() {
        race.run(List.of(A, B), address -> true);
        pass(250);

        answers.get(1).setSuccess();

        assertThat(winner.getNow()).isSameAs(answers.get(1).channel());
        assertThat(answers.get(1).channel().isOpen()).isTrue();
    }

    @Test
    void theLosersAreClosed() {
        race.run(List.of(A, B, C), address -> true);
        pass(250);

        answers.get(1).setSuccess();
        pass(1000);

        assertThat(answers.get(0).channel().isOpen()).isFalse();
        assertThat(dialled).containsExactly(A, B);
    }

    @Test
    void aSlowerSuccessIsClosedToo() {
        race.run(List.of(A, B), address -> true);
        pass(250);

        answers.get(1).setSuccess();
        answers.get(0).trySuccess();

        assertThat(answers.get(0).channel().isOpen()).isFalse();
    }

    @Test
    void aCancelledRaceClosesWhatIsUnderWayAndStartsNothing() {
        race.run(List.of(A, B, C), address -> true);
        pass(250);

        winner.cancel(false);
        pass(1000);

        assertThat(answers).allMatch(answer -> !answer.channel().isOpen());
        assertThat(dialled).containsExactly(A, B);
    }

    @Test
    void aRaceThatWasCancelledBeforeItBeganDialsNothing() {
        winner.cancel(false);

        race.run(List.of(A), address -> true);

        assertThat(dialled).isEmpty();
    }

    @Test
    void ofManyAddressesTheFirst16TakePart() {
        List<InetSocketAddress> many = new ArrayList<>(many("192.0.2.%d"));
        many.addAll(many("2001:db8::%d"));
        List<InetSocketAddress> seen = new ArrayList<>();

        race.run(many, address -> {
            seen.add(address);
            return true;
        });
        while (!winner.isDone()) {
            answers.get(answers.size() - 1).setFailure(new ConnectException("Connection refused"));
        }

        assertThat(seen).hasSize(16).startsWith(many.get(200), many.get(0), many.get(201), many.get(1));
        assertThat(dialled).isEqualTo(seen);
    }

    @Test
    void ofManyOutcomes8AreNamed() {
        race.run(many("192.0.2.%d"), address -> false);

        assertThat(failure())
                .hasMessageStartingWith("db:80: forbidden; tried 192.0.2.1:80 (not allowed), ")
                .hasMessageEndingWith(", 192.0.2.8:80 (not allowed) and 8 more");
    }

    @Test
    void onlyAllowedAddressesAreDialled() {
        race.run(List.of(A, B, C), address -> address.equals(C));

        assertThat(dialled).containsExactly(C);
    }

    @Test
    void aTargetWithoutAnAllowedAddressIsForbidden() {
        race.run(List.of(A, B), address -> false);

        assertThat(failure().code()).isEqualTo(ErrorCode.FORBIDDEN);
        assertThat(failure())
                .hasMessage("db:80: forbidden; tried 192.0.2.1:80 (not allowed), 192.0.2.2:80 (not allowed)");
    }

    @Test
    void aLostRaceSaysWhatEachAddressSaid() {
        race.run(List.of(A, B, C), address -> !address.equals(C));

        answers.get(0).setFailure(new NoRouteToHostException());
        answers.get(1).setFailure(new SocketException("Input/output error"));

        assertThat(failure())
                .hasMessage("db:80: unreachable; tried 192.0.2.3:80 (not allowed), 192.0.2.1:80 (no route), "
                        + "192.0.2.2:80 (Input/output error)");
    }

    @Test
    void aRefusalSaysMoreThanAMissingRoute() {
        race.run(List.of(A, B), address -> true);

        answers.get(0).setFailure(new ConnectException("Connection refused"));
        answers.get(1).setFailure(new NoRouteToHostException());

        assertThat(failure().code()).isEqualTo(ErrorCode.CONNECTION_REFUSED);
    }

    @Test
    void aResetIsNoMissingName() {
        race.run(List.of(A), address -> true);

        answers.get(0).setFailure(new ConnectException("f(..) failed with error(-104): Connection reset by peer"));

        assertThat(failure().code()).isEqualTo(ErrorCode.CONNECTION_RESET);
    }

    @Test
    void aRaceThatTakesTooLongSaysHowFarItGot() {
        race.run(List.of(A, B), address -> true);
        answers.get(0).setFailure(new ConnectException("Connection refused"));

        assertThat(race.outOfTime(Duration.ofSeconds(10)))
                .hasMessage("db:80: not connected within 10000 ms; "
                        + "tried 192.0.2.1:80 (connection refused), 192.0.2.2:80 (no answer yet)");
    }

    @Test
    void aSocketThatCannotBeMadeIsAReachedLimit() {
        Race<Channel> broke = new Race<>(
                loop,
                to -> {
                    throw new ChannelException(new SocketException("Too many open files"));
                },
                new HostPort("db", 80),
                winner);

        broke.run(List.of(A, B), address -> true);

        assertThat(failure().code()).isEqualTo(ErrorCode.LIMIT_REACHED);
        assertThat(failure()).hasMessageContaining("no file descriptor is left");
    }

    private Channel newSocket(InetSocketAddress to) {
        return new EmbeddedChannel(DefaultChannelId.newInstance(), false, false, new ChannelOutboundHandlerAdapter() {
            @Override
            public void connect(
                    ChannelHandlerContext ctx, SocketAddress remote, SocketAddress local, ChannelPromise promise) {
                dialled.add(remote);
                answers.add(promise);
            }
        });
    }

    private void pass(long millis) {
        clock.advanceTimeBy(millis, TimeUnit.MILLISECONDS);
        clock.runScheduledPendingTasks();
    }

    private DialFailure failure() {
        return (DialFailure) winner.cause();
    }

    private static List<InetSocketAddress> many(String pattern) {
        return addresses(
                IntStream.rangeClosed(1, 200).mapToObj(pattern::formatted).toArray(String[]::new));
    }

    private static List<InetSocketAddress> addresses(String... hosts) {
        return Stream.of(hosts).map(host -> new InetSocketAddress(host, 80)).toList();
    }
}
