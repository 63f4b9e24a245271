package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelException;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.socket.DatagramChannel;
import io.netty.channel.socket.SocketChannel;
import io.netty.resolver.dns.SingletonDnsServerAddressStreamProvider;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Real sockets on loopback, where 127.0.0.1 lives and 127.0.0.2 is dead or deaf, at the same port. */
@ParameterizedClass
@EnumSource(Transport.class)
@Timeout(20)
@SuppressWarnings({"NullAway.Init", "FutureReturnValueIgnored"})
class DialerTest {
    private static final Duration LONG = Duration.ofSeconds(15);
    private static final Duration SHORT = Duration.ofMillis(300);
    private static final InetAddress ALIVE = address("127.0.0.1");
    private static final InetAddress DEAD = address("127.0.0.2");

    @Parameter
    Transport transport;

    @TempDir
    Path directory;

    private final BlockingQueue<SocketChannel> sockets = new LinkedBlockingQueue<>();
    private EventLoopGroup loops;
    private EventLoop loop;
    private NameServer names;
    private ServerSocket living;
    private int port;

    @BeforeEach
    void start() throws IOException {
        assumeTrue(transport == Transport.NIO || Epoll.isAvailable());
        loops = transport.newEventLoops(2, "dialer");
        loop = loops.next();
        names = new NameServer(transport, loops);
        living = new ServerSocket(0, 50, ALIVE);
        port = living.getLocalPort();
    }

    @AfterEach
    void stop() throws IOException {
        loops.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
        living.close();
    }

    @Test
    void aNameIsResolvedAndConnected() throws Exception {
        names.put("db.test", 60, "127.0.0.1");

        Channel channel = connect("db.test");

        assertThat(channel.remoteAddress()).isEqualTo(new InetSocketAddress(ALIVE, port));
        try (Socket accepted = living.accept()) {
            assertThat(accepted.getPort()).isEqualTo(((InetSocketAddress) channel.localAddress()).getPort());
        }
    }

    @Test
    void theChannelIsRegisteredOnTheLoopAndTheFutureCompletesThere() throws Exception {
        names.put("db.test", 60, "127.0.0.1");
        var completedOn = loop.<Boolean>newPromise();

        Future<Channel> dial = dialer(LONG).dial(loop, new HostPort("db.test", port), DialerTest::any);
        dial.addListener(done -> completedOn.setSuccess(loop.inEventLoop()));

        assertThat(dial.sync().getNow().eventLoop()).isSameAs(loop);
        assertThat(completedOn.sync().getNow()).isTrue();
    }

    @Test
    void aDialCanBeginOnTheLoop() throws Exception {
        Dialer dialer = dialer(LONG);

        Future<Channel> dial = loop.submit(() -> dialer.dial(loop, new HostPort("127.0.0.1", port), DialerTest::any))
                .get();

        assertThat(dial.sync().getNow().isActive()).isTrue();
    }

    /** The loop, which has just connected, cannot notice that the target has accepted before the dial is cancelled. */
    @Test
    void aTargetSeesAResetWhereNobodyWaitsForItAnyMore() throws Exception {
        CompletableFuture<Future<Channel>> dial = new CompletableFuture<>();
        CompletableFuture<Socket> accepted = new CompletableFuture<>();
        dial.complete(dialer(LONG).dial(loop, new HostPort("127.0.0.1", port), address -> {
            loop.execute(() -> {
                accepted.orTimeout(10, TimeUnit.SECONDS).join();
                dial.join().cancel(false);
            });
            return true;
        }));
        try (Socket target = living.accept()) {
            accepted.complete(target);

            target.setSoTimeout(10_000);
            assertThatThrownBy(() -> target.getInputStream().read())
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("reset");
            assertThat(dial.join().isCancelled()).isTrue();
        }
    }

    @Test
    void aSocketForDatagramsIsConnectedToTheAddressThatWasLookedAt() throws Exception {
        names.put("dns.test", 60, "127.0.0.2", "127.0.0.1");
        List<InetSocketAddress> seen = new CopyOnWriteArrayList<>();

        DatagramChannel channel = dialer(LONG)
                .dialDatagrams(loop, new HostPort("dns.test", port), address -> {
                    seen.add(address);
                    return address.getAddress().equals(ALIVE);
                })
                .sync()
                .getNow();

        assertThat(seen).hasSize(2);
        assertThat(channel.remoteAddress()).isEqualTo(new InetSocketAddress(ALIVE, port));
        assertThat(channel.eventLoop()).isSameAs(loop);
        assertThat(channel.config().isAutoRead()).isFalse();
    }

