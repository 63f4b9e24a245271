package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.config.RateConfig;
import dev.culvert.common.lifecycle.Sessions;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Connections;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.SessionListener;
import dev.culvert.mux.SharedBudget;
import dev.culvert.mux.StreamListener;
import dev.culvert.mux.Token;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ManualIoEventLoop;
import io.netty.channel.nio.NioIoHandler;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The uplink and its servers run on the test's own thread, and their time goes on only where a test says so. */
class UplinkTest {
    private static final Duration PAUSE = Duration.ofSeconds(1);
    private static final Duration RETURN_AFTER = Duration.ofSeconds(20);
    /** So long a socket of this machine takes at most to bring what was sent. */
    private static final Duration SILENCE = Duration.ofMillis(200);

    private static final MuxSettings SETTINGS =
            MuxSettings.of(ProtocolVersion.CULVERT).with(new MuxSettings.Resume(Duration.ofSeconds(60), 64 << 10));

    private final MockTicker ticker = Ticker.newMockTicker();
    private final ManualIoEventLoop loop =
            new ManualIoEventLoop(null, Thread.currentThread(), NioIoHandler.newFactory(), ticker);
    private final Dialer dialer = new Dialer(Transport.NIO, Duration.ofSeconds(10));
    private final Connections connections = new Connections(ticker);
    private final Reverse reverse = new Reverse(loop, dialer, connections, name -> Limits.NONE);

    private final Sessions sessions = new Sessions(connections, ticker);
    private final List<Peer> peers = new ArrayList<>();

    private Uplink begin(Way way) {
        Uplink uplink =
                new Uplink("uplink", List.of(), loop, way, sessions, new SharedBudget(1 << 20), reverse, () -> {});
        uplink.start();
        return uplink;
    }

    private Way way(Optional<Duration> maxAge, Peer... peers) {
        return new Way(
                Stream.of(peers).map(Peer::server).toList(),
                dialer,
                new SessionSocket(Duration.ofSeconds(10)),
                SETTINGS,
                new UpstreamConfig.Backoff(PAUSE, PAUSE),
                maxAge,
                Optional.of(RETURN_AFTER),
                "");
    }

    private Way way(Peer... peers) {
        return way(Optional.empty(), peers);
    }

    @AfterEach
    void end() throws Exception {
        sessions.cut(ErrorCode.INTERNAL, "the test is over"); // with what they keep
        loop.runNow();
        peers.forEach(Peer::end);
        loop.shutdownGracefully(0, 0, TimeUnit.SECONDS);
        until(loop::isTerminated);
    }

    private void until(Callable<Boolean> done) {
        OwnThread.until(loop, done);
    }

    private void pass(Duration time) {
        ticker.advance(time.toNanos(), TimeUnit.NANOSECONDS);
    }

    /**
     * Lets time pass, a second at a time and when nothing else happens any more, until {@code done}; returns how many
     * seconds.
     */
    private int secondsUntil(Callable<Boolean> done) throws Exception {
        int seconds = 0;
        while (true) {
            boolean happens = true;
            while (happens) {
                happens = loop.run(SILENCE.toNanos()) > 0;
            }
            if (done.call()) {
                return seconds;
            }
            pass(Duration.ofSeconds(1));
            seconds++;
            assertThat(seconds).isLessThan(1_000);
        }
    }

    @Test
    void aBetterServerIsTriedAsOftenAsBeforeWhenTheSessionWasResumed() throws Exception {
        Peer better = new Peer();
        better.refuses = true;
        Peer present = new Peer();
        Uplink uplink = begin(way(better, present));
        until(uplink::isReady);
        pass(RETURN_AFTER.dividedBy(2));
        present.cut();
        until(() -> !uplink.isReady());
        pass(PAUSE);
        until(uplink::isReady);

        int before = better.accepted;
        assertThat(secondsUntil(() -> better.accepted > before)).isGreaterThanOrEqualTo((int)
                RETURN_AFTER.multipliedBy(9).dividedBy(10).toSeconds());
    }

    @Test
    void whoSaysNothingIsNotWaitedForWhileOthersHaveNotBeenAsked() throws Exception {
        Peer silent = new Peer();
        silent.waits = true;
        Peer second = new Peer();
        Uplink uplink = begin(way(silent, second));
        until(() -> silent.accepted == 1);
        assertThat(secondsUntil(uplink::isReady)).isEqualTo(3);
        assertThat(second.ups).isOne();
    }

