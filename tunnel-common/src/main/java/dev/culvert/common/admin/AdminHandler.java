package dev.culvert.common.admin;

import static io.netty.handler.codec.http.HttpResponseStatus.CONFLICT;
import static io.netty.handler.codec.http.HttpResponseStatus.FORBIDDEN;
import static io.netty.handler.codec.http.HttpResponseStatus.INTERNAL_SERVER_ERROR;
import static io.netty.handler.codec.http.HttpResponseStatus.METHOD_NOT_ALLOWED;
import static io.netty.handler.codec.http.HttpResponseStatus.NOT_FOUND;
import static io.netty.handler.codec.http.HttpResponseStatus.OK;
import static io.netty.handler.codec.http.HttpResponseStatus.SERVICE_UNAVAILABLE;

import dev.culvert.common.splice.Hold;
import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.mux.Address;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.channel.socket.DuplexChannel;
import io.netty.channel.socket.DuplexChannelConfig;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpServerCodec;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.QueryStringDecoder;
import io.netty.handler.timeout.ReadTimeoutException;
import io.netty.handler.timeout.ReadTimeoutHandler;
import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Answers one request, then closes; only {@link HandOver} takes several. */
final class AdminHandler extends SimpleChannelInboundHandler<FullHttpRequest> {
    private static final Logger LOG = LoggerFactory.getLogger(AdminHandler.class);
    private static final String TEXT = "text/plain; charset=utf-8";
    private static final String HTML = "text/html; charset=utf-8";
    private static final String JSON = "application/json";
    private static final String METRICS = "text/plain; version=0.0.4; charset=utf-8";

    private static final String PATHS =
            "there are GET / /livez /readyz /status /metrics; on the unix socket also POST /reload /plan /drain /measure"
                    + " /kill?id=ID /upgrade, and CONNECT HOST:PORT\n";

    private final Backend backend;
    private final AdminServer.Access access;
    private final HandOver handOver;

    AdminHandler(Backend backend, AdminServer.Access access, HandOver handOver) {
        this.backend = backend;
        this.access = access;
        this.handOver = handOver;
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, FullHttpRequest request) {
        QueryStringDecoder uri = new QueryStringDecoder(request.uri());
        if (!goesOn(request, uri.path())) {
            takeNoMore(ctx);
        }
        if (request.decoderResult().isFailure()) {
            answer(ctx, HttpResponseStatus.BAD_REQUEST, "this is not HTTP\n");
        } else if (!isForUs(request.headers().get(HttpHeaderNames.HOST, ""))) {
            answer(ctx, FORBIDDEN, "ask for this machine by its loopback address, not by another name\n");
        } else if (request.method().equals(HttpMethod.GET) || request.method().equals(HttpMethod.HEAD)) {
            show(ctx, uri.path());
        } else if (request.method().equals(HttpMethod.POST)) {
            act(ctx, uri);
        } else if (request.method().equals(HttpMethod.CONNECT)) {
            connect(ctx, request.uri(), HttpAnswer.to(request.headers()));
        } else {
            FullHttpResponse response = response(METHOD_NOT_ALLOWED, TEXT, new byte[0]);
            response.headers().set(HttpHeaderNames.ALLOW, "GET, HEAD, POST, CONNECT");
            send(ctx, response);
        }
    }

    /** As a connection, or with the next request of who takes over: by the unix socket only. */
    private boolean goesOn(FullHttpRequest request, String path) {
        return access == AdminServer.Access.ACT
                && (request.method().equals(HttpMethod.CONNECT) || path.startsWith(HandOver.LIST));
    }

    /** Each answer takes memory until it is taken, so who sends many requests gets no more than one. */
    private static void takeNoMore(ChannelHandlerContext ctx) {
        ctx.channel().config().setAutoRead(false);
        ctx.pipeline().get(HttpServerCodec.class).removeInboundHandler(); // more may have been read already
        ctx.pipeline().remove(ReadTimeoutHandler.class);
    }

    /** On TCP a web page of anybody's could ask, by a name of its own that leads here (DNS rebinding). */
    private boolean isForUs(String host) {
        if (access == AdminServer.Access.ACT || host.isEmpty()) {
            return true;
        }
        String name = host.replaceFirst(":[0-9]+$", "").replaceAll("^\\[|]$", "");
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(name);
        return name.toLowerCase(Locale.ROOT).equals("localhost") || (address != null && address.isLoopbackAddress());
    }

    private void show(ChannelHandlerContext ctx, String path) {
        switch (path) {
            case "/livez" -> answer(ctx, backend.notAlive());
            case "/readyz" -> answer(ctx, backend.notReady());
            case "/status" ->
                answerLater(ctx, JSON, backend.status().thenApply(json -> json.getBytes(StandardCharsets.UTF_8)));
            case "/metrics" -> answerLater(ctx, METRICS, backend.metrics());
            case "/" -> whenDone(ctx, backend.page(), page -> answer(ctx, page));
            default -> answer(ctx, NOT_FOUND, PATHS);
        }
    }

    private void act(ChannelHandlerContext ctx, QueryStringDecoder uri) {
        if (!mayAct(ctx)) {
            return;
        }
        switch (uri.path()) {
            case "/reload" -> answerLater(ctx, backend.reload());
            case "/plan" -> answerLater(ctx, backend.plan());
            case "/measure" -> answerLater(ctx, backend.measure());
            case "/upgrade" -> answerLater(ctx, backend.upgrade());
            case HandOver.LIST -> list(ctx);
            case HandOver.NEXT -> handOver.sendNext(ctx.channel());
            case HandOver.READY -> letGo(ctx);
            case HandOver.END -> handOver.end();
            case "/drain" -> {
                answer(ctx, OK, "draining\n");
                backend.drain();
            }
            case "/kill" -> {
                String id = uri.parameters().getOrDefault("id", List.of("")).get(0);
                if (backend.kill(id)) {
                    answer(ctx, OK, "killed " + id + "\n");
                } else {
                    answer(ctx, NOT_FOUND, "there is no connection '" + id + "'; `conns` names those there are\n");
                }
            }
            default -> answer(ctx, NOT_FOUND, PATHS);
        }
    }