    @Test
    void noSocketForDatagramsIsConnectedToWhatIsNotAllowedOrHasNoName() {
        names.put("dns.test", 60, "127.0.0.1");

        Future<?> forbidden = dialer(LONG)
                .dialDatagrams(loop, new HostPort("dns.test", 53), address -> false)
                .awaitUninterruptibly();
        Future<?> nameless = dialer(LONG)
                .dialDatagrams(loop, new HostPort("none.test", 53), DialerTest::any)
                .awaitUninterruptibly();

        assertThat(forbidden.cause())
                .isInstanceOfSatisfying(
                        DialFailure.class, failure -> assertThat(failure.code()).isEqualTo(ErrorCode.FORBIDDEN))
                .hasMessage("dns.test:53: forbidden; tried 127.0.0.1:53 (not allowed)");
        assertThat(nameless.cause())
                .isInstanceOfSatisfying(
                        DialFailure.class, failure -> assertThat(failure.code()).isEqualTo(ErrorCode.NAME_NOT_FOUND));
    }

    @Test
    void theLastAckOfTheHandshakeWaitsForDataThatIsThere() throws Exception {
        assumeTrue(transport == Transport.EPOLL, "NIO has no such option");
        try (BlackHole deaf = new BlackHole(DEAD, 0)) {
            for (boolean dataWaits : new boolean[] {true, false}) {
                Future<Channel> dial =
                        dialer(LONG).dial(loop, HostPort.of(deaf.address()), DialerTest::any, () -> dataWaits);
                SocketChannel connecting = sockets.take();
                loop.submit(() -> {}).sync(); // what it was at is done: the socket connects

                assertThat(connecting.config().getOption(EpollChannelOption.TCP_QUICKACK))
                        .isEqualTo(!dataWaits);
                dial.cancel(false);
                connecting.closeFuture().sync();
            }
        }
    }

    @Test
    void whatWaitsForATargetReachesIt() throws Exception {
        Channel channel = dialer(LONG)
                .dial(loop, new HostPort("127.0.0.1", port), DialerTest::any, () -> true)
                .sync()
                .getNow();
        channel.writeAndFlush(Unpooled.copiedBuffer("hello", StandardCharsets.US_ASCII));

        try (Socket accepted = living.accept()) {
            assertThat(accepted.getInputStream().readNBytes(5)).isEqualTo("hello".getBytes(StandardCharsets.US_ASCII));
        }
    }

    @Test
    void theChannelReadsNothingUntilItIsTold() throws Exception {
        Channel channel = connect("127.0.0.1");

        assertThat(channel.config().isAutoRead()).isFalse();
        assertThat(channel.config().getOption(ChannelOption.ALLOW_HALF_CLOSURE)).isTrue();
        assertThat(channel.config().getOption(ChannelOption.TCP_NODELAY)).isTrue();
        assertThat(channel.config().getOption(ChannelOption.SO_KEEPALIVE)).isTrue();
    }

    @Test
    void aLivingAddressIsFoundBehindADeadOne() throws Exception {
        names.put("db.test", 60, "127.0.0.2", "127.0.0.1");

        Channel channel = connect("db.test");

        assertThat(channel.remoteAddress()).isEqualTo(new InetSocketAddress(ALIVE, port));
    }

    @Test
    void aLivingAddressIsFoundBehindADeafOne() throws Exception {
        try (BlackHole deaf = new BlackHole(DEAD, port)) {
            names.put("db.test", 60, "127.0.0.2", "127.0.0.1");

            Channel channel = connect("db.test");

            assertThat(channel.remoteAddress()).isEqualTo(new InetSocketAddress(ALIVE, port));
            assertThat(sockets.take().closeFuture().sync().isSuccess()).isTrue();
            assertThat(deaf.address().getPort()).isEqualTo(port);
        }
    }

