package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.mux.HostPort;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.SocketChannel;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class AcceptorTest {
    private static final Path SOCKETS_OF_IPV4 = Path.of("/proc/net/tcp");

    @ParameterizedTest
    @EnumSource(Transport.class)
    void acceptsSmallPacketsAtOnceAndWatchesForDeadPeers(Transport transport) throws Exception {
        assumeTrue(transport == Transport.NIO || Epoll.isAvailable());
        EventLoopGroup loops = transport.newEventLoops(1, "loop");
        BlockingQueue<DuplexChannel> accepted = new LinkedBlockingQueue<>();
        Acceptor acceptor = listen(transport, loops, accepted);
        try (Socket client = new Socket(InetAddress.getLoopbackAddress(), port(acceptor))) {
            DuplexChannel channel = accepted.poll(10, TimeUnit.SECONDS);

            assertThat(channel).isInstanceOf(SocketChannel.class);
            SocketChannel tcp = (SocketChannel) channel;
            assertThat(tcp.remoteAddress().getPort()).isEqualTo(client.getLocalPort());
            assertThat(tcp.config().isTcpNoDelay()).isTrue();
            assertThat(tcp.config().isKeepAlive()).isTrue();
            assertThat(tcp.config().isAutoRead()).isFalse();
            channel.unsafe().closeForcibly();
        } finally {
            acceptor.close(false);
            loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void listensOnAnIpv4AddressWithASocketOfIpv4(Transport transport) throws Exception {
        assumeTrue(Files.isReadable(SOCKETS_OF_IPV4), "needs " + SOCKETS_OF_IPV4);
        assumeTrue(transport == Transport.NIO || Epoll.isAvailable());
        EventLoopGroup loops = transport.newEventLoops(1, "loop");
        Acceptor acceptor = listen(transport, loops, new LinkedBlockingQueue<>());
        try {
            String local = "0100007F:%04X".formatted(port(acceptor));

            assertThat(Files.readString(SOCKETS_OF_IPV4)).contains(" " + local + " 00000000:0000 0A ");
        } finally {
            acceptor.close(false);
            loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void saysWhatToDoAboutAnAddressThatIsNotHere(Transport transport) {
        assumeTrue(transport == Transport.NIO || Epoll.isAvailable());
        EventLoopGroup loops = transport.newEventLoops(1, "loop");
        try {
            HostPort elsewhere = new HostPort("192.0.2.1", 0); // TEST-NET-1, RFC 5737

            assertThatThrownBy(() -> Acceptor.listen(
                            transport,
                            loops.next(),
                            "forwards.web",
                            elsewhere,
                            SocketFile.USUAL,
                            1,
                            (from, channel) -> {}))
                    .isInstanceOf(IOException.class)
                    .hasMessageStartingWith("forwards.web: cannot listen on 192.0.2.1:0: ")
                    .hasMessageContaining("This machine has no such address; `ip address` names those it has.");
        } finally {
            loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
        }
    }

    @ParameterizedTest
    @EnumSource(Transport.class)
    void aLinkLocalAddressHasAnInterface(Transport transport) {
        EventLoopGroup loops = transport.newEventLoops(1, "loop");
        try {
            assertThatThrownBy(() -> Acceptor.listen(
                            transport,
                            loops.next(),
                            "forwards.web",
                            HostPort.parse("[fe80::1]:0"),
                            SocketFile.USUAL,
                            1,
                            (from, channel) -> {}))
                    .hasMessageEndingWith(
                            "a link-local address takes the name of its interface, as in [fe80::1%wlan0]:8080");
        } finally {
            loops.shutdownGracefully(0, 0, TimeUnit.MILLISECONDS).syncUninterruptibly();
        }
    }

    private static int port(Acceptor acceptor) {
        return ((HostPort) acceptor.address()).port();
    }

    private static Acceptor listen(Transport transport, EventLoopGroup loops, BlockingQueue<DuplexChannel> accepted)
            throws Exception {
        Acceptor acceptor = Acceptor.listen(
                transport,
                loops.next(),
                "test",
                new HostPort("127.0.0.1", 0),
                SocketFile.USUAL,
                1,
                (from, channel) -> accepted.add(channel));
        acceptor.begin();
        return acceptor;
    }
}
