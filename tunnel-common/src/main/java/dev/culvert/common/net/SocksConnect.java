package dev.culvert.common.net;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.DecoderResultProvider;
import io.netty.handler.codec.socksx.v5.DefaultSocks5CommandRequest;
import io.netty.handler.codec.socksx.v5.DefaultSocks5InitialRequest;
import io.netty.handler.codec.socksx.v5.DefaultSocks5PasswordAuthRequest;
import io.netty.handler.codec.socksx.v5.Socks5AddressType;
import io.netty.handler.codec.socksx.v5.Socks5AuthMethod;
import io.netty.handler.codec.socksx.v5.Socks5ClientEncoder;
import io.netty.handler.codec.socksx.v5.Socks5CommandResponse;
import io.netty.handler.codec.socksx.v5.Socks5CommandResponseDecoder;
import io.netty.handler.codec.socksx.v5.Socks5CommandStatus;
import io.netty.handler.codec.socksx.v5.Socks5CommandType;
import io.netty.handler.codec.socksx.v5.Socks5InitialResponse;
import io.netty.handler.codec.socksx.v5.Socks5InitialResponseDecoder;
import io.netty.handler.codec.socksx.v5.Socks5PasswordAuthResponse;
import io.netty.handler.codec.socksx.v5.Socks5PasswordAuthResponseDecoder;
import io.netty.handler.codec.socksx.v5.Socks5PasswordAuthStatus;
import io.netty.util.NetUtil;
import io.netty.util.concurrent.Promise;
import java.util.List;
import java.util.Map;

/** SOCKS5 (RFC 1928), with user name and password (RFC 1929). */
final class SocksConnect extends ProxyDialogue {
    private static final Map<Socks5CommandStatus, String> REFUSALS = Map.of(
            Socks5CommandStatus.FORBIDDEN, "its rules do not allow it: have them allow the way to the server",
            Socks5CommandStatus.NETWORK_UNREACHABLE, "it does not reach that network",
            Socks5CommandStatus.HOST_UNREACHABLE, "it does not reach that host, or does not know its name",
            Socks5CommandStatus.CONNECTION_REFUSED,
                    "the server refuses the connection: start tunnel-server there, or correct upstream.servers",
            Socks5CommandStatus.TTL_EXPIRED, "the way to the server is too long",
            Socks5CommandStatus.COMMAND_UNSUPPORTED, "it cannot CONNECT: use another one",
            Socks5CommandStatus.ADDRESS_UNSUPPORTED,
                    "it does not take such an address: write an IPv4 address instead of a name or of IPv6");

    private ChannelHandler decoder = new Socks5InitialResponseDecoder();

    SocksConnect(Proxy proxy, HostPort target, Promise<Channel> through) {
        super(proxy, target, through);
    }

    @Override
    void ask(ChannelHandlerContext ctx) {
        ctx.pipeline().addBefore(ctx.name(), null, Socks5ClientEncoder.DEFAULT);
        ctx.pipeline().addBefore(ctx.name(), null, decoder);
        ctx.writeAndFlush(new DefaultSocks5InitialRequest(
                proxy.login().isPresent()
                        ? List.of(Socks5AuthMethod.NO_AUTH, Socks5AuthMethod.PASSWORD)
                        : List.of(Socks5AuthMethod.NO_AUTH)));
    }

    @Override
    void hear(ChannelHandlerContext ctx, Object answer) {
        if (answer instanceof DecoderResultProvider decoded
                && decoded.decoderResult().isFailure()) {
            hasHeardNonsense();
        } else if (answer instanceof Socks5InitialResponse response) {
            hear(ctx, response.authMethod());
        } else if (answer instanceof Socks5PasswordAuthResponse response) {
            if (response.status().equals(Socks5PasswordAuthStatus.SUCCESS)) {
                command(ctx);
            } else {
                wantsAnotherLogin("(RFC 1929)");
            }
        } else if (answer instanceof Socks5CommandResponse response) {
            hear(ctx, response.status());
        }
    }

    private void hear(ChannelHandlerContext ctx, Socks5AuthMethod method) {
        if (method.equals(Socks5AuthMethod.NO_AUTH)) {
            command(ctx);
        } else if (method.equals(Socks5AuthMethod.PASSWORD) && proxy.login().isPresent()) {
            Proxy.Login login = proxy.login().get();
            decodeWith(ctx, new Socks5PasswordAuthResponseDecoder());
            ctx.writeAndFlush(new DefaultSocks5PasswordAuthRequest(login.user(), login.password()));
        } else {
            wantsAnotherLogin("(RFC 1929)");
        }
    }

    private void command(ChannelHandlerContext ctx) {
        Socks5AddressType type = NetUtil.isValidIpV4Address(target.host())
                ? Socks5AddressType.IPv4
                : NetUtil.isValidIpV6Address(target.host()) ? Socks5AddressType.IPv6 : Socks5AddressType.DOMAIN;
        decodeWith(ctx, new Socks5CommandResponseDecoder());
        ctx.writeAndFlush(
                new DefaultSocks5CommandRequest(Socks5CommandType.CONNECT, type, target.host(), target.port()));
    }

    private void decodeWith(ChannelHandlerContext ctx, ChannelHandler next) {
        ctx.pipeline().replace(decoder, null, next);
        decoder = next;
    }

    private void hear(ChannelHandlerContext ctx, Socks5CommandStatus status) {
        if (status.isSuccess()) {
            isThrough(ctx);
        } else {
            String reason = REFUSALS.getOrDefault(status, "it does not say why; its log may");
            fail(
                    status.equals(Socks5CommandStatus.FORBIDDEN) ? ErrorCode.FORBIDDEN : ErrorCode.UNREACHABLE,
                    "does not lead there (reply " + status.byteValue() + "): " + reason);
        }
    }

    @Override
    void removeEncoder(ChannelHandlerContext ctx) {
        ctx.pipeline().remove(Socks5ClientEncoder.class);
    }

    @Override
    void removeDecoder(ChannelHandlerContext ctx) {
        ctx.pipeline().remove(decoder);
    }
}
