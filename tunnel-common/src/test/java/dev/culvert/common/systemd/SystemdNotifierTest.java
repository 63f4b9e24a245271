package dev.culvert.common.systemd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.common.net.Transport;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainDatagramChannel;
import io.netty.channel.unix.DomainDatagramPacket;
import io.netty.channel.unix.DomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(20)
@SuppressWarnings("NullAway.Init")
class SystemdNotifierTest {
    @TempDir
    Path directory;

    private final BlockingQueue<String> received = new LinkedBlockingQueue<>();
    private EventLoopGroup loops;

    @BeforeEach
    void start() {
        assumeTrue(Epoll.isAvailable());
        loops = Transport.EPOLL.newEventLoops(2, "notify");
    }

    @AfterEach
    void stop() {
        if (loops != null) {
            loops.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }

    @Test
    void theWatchdogIsForThisProcessOnly() {
        assertThat(SystemdNotifier.watchdog(Map.of("WATCHDOG_USEC", "15000000"), 7))
                .contains(Duration.ofSeconds(15));
        assertThat(SystemdNotifier.watchdog(Map.of("WATCHDOG_USEC", "15000000", "WATCHDOG_PID", "7"), 7))
                .contains(Duration.ofSeconds(15));
        assertThat(SystemdNotifier.watchdog(Map.of("WATCHDOG_USEC", "15000000", "WATCHDOG_PID", "8"), 7))
                .isEmpty();
        assertThat(SystemdNotifier.watchdog(Map.of(), 7)).isEmpty();
        assertThat(SystemdNotifier.watchdog(Map.of("WATCHDOG_USEC", "soon"), 7)).isEmpty();
    }

    @Test
    void messagesArriveOneADatagramAndInOrder() throws Exception {
        String path = directory.resolve("notify").toString();
        listen(path);

        SystemdNotifier notifier = notifier(path);
        notifier.status("starting");
        notifier.ready();
        notifier.stopping();

        assertThat(received.take()).isEqualTo("STATUS=starting");
        assertThat(received.take()).isEqualTo("READY=1");
        assertThat(received.take()).isEqualTo("STOPPING=1");
    }

    @Test
    void aNameWithAnAtSignIsAbstract() throws Exception {
        String name = "culvert-test-" + UUID.randomUUID();
        listen("\0" + name);

        notifier("@" + name).ready();

        assertThat(received.take()).isEqualTo("READY=1");
    }

    @Test
    void aStatusIsOneLineInUtf8() throws Exception {
        String path = directory.resolve("notify").toString();
        listen(path);

        notifier(path).status("draining\r\n3 streams\nREADY=1 \u2713");

        assertThat(received.take()).isEqualTo("STATUS=draining 3 streams READY=1 \u2713");
    }

    @Test
    void manyMessagesOfOneThreadStayInOrder() throws Exception {
        String path = directory.resolve("notify").toString();
        listen(path);
        SystemdNotifier notifier = notifier(path);

        for (int i = 0; i < 1000; i++) {
            notifier.status(String.valueOf(i));
        }

        for (int i = 0; i < 1000; i++) {
            assertThat(received.take()).isEqualTo("STATUS=" + i);
        }
    }

    @Test
    void withoutASocketNothingHappens() {
        SystemdNotifier notifier = SystemdNotifier.fromEnvironment(Map.of(), loops);

        assertThatCode(notifier::ready).doesNotThrowAnyException();
    }

    @Test
    void aSocketThatIsNotThereIsNoError() {
        SystemdNotifier notifier = notifier(directory.resolve("nobody").toString());

        assertThatCode(notifier::ready).doesNotThrowAnyException();
    }

    @Test
    void anAddressOfAnotherKindIsNoError() {
        SystemdNotifier notifier = notifier("vsock:2:1234");

        assertThatCode(notifier::ready).doesNotThrowAnyException();
    }

    @Test
    void loopsOfAnotherTransportAreNoError() {
        EventLoopGroup nio = Transport.NIO.newEventLoops(1, "nio");
        try {
            SystemdNotifier notifier = SystemdNotifier.fromEnvironment(
                    Map.of("NOTIFY_SOCKET", directory.resolve("x").toString()), nio);

            assertThatCode(notifier::ready).doesNotThrowAnyException();
        } finally {
            nio.shutdownGracefully(0, 0, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }

    @Test
    void loopsThatHaveEndedAreNoError() throws Exception {
        String path = directory.resolve("notify").toString();
        listen(path);
        SystemdNotifier notifier = notifier(path);
        notifier.ready();
        received.take();

        stop();

        assertThatCode(notifier::stopping).doesNotThrowAnyException();
    }

    private SystemdNotifier notifier(String socket) {
        return SystemdNotifier.fromEnvironment(Map.of("NOTIFY_SOCKET", socket), loops);
    }

    private void listen(String path) {
        new Bootstrap()
                .group(loops)
                .channel(EpollDomainDatagramChannel.class)
                .handler(new SimpleChannelInboundHandler<DomainDatagramPacket>() {
                    @Override
                    protected void channelRead0(ChannelHandlerContext ctx, DomainDatagramPacket packet) {
                        received.add(packet.content().toString(StandardCharsets.UTF_8));
                    }
                })
                .bind(new DomainSocketAddress(path))
                .syncUninterruptibly();
    }
}