    @Test
    void bothFamiliesAreAskedFor() throws Exception {
        names.put("db.test", 60, "127.0.0.1");

        connect("db.test");

        assertThat(names.questions()).containsExactlyInAnyOrder("A db.test", "AAAA db.test");
    }

    @Test
    void anAddressInTextIsNotLookedUp() throws Exception {
        connect("127.0.0.1");

        assertThat(names.questions()).isEmpty();
    }

    @Test
    void theHostsFileComesBeforeDns() throws Exception {
        Files.writeString(directory.resolve("hosts"), "127.0.0.1 localhost\n127.0.0.1 db.test\n");

        connect("localhost");
        connect("db.test");

        assertThat(names.questions()).isEmpty();
    }

    @Test
    void anAnswerWithoutTimeToLiveIsAskedForAgain() throws Exception {
        Dialer dialer = dialer(LONG);
        names.put("db.test", 0, "127.0.0.2");
        fail(dialer, "db.test");

        names.put("db.test", 0, "127.0.0.1");

        assertThat(dialer.dial(loop, new HostPort("db.test", port), DialerTest::any)
                        .sync()
                        .isSuccess())
                .isTrue();
    }

    @Test
    void oneWithAnotherDeadlineKnowsWhatHasBeenAnswered() throws Exception {
        Dialer dialer = dialer(LONG);
        names.put("db.test", 60, "127.0.0.1");
        HostPort target = new HostPort("db.test", port);

        dialer.dial(loop, target, DialerTest::any).sync();
        Dialer patient = dialer.within(LONG.multipliedBy(2));
        patient.dial(loop, target, DialerTest::any).sync();

        assertThat(patient.timeout()).isEqualTo(LONG.multipliedBy(2));
        assertThat(names.questions()).hasSize(2);
    }

    @Test
    void anAnswerIsKeptForItsTimeToLive() throws Exception {
        Dialer dialer = dialer(LONG);
        names.put("db.test", 60, "127.0.0.1");

        dialer.dial(loop, new HostPort("db.test", port), DialerTest::any).sync();
        dialer.dial(loops.next(), new HostPort("db.test", port), DialerTest::any)
                .sync();

        assertThat(names.questions()).hasSize(2);
    }

    @Test
    void aClosedPortIsRefused() throws Exception {
        names.put("db.test", 60, "127.0.0.2", "127.0.0.3");

        DialFailure failure = fail(dialer(LONG), "db.test");

        assertThat(failure.code()).isEqualTo(ErrorCode.CONNECTION_REFUSED);
        assertThat(failure)
                .hasMessage(("db.test:%d: connection refused; tried 127.0.0.2:%<d (connection refused), "
                                + "127.0.0.3:%<d (connection refused)")
                        .formatted(port));
    }

    @Test
    void anUnknownNameIsNotFound() throws Exception {
        DialFailure failure = fail(dialer(LONG), "nowhere.test");

        assertThat(failure.code()).isEqualTo(ErrorCode.NAME_NOT_FOUND);
        assertThat(failure).hasMessageContaining("its name does not resolve");
    }

    @Test
    void aNameThatDnsCannotCarryIsNotFound() throws Exception {
        assertThat(fail(dialer(LONG), "a..test").code()).isEqualTo(ErrorCode.NAME_NOT_FOUND);
        assertThat(fail(dialer(LONG), "a".repeat(64) + ".test").code()).isEqualTo(ErrorCode.NAME_NOT_FOUND);
    }

    @Test
    void aLostQuestionIsAskedAgain() throws Exception {
        names.put("db.test", 60, "127.0.0.1");
        names.ignore(2);

        assertThat(connect("db.test").isActive()).isTrue();
    }

    @Test
    void aNameServerThatDoesNotAnswerIsATimeout() throws Exception {
        names.ignore(Integer.MAX_VALUE);

        DialFailure failure = fail(dialer(LONG), "db.test");

        assertThat(failure.code()).isEqualTo(ErrorCode.TIMEOUT);
        assertThat(failure).hasMessage("db.test:%d: no name server answered".formatted(port));
    }

    @Test
    void aDialThatIsStillResolvingAtItsDeadlineIsATimeout() throws Exception {
        names.ignore(Integer.MAX_VALUE);

        DialFailure failure = fail(dialer(SHORT), "db.test");

        assertThat(failure.code()).isEqualTo(ErrorCode.TIMEOUT);
        assertThat(failure)
                .hasMessage("db.test:%d: not connected within 300 ms; its name was not resolved yet".formatted(port));
    }

