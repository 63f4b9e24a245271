package dev.culvert.common.splice;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.culvert.mux.ErrorCode;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.handler.codec.LengthFieldPrepender;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpResponseStatus;

/** An answer to HTTP's CONNECT (RFC 9110, section 9.3.6). */
public final class HttpAnswer implements Answer {
    public static final HttpAnswer INSTANCE = new HttpAnswer("");

    /** The header of a request that asks for {@link #IN_PIECES}, and of the answer. */
    public static final String PIECES = "Culvert-Pieces: yes\r\n";

    /**
     * What the target says comes in pieces, each behind its length in four bytes, and an empty one is the end. A unix
     * socket has no reset: its own end may as well mean that the connection was cut off.
     */
    public static final HttpAnswer IN_PIECES = new HttpAnswer(PIECES);

    private static final int LENGTH_BYTES = 4;

    private final String header;

    private HttpAnswer(String header) {
        this.header = header;
    }

    /** The one that a request with these headers asks for. */
    public static HttpAnswer to(HttpHeaders asked) {
        return asked.contains(PIECES.substring(0, PIECES.indexOf(':'))) ? IN_PIECES : INSTANCE;
    }

    @Override
    public void opened(Channel channel) {
        channel.writeAndFlush(
                Unpooled.copiedBuffer("HTTP/1.1 200 Connection established\r\n" + header + "\r\n", UTF_8));
        if (this == IN_PIECES) {
            channel.pipeline().addFirst(new LengthFieldPrepender(LENGTH_BYTES));
        }
    }

    @Override
    public void refused(Channel channel, ErrorCode code, String reason) {
        Answer.farewell(channel, response(status(code), "", reason));
    }

    private static HttpResponseStatus status(ErrorCode code) {
        return switch (code) {
            case FORBIDDEN -> HttpResponseStatus.FORBIDDEN;
            case TIMEOUT -> HttpResponseStatus.GATEWAY_TIMEOUT;
            case LIMIT_REACHED, DRAINING, REFUSED -> HttpResponseStatus.SERVICE_UNAVAILABLE;
            default -> HttpResponseStatus.BAD_GATEWAY;
        };
    }

    /**
     * A whole response, the last one.
     *
     * @param header one more, with its line end; may be empty
     * @param text for people, one line
     */
    public static ByteBuf response(HttpResponseStatus status, String header, String text) {
        byte[] body = (text + "\n").getBytes(UTF_8);
        String head = """
                HTTP/1.1 %s\r
                Content-Type: text/plain; charset=utf-8\r
                Content-Length: %d\r
                %sConnection: close\r
                \r
                """.formatted(status, body.length, header);
        return Unpooled.wrappedBuffer(head.getBytes(UTF_8), body);
    }
}
