package dev.culvert.common.admin;

import dev.culvert.mux.HostPort;
import dev.culvert.mux.SystemError;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioDomainSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpMethod;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/** Asks a running agent. Blocks: for commands. */
public final class AdminClient implements AutoCloseable {
    /** To do something may take a resolver's time, or another process's to start. */
    private static final int WORK_SECONDS = 60;

    private final EventLoopGroup loop = new MultiThreadIoEventLoopGroup(1, NioIoHandler.newFactory());
    private final String address;

    /** @param address an absolute path, or HOST:PORT */
    public AdminClient(String address) {
        this.address = address;
    }

    /** What it says. */
    public String get(String path) throws IOException, InterruptedException {
        return ask(HttpMethod.GET, path, AdminRequests.PATIENCE_SECONDS);
    }

    /** Has it do something, and returns what it says. */
    public String post(String path) throws IOException, InterruptedException {
        return ask(HttpMethod.POST, path, WORK_SECONDS);
    }

    /** @throws IOException with a sentence for the user: the agent's own, if it answers and will not */
    private String ask(HttpMethod method, String path, int seconds) throws IOException, InterruptedException {
        CompletableFuture<FullHttpResponse> answer = new CompletableFuture<>();
        boolean domain = address.startsWith("/");
        SocketAddress to = domain ? UnixDomainSocketAddress.of(address) : tcp();
        var connecting = new Bootstrap()
                .group(loop)
                .channel(domain ? NioDomainSocketChannel.class : NioSocketChannel.class)
                .handler(AdminRequests.sending(new Answer(answer)))
                .connect(to);
        if (!connecting.await(AdminRequests.PATIENCE_SECONDS, TimeUnit.SECONDS) || !connecting.isSuccess()) {
            throw nobody(address, connecting.cause());
        }
        Channel channel = connecting.channel();
        try {
            channel.writeAndFlush(AdminRequests.request(method, path));
            FullHttpResponse response = answer.get(seconds, TimeUnit.SECONDS);
            String text = response.content().toString(StandardCharsets.UTF_8);
            response.release();
            if (response.status().code() != 200) {
                throw new IOException(text.strip());
            }
            return text;
        } catch (ExecutionException e) {
            throw new IOException("no answer from " + address + ": " + why(e), e);
        } catch (TimeoutException e) {
            throw new IOException(
                    "no answer from " + address + " within " + seconds
                            + " s: the agent there is stopped (`kill -CONT` has it go on), or has too much to do",
                    e);
        } finally {
            channel.close();
        }
    }

    private static String why(ExecutionException e) {
        return SystemError.words(e.getCause() == null ? e : e.getCause());
    }

    /** Nobody answers on {@code address}: a sentence for the user. */
    public static NobodyToAsk nobody(String address, @Nullable Throwable cause) {
        String why =
                cause == null ? "no answer within " + AdminRequests.PATIENCE_SECONDS + " s" : SystemError.words(cause);
        return new NobodyToAsk(
                "nobody answers on " + address + " (" + why
                        + "): is the agent running, and may you write there? Where the"
                        + " directory is not there or the agent may not write to it, it has no socket, which its log says at"
                        + " the start: set admin.listen then. A new admin.listen takes a restart: until then the agent"
                        + " is where it was",
                cause);
    }

    private InetSocketAddress tcp() {
        HostPort parsed = HostPort.parse(address);
        return new InetSocketAddress(parsed.host(), parsed.port());
    }

    private static final class Answer extends SimpleChannelInboundHandler<FullHttpResponse> {
        private final CompletableFuture<FullHttpResponse> answer;

        Answer(CompletableFuture<FullHttpResponse> answer) {
            this.answer = answer;
        }

        @Override
        protected void channelRead0(ChannelHandlerContext ctx, FullHttpResponse response) {
            answer.complete(response.retain());
        }

        @Override
        public void channelInactive(ChannelHandlerContext ctx) {
            answer.completeExceptionally(new IOException("it closed the connection"));
        }

        @Override
        public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
            answer.completeExceptionally(cause);
            ctx.close();
        }
    }

    @Override
    public void close() {
        loop.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    }
}