    @Test
    void aTargetThatDoesNotAnswerIsATimeout() throws Exception {
        try (BlackHole deaf = new BlackHole(DEAD, 0)) {
            HostPort target = HostPort.of(deaf.address());

            DialFailure failure = failure(dialer(SHORT).dial(loop, target, DialerTest::any));

            assertThat(failure.code()).isEqualTo(ErrorCode.TIMEOUT);
            assertThat(failure).hasMessage("%s: not connected within 300 ms".formatted(target));
            assertThat(sockets.take().closeFuture().sync().isSuccess()).isTrue();
        }
    }

    @Test
    void aTargetWithoutAnAllowedAddressIsForbiddenAndNotDialled() throws Exception {
        names.put("db.test", 60, "127.0.0.1");

        DialFailure failure = failure(dialer(LONG).dial(loop, new HostPort("db.test", port), address -> false));

        assertThat(failure.code()).isEqualTo(ErrorCode.FORBIDDEN);
        assertThat(sockets).isEmpty();
    }

    @Test
    void theFilterSeesEachAddress() throws Exception {
        names.put("db.test", 60, "127.0.0.2", "::1", "127.0.0.1");
        Queue<InetSocketAddress> seen = new ConcurrentLinkedQueue<>();

        failure(dialer(LONG).dial(loop, new HostPort("db.test", port), address -> {
            seen.add(address);
            return false;
        }));

        assertThat(seen)
                .containsExactly(
                        new InetSocketAddress(NetUtil.LOCALHOST6, port),
                        new InetSocketAddress(DEAD, port),
                        new InetSocketAddress(ALIVE, port));
    }

    /** A name server of the attacker's answers with another address as soon as the first one has been looked at. */
    @Test
    void theAddressThatWasCheckedIsTheOneThatIsDialled() throws Exception {
        Dialer dialer = dialer(LONG);
        HostPort target = new HostPort("db.test", port);
        Predicate<InetSocketAddress> onlyAlive = address -> {
            names.put("db.test", 0, "127.0.0.2");
            return address.getAddress().equals(ALIVE);
        };
        try (ServerSocket rebound = new ServerSocket(port, 50, DEAD)) {
            names.put("db.test", 0, "127.0.0.1"); // to be asked for each time

            Channel channel = dialer.dial(loop, target, onlyAlive).sync().getNow();

            assertThat(channel.remoteAddress()).isEqualTo(new InetSocketAddress(ALIVE, port));
            assertThat(failure(dialer.dial(loop, target, onlyAlive)).code()).isEqualTo(ErrorCode.FORBIDDEN);
            assertThat(sockets).hasSize(1);
            assertThat(rebound.isBound()).isTrue();
        }
    }

    @Test
    void aNameThatLeadsToThisMachineIsDialledOnlyWhereARuleHasTheAddress() throws Exception {
        names.put("db.test", 60, "127.0.0.1");
        HostPort target = new HostPort("db.test", port);
        AllowList byName = new AllowList(List.of(AllowRule.parse("db.test:*"), AllowRule.parse("*:*")));
        AllowList byAddress = new AllowList(List.of(AllowRule.parse("127.0.0.1:*")));

        DialFailure failure = failure(dialer(LONG).dial(loop, target, address -> byName.allows(target, address)));
        assertThat(failure.code()).isEqualTo(ErrorCode.FORBIDDEN);
        assertThat(sockets).isEmpty();

        assertThat(dialer(LONG)
                        .dial(loop, target, address -> byAddress.allows(target, address))
                        .sync()
                        .isSuccess())
                .isTrue();
    }

    @Test
    void aCancelledDialClosesItsSocket() throws Exception {
        try (BlackHole deaf = new BlackHole(DEAD, 0)) {
            Future<Channel> dial = dialer(LONG).dial(loop, HostPort.of(deaf.address()), DialerTest::any);
            SocketChannel socket = sockets.take();

            assertThat(dial.cancel(false)).isTrue();

            assertThat(socket.closeFuture().sync().isSuccess()).isTrue();
        }
    }

