package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.mux.HostPort;
import io.netty.channel.Channel;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.DuplexChannel;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which congestion control sockets have. */
class LoopbackTest {
    private EventLoopGroup loops;

    @BeforeEach
    void start() {
        assumeTrue(Epoll.isAvailable());
        loops = Transport.EPOLL.newEventLoops(1, "loop");
    }

    @AfterEach
    void stop() {
        if (loops != null) {
            loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"127.0.0.1", "127.8.9.10"})
    void bothEndsOfALoopbackConnectionHaveReno(String address) throws Exception {
        EventLoop loop = loops.next();
        BlockingQueue<DuplexChannel> accepted = new LinkedBlockingQueue<>();
        Acceptor acceptor = Acceptor.listen(
                Transport.EPOLL,
                loop,
                "test",
                new HostPort(address, 0),
                SocketFile.USUAL,
                1,
                (from, channel) -> accepted.add(channel));
        acceptor.begin();
        Channel dialled = new Dialer(Transport.EPOLL, Duration.ofSeconds(10))
                .dial(loop, acceptor.address(), any -> true)
                .sync()
                .getNow();
        DuplexChannel other = accepted.poll(10, TimeUnit.SECONDS);
        assertThat(other).isNotNull();
        try {
            assertThat(CongestionControl.of(dialled)).isEqualTo("reno");
            assertThat(CongestionControl.of(other)).isEqualTo("reno");
        } finally {
            other.unsafe().closeForcibly();
            dialled.close().sync();
            acceptor.close(false);
        }
    }

    @Test
    void everyOtherSocketHasTheDefaultOfTheSystem() throws Exception {
        EpollSocketChannel plain = new EpollSocketChannel();
        EpollSocketChannel far = new EpollSocketChannel();
        try {
            Loopback.fit(far, new InetSocketAddress("192.0.2.1", 1));

            assertThat(CongestionControl.of(far)).isEqualTo(CongestionControl.of(plain));
        } finally {
            plain.unsafe().closeForcibly();
            far.unsafe().closeForcibly();
        }
    }
}
