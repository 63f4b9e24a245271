package dev.culvert.client;

import dev.culvert.common.splice.Answer;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelPipeline;
import io.netty.channel.SimpleChannelInboundHandler;
import io.netty.handler.codec.socksx.v5.Socks5AddressDecoder;
import io.netty.handler.codec.socksx.v5.Socks5AddressType;
import io.netty.handler.codec.socksx.v5.Socks5AuthMethod;
import io.netty.handler.codec.socksx.v5.Socks5CommandRequest;
import io.netty.handler.codec.socksx.v5.Socks5CommandRequestDecoder;
import io.netty.handler.codec.socksx.v5.Socks5CommandStatus;
import io.netty.handler.codec.socksx.v5.Socks5CommandType;
import io.netty.handler.codec.socksx.v5.Socks5InitialRequest;
import io.netty.handler.codec.socksx.v5.Socks5InitialRequestDecoder;
import io.netty.handler.codec.socksx.v5.Socks5Message;
import io.netty.handler.codec.socksx.v5.Socks5PasswordAuthRequest;
import io.netty.handler.codec.socksx.v5.Socks5PasswordAuthRequestDecoder;
import java.util.Optional;

/**
 * SOCKS version 5 (RFC 1928) with user and password (RFC 1929), as far as TCP connections go: CONNECT. The server
 * resolves names.
 */
final class Socks5Dialogue extends SimpleChannelInboundHandler<Socks5Message> {
    private static final int VERSION = 5;
    /** The version of RFC 1929. */
    private static final int PASSWORD_VERSION = 1;

    private static final int SUCCESS = 0;
    private static final int FAILURE = 1;
    private static final int NO_METHOD = 0xff;
    private static final int IPV4 = 1;

    private final Optional<Credentials> credentials;
    private final Reception reception;

    private Socks5Dialogue(Optional<Credentials> credentials, Reception reception) {
        this.credentials = credentials;
        this.reception = reception;
    }

    /** @param credentials empty: anybody may */
    static void addTo(ChannelPipeline pipeline, Optional<Credentials> credentials, Reception reception) {
        pipeline.addLast(new Socks5InitialRequestDecoder(), new Socks5Dialogue(credentials, reception));
    }

    @Override
    protected void channelRead0(ChannelHandlerContext ctx, Socks5Message message) {
        if (message.decoderResult().isFailure()) {
            failed(message, message.decoderResult().cause());
        } else if (message instanceof Socks5InitialRequest initial) {
            greet(ctx, initial);
        } else if (message instanceof Socks5PasswordAuthRequest password) {
            check(ctx, password);
        } else if (message instanceof Socks5CommandRequest command) {
            obey(ctx, command);
        }
    }

    private void failed(Socks5Message message, Throwable cause) {
        if (!(cause.getCause() instanceof IllegalArgumentException value)) {
            reception.turnAway(null, "this is not SOCKS5: " + cause.getMessage());
        } else if (message instanceof Socks5CommandRequest) {
            reception.turnAway(
                    reply(Socks5CommandStatus.HOST_UNREACHABLE), "it asks for what is no host: " + value.getMessage());
        } else {
            reception.turnAway(bytes(VERSION, NO_METHOD), "it names no method of authentication");
        }
    }

    private void greet(ChannelHandlerContext ctx, Socks5InitialRequest initial) {
        Socks5AuthMethod method = credentials.isEmpty() ? Socks5AuthMethod.NO_AUTH : Socks5AuthMethod.PASSWORD;
        if (!initial.authMethods().contains(method)) {
            reception.turnAway(
                    bytes(VERSION, NO_METHOD),
                    credentials.isEmpty() ? "it insists on a user and a password" : "it names no user and password");
            return;
        }
        ctx.writeAndFlush(bytes(VERSION, method.byteValue()));
        next(
                ctx,
                Socks5InitialRequestDecoder.class,
                credentials.isEmpty()
                        ? new Socks5CommandRequestDecoder(Socks5Dialogue::address)
                        : new Socks5PasswordAuthRequestDecoder());
    }

    private void check(ChannelHandlerContext ctx, Socks5PasswordAuthRequest request) {
        if (credentials.isPresent() && !credentials.get().are(request.username(), request.password())) {
            reception.turnAway(bytes(PASSWORD_VERSION, FAILURE), "its user or its password is wrong");
            return;
        }
        ctx.writeAndFlush(bytes(PASSWORD_VERSION, SUCCESS));
        next(ctx, Socks5PasswordAuthRequestDecoder.class, new Socks5CommandRequestDecoder(Socks5Dialogue::address));
    }

    /** As Netty reads it, who makes something of bytes that are not ASCII: that would be another host. */
    private static String address(Socks5AddressType type, ByteBuf bytes) throws Exception {
        String address = Socks5AddressDecoder.DEFAULT.decodeAddress(type, bytes);
        if (address.chars().anyMatch(c -> c > 0x7f)) {
            throw new IllegalArgumentException("a host is ASCII (IDNA for other scripts)");
        }
        return address;
    }

    private void obey(ChannelHandlerContext ctx, Socks5CommandRequest command) {
        if (!command.type().equals(Socks5CommandType.CONNECT)) {
            reception.turnAway(
                    reply(Socks5CommandStatus.COMMAND_UNSUPPORTED),
                    "it asks for " + command.type() + ", and only CONNECT is done here");
            return;
        }
        HostPort target;
        try {
            target = target(command);
        } catch (IllegalArgumentException e) {
            reception.turnAway(reply(Socks5CommandStatus.HOST_UNREACHABLE), String.valueOf(e.getMessage()));
            return;
        }
        reception.goes(new Reception.Destination(target, new InWords()));
        ctx.pipeline().remove(Socks5CommandRequestDecoder.class);
        ctx.pipeline().remove(this);
    }

    private static HostPort target(Socks5CommandRequest command) {
        if (command.dstPort() == 0) {
            throw new IllegalArgumentException("it asks for port 0");
        }
        return new HostPort(command.dstAddr(), command.dstPort());
    }

    /** What one decoder has not read the next one has. */
    private static void next(
            ChannelHandlerContext ctx, Class<? extends ChannelHandler> before, ChannelHandler decoder) {
        ctx.pipeline().addBefore(ctx.name(), null, decoder);
        ctx.pipeline().remove(before);
    }

    private static ByteBuf bytes(int... values) {
        ByteBuf bytes = Unpooled.buffer(values.length);
        for (int value : values) {
            bytes.writeByte(value);
        }
        return bytes;
    }

    /** The address that the target was dialled from is not told. */
    private static ByteBuf reply(Socks5CommandStatus status) {
        return bytes(VERSION, status.byteValue(), 0, IPV4, 0, 0, 0, 0, 0, 0);
    }

    private static Socks5CommandStatus status(ErrorCode code) {
        return switch (code) {
            case FORBIDDEN -> Socks5CommandStatus.FORBIDDEN;
            case CONNECTION_REFUSED -> Socks5CommandStatus.CONNECTION_REFUSED;
            case UNREACHABLE, NAME_NOT_FOUND -> Socks5CommandStatus.HOST_UNREACHABLE;
            case TIMEOUT -> Socks5CommandStatus.TTL_EXPIRED; // as others say it; there is no better one
            default -> Socks5CommandStatus.FAILURE;
        };
    }

    private static final class InWords implements Answer {
        @Override
        public void opened(Channel channel) {
            channel.writeAndFlush(reply(Socks5CommandStatus.SUCCESS));
        }

        @Override
        public void refused(Channel channel, ErrorCode code, String reason) {
            Answer.farewell(channel, reply(status(code)));
        }
    }
}