    @Test
    void aDialCancelledWhileItResolvesOpensNoSocket() throws Exception {
        Dialer dialer = dialer(LONG);
        names.put("db.test", 60, "127.0.0.1");

        loop.submit(() -> dialer.dial(loop, new HostPort("db.test", port), DialerTest::any)
                        .cancel(false))
                .sync();
        dialer.dial(loop, new HostPort("db.test", port), DialerTest::any).sync();

        assertThat(sockets).hasSize(1);
    }

    @Test
    void aDialThatNobodyWaitsForAsksNoNameServerAnyMore() throws Exception {
        names.ignore(Integer.MAX_VALUE);
        Dialer dialer = dialer(resolver(LONG), LONG);
        Future<?> tcp = dialer.dial(loop, new HostPort("db.test", port), DialerTest::any);
        Future<?> udp = dialer.dialDatagrams(loop, new HostPort("dns.test", 53), DialerTest::any);
        await().until(() -> names.askers().size() == 4); // A and AAAA for each
        assertThat(names.askers()).noneMatch(DialerTest::isClosed);

        tcp.cancel(false);
        udp.cancel(false);

        await().until(() -> names.askers().stream().allMatch(DialerTest::isClosed));
    }

    @Test
    void aDialThatIsCancelledLeavesTheAnswerToTheOthers() throws Exception {
        names.put("db.test", 60, "127.0.0.1");
        names.ignore(Integer.MAX_VALUE);
        Dialer dialer = dialer(resolver(Duration.ofSeconds(2)), LONG);
        HostPort target = new HostPort("db.test", port);
        Future<Channel> first = dialer.dial(loop, target, DialerTest::any);
        Future<Channel> second = dialer.dial(loop, target, DialerTest::any);
        await().until(() -> names.questions().size() >= 2);

        first.cancel(false);
        names.ignore(0); // when it is asked again

        assertThat(second.sync().getNow().isActive()).isTrue();
        assertThat(sockets).hasSize(1);
    }

    @Test
    void aMissingFileDescriptorIsAReachedLimit() throws Exception {
        Dialer dialer = new Dialer(
                transport,
                to -> {
                    throw new ChannelException(new SocketException("Too many open files"));
                },
                resolver(),
                LONG);

        assertThat(fail(dialer, "127.0.0.1").code()).isEqualTo(ErrorCode.LIMIT_REACHED);
    }

    @Test
    void theMachinesOwnResolverIsTheDefault() throws Exception {
        Future<Channel> dial = new Dialer(transport, LONG).dial(loop, new HostPort("localhost", port), DialerTest::any);

        assertThat(dial.sync().getNow().isActive()).isTrue();
    }

    private static boolean any(InetSocketAddress address) {
        return true;
    }

    private static InetAddress address(String text) {
        return NetUtil.createInetAddressFromIpAddressString(text);
    }

    private Channel connect(String host) throws InterruptedException {
        return dialer(LONG)
                .dial(loop, new HostPort(host, port), DialerTest::any)
                .sync()
                .getNow();
    }

    private DialFailure fail(Dialer dialer, String host) throws InterruptedException {
        return failure(dialer.dial(loop, new HostPort(host, port), DialerTest::any));
    }

    private static DialFailure failure(Future<Channel> dial) throws InterruptedException {
        assertThat(dial.await().cause()).isInstanceOf(DialFailure.class);
        return (DialFailure) dial.cause();
    }

    /** Whether the port of a socket is free again. */
    private static boolean isClosed(InetSocketAddress socket) {
        try (DatagramSocket again = new DatagramSocket(socket.getPort())) {
            return again.isBound();
        } catch (SocketException e) {
            return false;
        }
    }

    private Dialer dialer(Duration timeout) {
        return dialer(resolver(), timeout);
    }

    private Dialer dialer(Resolver resolver, Duration timeout) {
        return new Dialer(
                transport,
                to -> {
                    SocketChannel socket = transport.newSocket(to);
                    sockets.add(socket);
                    return socket;
                },
                resolver,
                timeout);
    }

    private Resolver resolver() {
        return resolver(SHORT);
    }

    private Resolver resolver(Duration patience) {
        HostsFile hosts = new HostsFile(directory.resolve("hosts").toFile());
        return new Resolver(transport, hosts, new SingletonDnsServerAddressStreamProvider(names.address()), patience);
    }
}
