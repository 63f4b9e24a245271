package dev.culvert.mux.example;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.SessionListener;
import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.HttpServerCodec;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Queue;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The example as it would be deployed: HTTP, one or ten sessions, the service; each over a socket. */
class RandExampleTest {
    private static final int REQUESTS = 400;
    /** The peer is this library, which keeps at a FIN what was not read: no FIN has to wait. */
    private static final MuxSettings.StockPeer KEEPS_UNREAD =
            new MuxSettings.StockPeer(4 << 20, true, Duration.ofSeconds(60), Duration.ofMillis(10), Duration.ZERO);

    /** Sessions are accepted on several threads, and two with one seed would give the same numbers. */
    private final AtomicLong seeds = new AtomicLong(20261122);

    private final EventLoopGroup loops = new MultiThreadIoEventLoopGroup(2, NioIoHandler.newFactory());
    private final Queue<MuxSession> serving = new ConcurrentLinkedQueue<>();

    @AfterEach
    void stop() {
        loops.shutdownGracefully(0, 5, TimeUnit.SECONDS).syncUninterruptibly();
    }

    @ParameterizedTest
    @CsvSource({"CULVERT,1", "CULVERT,10", "SMUX_2,1", "SMUX_2,10", "SMUX_1,1", "SMUX_1,10"})
    void everyRequestGetsANumberOfItsOwn(ProtocolVersion version, int sessions) throws Exception {
        MuxSettings settings = MuxSettings.of(version).with(KEEPS_UNREAD);
        InetSocketAddress service = listen(() -> {
            RandService numbers = new RandService(new Random(seeds.getAndIncrement()));
            MuxSession session = new MuxSession(MuxSession.Role.SERVER, settings, numbers);
            serving.add(session);
            return new ChannelHandler[] {new MuxConnection(session)};
        });
        List<RandGateway.Upstream> pool = new ArrayList<>();
        for (int i = 0; i < sessions; i++) {
            pool.add(connect(service, settings));
        }
        RandGateway gateway = new RandGateway(pool);
        InetSocketAddress http = listen(() -> new ChannelHandler[] {new HttpServerCodec(), gateway});

        assertThat(getAll(URI.create("http://127.0.0.1:" + http.getPort() + "/rand")))
                .hasSize(REQUESTS);
        assertThat(serving).hasSize(sessions);
        for (RandGateway.Upstream upstream : pool) {
            Awaitility.await()
                    .until(() -> upstream.loop()
                                    .submit(upstream.session()::streamCount)
                                    .get()
                            == 0);
        }
    }

    /** The different answers. */
    private static Set<String> getAll(URI uri) throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        Set<String> numbers = new HashSet<>();
        List<CompletableFuture<HttpResponse<String>>> answers = new ArrayList<>();
        for (int i = 0; i < REQUESTS; i++) {
            answers.add(client.sendAsync(HttpRequest.newBuilder(uri).build(), HttpResponse.BodyHandlers.ofString()));
            if (answers.size() == 20) {
                for (var answer : answers) {
                    HttpResponse<String> response = answer.get(10, TimeUnit.SECONDS);
                    assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
                    numbers.add(response.body());
                }
                answers.clear();
            }
        }
        return numbers;
    }

    private InetSocketAddress listen(Supplier<ChannelHandler[]> handlers) {
        Channel channel = new ServerBootstrap()
                .group(loops)
                .channel(NioServerSocketChannel.class)
                .childHandler(new ChannelInitializer<>() {
                    @Override
                    protected void initChannel(Channel accepted) {
                        accepted.pipeline().addLast(handlers.get());
                    }
                })
                .bind(InetAddress.getLoopbackAddress(), 0)
                .syncUninterruptibly()
                .channel();
        return (InetSocketAddress) channel.localAddress();
    }

    private RandGateway.Upstream connect(InetSocketAddress service, MuxSettings settings) throws Exception {
        CompletableFuture<MuxSession> up = new CompletableFuture<>();
        MuxSession session = new MuxSession(MuxSession.Role.CLIENT, settings, new SessionListener() {
            @Override
            public void onUp(MuxSession opened) {
                up.complete(opened);
            }

            @Override
            public void onStream(MuxSession opened, MuxStream stream) {
                stream.reset(ErrorCode.REFUSED, "a gateway serves nobody");
            }

            @Override
            public void onClosed(MuxSession closed, ErrorCode code, String text) {
                up.completeExceptionally(new IllegalStateException(text));
            }
        });
        Channel channel = new Bootstrap()
                .group(loops)
                .channel(NioSocketChannel.class)
                .handler(new MuxConnection(session))
                .connect(service)
                .sync()
                .channel();
        return new RandGateway.Upstream(up.get(10, TimeUnit.SECONDS), channel.eventLoop());
    }
}