    @Test
    void aReloadEndsTheAttemptThatIsUnderWay() throws Exception {
        Peer old = new Peer();
        Uplink uplink = begin(way(Optional.of(Duration.ofSeconds(20)), old));
        until(uplink::isReady);
        old.waits = true;
        secondsUntil(() -> old.accepted == 2); // it is old

        Peer listed = new Peer();
        uplink.use(way(listed), false);
        until(() -> listed.ups == 1);
        assertThat(uplink.isReady()).isTrue();
        assertThat(old.ups).isOne();
    }

    /** With the first of these; one that says nothing comes before them, and is being tried again. */
    private Uplink beginAndTryBetter(Peer... others) throws Exception {
        Peer better = new Peer();
        better.waits = true;
        Uplink uplink =
                begin(way(Stream.concat(Stream.of(better), Stream.of(others)).toArray(Peer[]::new)));
        secondsUntil(uplink::isReady);
        secondsUntil(() -> better.accepted == 2);
        return uplink;
    }

    @Test
    void aLinkThatIsLostDoesNotWaitForABetterServer() throws Exception {
        Peer present = new Peer();
        Uplink uplink = beginAndTryBetter(present);

        present.cut();
        until(() -> !uplink.isReady());
        assertThat(secondsUntil(uplink::isReady)).isLessThanOrEqualTo(1);
        assertThat(present.resumed).isOne();
    }

    @Test
    void aServerThatGoesAwayDoesNotHaveNewConnectionsWaitForABetterOne() throws Exception {
        Peer present = new Peer();
        Peer third = new Peer();
        Uplink uplink = beginAndTryBetter(present, third);

        present.goAway();
        until(() -> !uplink.isReady());
        assertThat(secondsUntil(uplink::isReady)).isZero();
        assertThat(third.ups).isOne();
    }

    private void beginToOffer() {
        reverse.set(
                List.of(new ReverseConfig(
                        "web",
                        HostPort.parse("127.0.0.1:9"),
                        Optional.empty(),
                        Optional.empty(),
                        1,
                        Optional.empty(),
                        Optional.empty(),
                        RateConfig.OFF)),
                new Edges(Map.of(), Map.of(), ""),
                Duration.ofSeconds(10));
        reverse.begin();
    }

    /**
     * The session with the first is lost, the one with the second offers in its place and is lost, the first is back.
     */
    private void loseTheFirstThenTheSecond(Peer first, Peer second) throws Exception {
        beginToOffer();
        Uplink uplink = begin(way(first, second));
        until(() -> first.offers.size() == 1);
        first.refuses = true;
        first.cut();
        secondsUntil(() -> second.offers.size() == 1);
        second.refuses = true;
        second.cut();
        until(() -> !uplink.isReady());
        first.refuses = false;
        secondsUntil(() -> first.resumed == 1 && uplink.isReady());
    }

    @Test
    void aSessionThatComesBackOffersWhatAnotherHasOfferedInItsPlace() throws Exception {
        Peer first = new Peer();
        Peer second = new Peer();
        loseTheFirstThenTheSecond(first, second);
        until(() -> first.offers.size() == 1);

        second.refuses = false;
        secondsUntil(() -> second.resumed == 1);
        until(second.offers::isEmpty); // or its server would listen for nobody
        assertThat(first.offers).hasSize(1);
    }

    @Test
    void aSessionThatComesBackBeforeTheOneInItsPlaceWasAnsweredKeepsWhatItOffers() throws Exception {
        Peer first = new Peer();
        Peer second = new Peer();
        second.silent = true;
        loseTheFirstThenTheSecond(first, second);
        assertThat(first.offers).hasSize(1);

        second.refuses = false;
        secondsUntil(() -> second.resumed == 1);
        until(second.offers::isEmpty);
        assertThat(first.offers).hasSize(1);
    }

    @Test
    void aSessionIsReplacedAlsoIfTheNewOneLosesItsLinkBeforeItsOffersAreAnswered() throws Exception {
        beginToOffer();
        Peer server = new Peer();
        Uplink uplink = begin(way(Optional.of(Duration.ofSeconds(20)), server));
        until(() -> server.offers.size() == 1);
        server.silent = true;
        secondsUntil(() -> server.offers.size() == 2); // the session is old

        server.cut();
        until(() -> !uplink.isReady());
        secondsUntil(() -> server.resumed == 1 && uplink.isReady());
        assertThat(server.offers).hasSize(2);
        server.answer();
        until(() -> server.offers.size() == 1);
    }

