package dev.culvert.client;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObject;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpRequestDecoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.LastHttpContent;
import java.util.Base64;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The CONNECT of HTTP/1.1 (RFC 9110, section 9.3.6) with Basic authentication (RFC 7617). The server resolves names.
 */
final class ConnectDialogue extends SimpleChannelInboundHandler<HttpObject> {
    private static final int MOST_LINE = 4096;
    private static final int MOST_HEADERS = 8192;
    private static final int MOST_CHUNK = 4096;
    private static final String BASIC = "Basic ";

    private final Optional<Credentials> credentials;
    private final Reception reception;
    private @Nullable Address target;

    private ConnectDialogue(Optional<Credentials> credentials, Reception reception) {
        this.credentials = credentials;
        this.reception = reception;
    }

    /** @param credentials empty: anybody may */
    static void addTo(ChannelPipeline pipeline, Optional<Credentials> credentials, Reception reception) {
        pipeline.addLast(
                new HttpRequestDecoder(MOST_LINE, MOST_HEADERS, MOST_CHUNK),
                new ConnectDialogue(credentials, reception));
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, HttpObject message) {
        if (message.decoderResult().isFailure()) {
            refuse(HttpResponseStatus.BAD_REQUEST, "this is not HTTP, or more than it takes to ask for a connection");
        } else if (message instanceof HttpRequest request) {
            target = read(request);
        } else if (message instanceof LastHttpContent && target != null) {
            reception.goes(new Reception.Destination(target, HttpAnswer.INSTANCE));
            // What is behind the request is the connection's.
            ctx.pipeline().remove(HttpRequestDecoder.class);
            ctx.pipeline().remove(this);
        }
    }

    private @Nullable Address read(HttpRequest request) {
        if (!request.method().equals(HttpMethod.CONNECT)) {
            refuse(HttpResponseStatus.METHOD_NOT_ALLOWED, "this is a proxy for connections: only CONNECT is done here");
            return null;
        }
        if (credentials.isPresent()
                && !may(credentials.get(), request.headers().get(HttpHeaderNames.PROXY_AUTHORIZATION))) {
            refuse(HttpResponseStatus.PROXY_AUTHENTICATION_REQUIRED, "its user or its password is wrong or missing");
            return null;
        }
        try {
            HostPort asked = HostPort.parse(request.uri());
            if (asked.port() == 0) {
                throw new IllegalArgumentException("there is no port 0");
            }
            return asked;
        } catch (IllegalArgumentException e) {
            refuse(HttpResponseStatus.BAD_REQUEST, String.valueOf(e.getMessage()));
            return null;
        }
    }

    private static boolean may(Credentials credentials, @Nullable String header) {
        if (header == null || !header.regionMatches(true, 0, BASIC, 0, BASIC.length())) {
            return false;
        }
        try {
            byte[] decoded =
                    Base64.getDecoder().decode(header.substring(BASIC.length()).trim());
            String[] parts = new String(decoded, UTF_8).split(":", 2);
            return parts.length == 2 && credentials.are(parts[0], parts[1]);
        } catch (IllegalArgumentException e) {
            return false;
        }
    }

    private void refuse(HttpResponseStatus status, String why) {
        String header = status.equals(HttpResponseStatus.PROXY_AUTHENTICATION_REQUIRED)
                ? "Proxy-Authenticate: Basic realm=\"culvert\", charset=\"UTF-8\"\r\n"
                : status.equals(HttpResponseStatus.METHOD_NOT_ALLOWED) ? "Allow: CONNECT\r\n" : "";
        reception.turnAway(HttpAnswer.response(status, header, why), why);
    }
}
