package dev.culvert.common.net;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpDecoderConfig;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.util.concurrent.Promise;
import java.nio.charset.StandardCharsets;
import java.util.Base64;

/** CONNECT (RFC 9110, section 9.3.6), with Basic authentication (RFC 7617). */
final class HttpConnect extends ProxyDialogue {
    /** Of the status line, and of all headers. */
    private static final int MAX_HEAD = 8 << 10;

    private final HttpClientCodec codec = new HttpClientCodec(
            new HttpDecoderConfig().setMaxInitialLineLength(MAX_HEAD).setMaxHeaderSize(MAX_HEAD), false, false);

    HttpConnect(Proxy proxy, HostPort target, Promise<Channel> through) {
        super(proxy, target, through);
    }

    @Override
    void ask(ChannelHandlerContext ctx) {
        ctx.pipeline().addBefore(ctx.name(), null, codec);
        FullHttpRequest request = new DefaultFullHttpRequest(
                HttpVersion.HTTP_1_1, HttpMethod.CONNECT, target.toString(), Unpooled.EMPTY_BUFFER);
        request.headers().set(HttpHeaderNames.HOST, target.toString());
        proxy.login()
                .ifPresent(login -> request.headers()
                        .set(
                                HttpHeaderNames.PROXY_AUTHORIZATION,
                                "Basic "
                                        + Base64.getEncoder()
                                                .encodeToString((login.user() + ":" + login.password())
                                                        .getBytes(StandardCharsets.UTF_8))));
        ctx.writeAndFlush(request);
    }

    @Override
    void hear(ChannelHandlerContext ctx, Object answer) {
        if (answer instanceof HttpResponse response) {
            hear(response);
        } else if (answer instanceof LastHttpContent) {
            isThrough(ctx);
        }
    }

    private void hear(HttpResponse response) {
        HttpResponseStatus status = response.status();
        if (response.decoderResult().isFailure()) {
            hasHeardNonsense();
        } else if (status.code() == HttpResponseStatus.PROXY_AUTHENTICATION_REQUIRED.code()) {
            wantsAnotherLogin("(407)");
        } else if (status.code() == HttpResponseStatus.FORBIDDEN.code()) {
            fail(ErrorCode.FORBIDDEN, "forbids the way there (403): have it allow CONNECT to " + target);
        } else if (status.code() != HttpResponseStatus.OK.code()) {
            fail(
                    ErrorCode.UNREACHABLE,
                    "does not lead there (" + HttpResponseStatus.valueOf(status.code())
                            + "): it may not reach the server or know its name, or is a web server and no proxy");
        }
    }

    @Override
    void removeEncoder(ChannelHandlerContext ctx) {
        codec.removeOutboundHandler();
    }

    @Override
    void removeDecoder(ChannelHandlerContext ctx) {
        ctx.pipeline().remove(codec);
    }
}