    @Test
    void eachServerIsAskedForItsOwnSession() throws Exception {
        Peer first = new Peer();
        Peer second = new Peer();
        Uplink uplink = begin(way(first, second));
        until(uplink::isReady);
        first.waits = true;
        first.cut();
        until(() -> !uplink.isReady());
        secondsUntil(() -> second.ups == 1 && uplink.isReady());

        second.cut();
        until(() -> !uplink.isReady());
        secondsUntil(() -> second.resumed == 1);
        assertThat(second.ups).isOne(); // or it was asked for the session of the first
    }

    /** A server with sessions that can be resumed. */
    private final class Peer extends ChannelInitializer<Channel> implements SessionListener {
        private final Channel listening;
        private final Map<Token, MuxSession> sessions = new HashMap<>();
        private final Map<MuxSession, MuxConnection> links = new HashMap<>();
        private final Set<MuxStream> offers = new HashSet<>();
        private final List<MuxStream> unanswered = new ArrayList<>();
        private @Nullable Channel last;
        private @Nullable MuxSession latest;
        private int accepted;
        private int ups;
        private int resumed;
        /** It closes each connection at once. */
        private boolean refuses;
        /** It takes connections, and says nothing. */
        private boolean waits;
        /** It does not answer offers. */
        private boolean silent;

        Peer() {
            ChannelFuture bound = new ServerBootstrap()
                    .group(loop)
                    .channel(Transport.NIO.serverChannel())
                    .childHandler(this)
                    .bind(InetAddress.getLoopbackAddress(), 0);
            until(bound::isSuccess);
            listening = bound.channel();
            peers.add(this);
        }

        Server server() {
            HostPort at = HostPort.of((InetSocketAddress) listening.localAddress());
            return new Server(Location.of(at), 0, Optional.empty(), null, null);
        }

        @Override
        protected void initChannel(Channel channel) {
            if (refuses) {
                channel.close();
            } else if (waits) {
                channel.config().setAutoRead(false);
            } else {
                MuxSession session =
                        new MuxSession(MuxSession.Role.SERVER, SETTINGS, this, new SharedBudget(1 << 20), ticker);
                MuxConnection link = new MuxConnection(session);
                links.put(session, link);
                channel.pipeline().addLast(link);
                last = channel;
            }
            accepted++;
        }

        void cut() {
            Objects.requireNonNull(last).close();
        }

        void end() {
            listening.close();
            links.keySet().forEach(session -> session.close(ErrorCode.INTERNAL, "the test is over"));
        }

        void goAway() {
            Objects.requireNonNull(latest).goAway(ErrorCode.DRAINING, "this agent is shutting down");
        }

        @Override
        public void onUp(MuxSession session) {
            latest = session;
            Objects.requireNonNull(last)
                    .eventLoop()
                    .execute(
                            () -> { // when its HELLO has been made
                                sessions.put(session.token().orElseThrow(), session);
                                ups++;
                            });
        }

        @Override
        public boolean onResume(MuxSession fresh, Token token, long peerHas) {
            MuxSession session = sessions.get(token);
            if (session == null) {
                return false;
            }
            Objects.requireNonNull(links.get(fresh)).carry(session, loop, peerHas, () -> {});
            resumed++;
            return true;
        }

        @Override
        public void onStream(MuxSession session, MuxStream stream) {
            offers.add(stream);
            stream.attach(new StreamListener() {
                @Override
                public void onData(MuxStream from, ByteBuf data) {
                    data.release();
                }

                @Override
                public void onFin(MuxStream from) {
                    offers.remove(from);
                }

                @Override
                public void onReset(MuxStream from, ErrorCode code, String text) {
                    offers.remove(from);
                }
            });
            if (silent) {
                unanswered.add(stream);
            } else {
                stream.accept();
            }
        }

        /** What it has not answered. */
        void answer() {
            silent = false;
            unanswered.forEach(MuxStream::accept);
            unanswered.clear();
        }

        @Override
        public void onClosed(MuxSession session, ErrorCode code, String text) {}
    }
}