    private boolean mayAct(ChannelHandlerContext ctx) {
        if (access == AdminServer.Access.LOOK) {
            answer(ctx, FORBIDDEN, "here one can only look; this takes the unix socket of admin.listen\n");
        }
        return access == AdminServer.Access.ACT;
    }

    /** From here on the channel is a connection like those that are accepted elsewhere. */
    private void connect(ChannelHandlerContext ctx, String where, HttpAnswer as) {
        if (!mayAct(ctx)) {
            return;
        }
        Address target;
        try {
            target = Address.parse(where);
        } catch (IllegalArgumentException e) {
            answer(ctx, HttpResponseStatus.BAD_REQUEST, e.getMessage() + "\n");
            return;
        }
        DuplexChannel channel = (DuplexChannel) ctx.channel();
        channel.config().setAutoRead(false);
        ((DuplexChannelConfig) channel.config()).setAllowHalfClosure(true);
        ChannelPipeline pipeline = channel.pipeline();
        List<ChannelHandler> ours = new ArrayList<>(pipeline.toMap().values());
        pipeline.addLast(new Hold());
        ours.forEach(pipeline::remove);
        backend.connect(channel, target, as);
    }

    private void list(ChannelHandlerContext ctx) {
        try {
            answerAndStay(ctx, handOver.list(ctx.channel()));
        } catch (IOException e) {
            answer(ctx, CONFLICT, e.getMessage() + "\n");
        }
    }

    private void letGo(ChannelHandlerContext ctx) {
        handOver.letGo()
                .whenComplete((done, failure) -> ctx.executor().execute(() -> {
                    if (failure == null) {
                        handOver.leave(ctx.channel());
                        answerAndStay(ctx, "yours\n");
                    } else {
                        answer(ctx, CONFLICT, failure.getMessage() + "\n");
                    }
                }));
    }

    @Override
    public void channelInactive(ChannelHandlerContext ctx) {
        handOver.gone();
    }

    private static void answerAndStay(ChannelHandlerContext ctx, String text) {
        FullHttpResponse response = response(OK, TEXT, text.getBytes(StandardCharsets.UTF_8));
        response.headers().remove(HttpHeaderNames.CONNECTION);
        ctx.writeAndFlush(response);
    }

    private static void answer(ChannelHandlerContext ctx, List<String> troubles) {
        if (troubles.isEmpty()) {
            answer(ctx, OK, "ok\n");
        } else {
            answer(ctx, SERVICE_UNAVAILABLE, String.join("\n", troubles) + "\n");
        }
    }

    private static void answerLater(ChannelHandlerContext ctx, String type, CompletableFuture<byte[]> body) {
        whenDone(ctx, body, bytes -> answer(ctx, OK, type, bytes));
    }

    private static void answerLater(ChannelHandlerContext ctx, CompletableFuture<Backend.Answer> answer) {
        whenDone(ctx, answer, what -> answer(ctx, what.done() ? OK : CONFLICT, what.text() + "\n"));
    }

    private static <T> void whenDone(ChannelHandlerContext ctx, CompletableFuture<T> future, Consumer<T> answer) {
        future.whenComplete((result, failure) -> ctx.executor().execute(() -> {
            if (failure != null) {
                fail(ctx, failure);
            } else {
                answer.accept(result);
            }
        }));
    }

    private static void fail(ChannelHandlerContext ctx, Throwable failure) {
        LOG.error("admin: a request failed", failure);
        answer(ctx, INTERNAL_SERVER_ERROR, "this failed, and the log says why\n");
    }

    private static void answer(ChannelHandlerContext ctx, HttpResponseStatus status, String text) {
        answer(ctx, status, TEXT, text.getBytes(StandardCharsets.UTF_8));
    }

    private static void answer(ChannelHandlerContext ctx, Backend.Page page) {
        FullHttpResponse response = response(OK, HTML, page.html().getBytes(StandardCharsets.UTF_8));
        response.headers().set("Content-Security-Policy", page.policy()).set("Referrer-Policy", "no-referrer");
        send(ctx, response);
    }

    private static void answer(ChannelHandlerContext ctx, HttpResponseStatus status, String type, byte[] body) {
        send(ctx, response(status, type, body));
    }

    private static FullHttpResponse response(HttpResponseStatus status, String type, byte[] body) {
        var response = new DefaultFullHttpResponse(HttpVersion.HTTP_1_1, status, Unpooled.wrappedBuffer(body));
        response.headers()
                .set(HttpHeaderNames.CONTENT_TYPE, type)
                .set(HttpHeaderNames.CONTENT_LENGTH, body.length)
                .set(HttpHeaderNames.CACHE_CONTROL, "no-store")
                .set("X-Content-Type-Options", "nosniff")
                .set(HttpHeaderNames.CONNECTION, "close");
        return response;
    }

    private static void send(ChannelHandlerContext ctx, FullHttpResponse response) {
        ctx.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE);
    }

    /** A peer that left, or took too long. */
    @Override
    public void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        LOG.debug("admin: {}", cause.toString());
        if (cause instanceof ReadTimeoutException && handOver.isBegun()) {
            // Or the other process would take it for the end of this one.
            answer(ctx, CONFLICT, "it waited " + AdminServer.PATIENCE_SECONDS + " s for its heir, and goes on\n");
        } else {
            ctx.close();
        }
    }
}
