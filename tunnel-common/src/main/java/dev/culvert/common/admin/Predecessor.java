package dev.culvert.common.admin;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.mux.SystemError;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.DomainSocketAddress;
import io.netty.channel.unix.DomainSocketReadMode;
import io.netty.channel.unix.FileDescriptor;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMethod;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The agent whose place this process takes: it passes the sockets that it listens on ({@link HandOver}), and drains
 * when this process is ready and says so. Blocks; not for event loops.
 */
public final class Predecessor {
    private static final Logger LOG = LoggerFactory.getLogger(Predecessor.class);

    private final String address;
    private final EpollDomainSocketChannel channel;
    private final BlockingQueue<Object> received;
    private final List<ListeningSocket> sockets = new ArrayList<>();

    /**
     * Gets the sockets.
     *
     * @param loops epoll event loops
     * @param address of its admin endpoint
     * @throws IOException with a sentence for the user, and nothing has changed
     */
    public static Predecessor find(EventLoopGroup loops, String address) throws IOException, InterruptedException {
        if (!Epoll.isAvailable()) {
            throw new IOException("cannot take over from another process: " + Transport.whyNoEpoll());
        }
        if (!address.startsWith("/")) {
            throw new IOException("to take over takes the unix socket of the agent that runs; admin.listen has none");
        }
        BlockingQueue<Object> received = new LinkedBlockingQueue<>();
        var connecting = new Bootstrap()
                .group(loops)
                .channel(EpollDomainSocketChannel.class)
                .handler(AdminRequests.sending(new Receiving(received)))
                .connect(new DomainSocketAddress(address));
        if (!connecting.await(AdminRequests.PATIENCE_SECONDS, TimeUnit.SECONDS)) {
            connecting.cancel(true);
            throw noAnswer(address);
        }
        if (!connecting.isSuccess()) {
            throw new NobodyToAsk(
                    "nobody answers on " + address
                            + ", so there is no agent to take over from: `run` starts one. ("
                            + SystemError.words(connecting.cause()) + ")",
                    connecting.cause());
        }
        Predecessor found = new Predecessor(address, (EpollDomainSocketChannel) connecting.channel(), received);
        found.take();
        return found;
    }

    private Predecessor(String address, EpollDomainSocketChannel channel, BlockingQueue<Object> received) {
        this.address = address;
        this.channel = channel;
        this.received = received;
    }

    private void take() throws IOException, InterruptedException {
        List<? extends Config> list =
                ConfigFactory.parseString(ask(HandOver.LIST)).getConfigList("sockets");
        channel.config().setReadMode(DomainSocketReadMode.FILE_DESCRIPTORS);
        for (Config one : list) {
            post(HandOver.NEXT);
            if (!(receive() instanceof FileDescriptor socket)) {
                throw goneAway();
            }
            sockets.add(new ListeningSocket(one.getString("place"), one.getString("address"), socket.intValue()));
        }
        channel.config().setReadMode(DomainSocketReadMode.BYTES);
    }

    /** What it listens on. */
    public List<ListeningSocket> sockets() {
        return sockets.stream().filter(socket -> !AdminServer.isFrom(socket)).toList();
    }

    /** What its admin endpoint listens on. */
    public List<ListeningSocket> adminSockets() {
        return sockets.stream().filter(AdminServer::isFrom).toList();
    }

    /**
     * Has it accept no more, and drain. If it has died, what it listened on is this process's all the more.
     *
     * @throws IOException with a sentence for the user: it goes on
     */
    public void leave() throws IOException, InterruptedException {
        try {
            ask(HandOver.READY);
        } catch (GoneException e) {
            LOG.warn("the agent before this one has ended by itself, and what it carried with it");
        }
    }

    /** When its process has ended. */
    public CompletableFuture<Void> ended() {
        CompletableFuture<Void> ended = new CompletableFuture<>();
        channel.closeFuture().addListener(closed -> ended.complete(null));
        return ended;
    }

    /** As SIGTERM, if it still drains: it is not to take longer than this process from here on. */
    public void terminate() {
        if (channel.isActive()) {
            post(HandOver.END);
        }
    }

    private void post(String path) {
        channel.writeAndFlush(AdminRequests.request(HttpMethod.POST, path));
    }

    private String ask(String path) throws IOException, InterruptedException {
        post(path);
        if (!(receive() instanceof FullHttpResponse response)) {
            throw goneAway();
        }
        String text = response.content().toString(StandardCharsets.UTF_8);
        response.release();
        if (response.status().code() != 200) {
            throw new IOException("the agent on " + address + " does not give its place away: " + text.strip());
        }
        return text;
    }

    private Object receive() throws IOException, InterruptedException {
        Object message = received.poll(AdminRequests.PATIENCE_SECONDS, TimeUnit.SECONDS);
        if (message == null) {
            channel.close();
            throw noAnswer(address);
        }
        return message;
    }

    private static IOException noAnswer(String address) {
        return new IOException("no answer from " + address + " within " + AdminRequests.PATIENCE_SECONDS
                + " s, so the agent there goes on, if it does");
    }

    private IOException goneAway() {
        return new GoneException("the agent on " + address + " has closed the connection");
    }

    /** It has ended, or crashed. */
    private static final class GoneException extends IOException {
        private static final long serialVersionUID = 1;

        GoneException(String message) {
            super(message);
        }
    }

    private static final class Receiving extends ChannelInboundHandlerAdapter {
        private static final Object END = new Object();

        private final BlockingQueue<Object> received;

        Receiving(BlockingQueue<Object> received) {
            this.received = received;
        }

        @Override
        public void channelRead(ChannelHandlerContext ctx, Object message) {
            received.add(message);
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            received.add(END);
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            LOG.debug("hand-over: {}", cause.toString());
            ctx.close();
        }
    }
}
