package dev.culvert.common.net;

import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOption;
import io.netty.handler.codec.CodecException;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Promise;

/**
 * Asks a proxy, on a connection to it, for a connection to a target, and then leaves the pipeline. What the target has
 * said by then goes to the handlers that the listeners of the promise add. Has no deadline: whoever fails the promise,
 * or cancels it, ends it. Event loop only.
 */
abstract class ProxyDialogue extends ChannelInboundHandlerAdapter {
    final Proxy proxy;
    final HostPort target;
    private final Promise<Channel> through;

    ProxyDialogue(Proxy proxy, HostPort target, Promise<Channel> through) {
        this.proxy = proxy;
        this.target = target;
        this.through = through;
    }

    /**
     * Begins it.
     *
     * @param channel connected to the proxy, auto-read off; the caller closes it if the promise fails
     * @param through gets the channel, auto-read off again, or a {@link DialFailure}
     */
    static void begin(Channel channel, Proxy proxy, HostPort target, Promise<Channel> through) {
        channel.pipeline()
                .addLast(
                        switch (proxy.protocol()) {
                            case HTTP -> new HttpConnect(proxy, target, through);
                            case SOCKS5 -> new SocksConnect(proxy, target, through);
                        });
        channel.config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, false); // whoever ends it does not lead anywhere
        channel.config().setAutoRead(true);
    }

    @Override
    public final void handlerAdded(ChannelHandlerContext ctx) {
        ask(ctx);
    }

    @Override
    public final void channelRead(ChannelHandlerContext ctx, Object message) {
        try {
            if (!through.isDone()) {
                hear(ctx, message);
            }
        } finally {
            ReferenceCountUtil.release(message);
        }
    }

    /** Puts what decodes the answers before this handler, and says the first words. */
    abstract void ask(ChannelHandlerContext ctx);

    /** One answer, which is released afterwards. */
    abstract void hear(ChannelHandlerContext ctx, Object answer);

    /** Takes out what encodes: what is written from now on is for the target. */
    abstract void removeEncoder(ChannelHandlerContext ctx);

    /** Takes out what decodes, which passes on what it has left. */
    abstract void removeDecoder(ChannelHandlerContext ctx);

    /** From here on the channel leads to the target. */
    final void isThrough(ChannelHandlerContext ctx) {
        ctx.channel().config().setAutoRead(false);
        ctx.channel().config().setOption(ChannelOption.ALLOW_HALF_CLOSURE, true);
        removeEncoder(ctx);
        if (through.trySuccess(ctx.channel())) {
            ctx.pipeline().remove(this);
            removeDecoder(ctx);
        }
    }

    /** @param reason goes on after "the proxy http://host:port " */
    final void fail(ErrorCode code, String reason) {
        through.tryFailure(new DialFailure(code, target, "the proxy " + proxy + " " + reason));
    }

    final void wantsAnotherLogin(String how) {
        fail(
                ErrorCode.FORBIDDEN,
                proxy.login().isPresent()
                        ? "does not accept the user name and password " + how + ": correct them in " + proxy.origin()
                        : "asks for a user name and password " + how + ": write USER:PASSWORD@ before its host in "
                                + proxy.origin());
    }

    /** An answer that could not be decoded. */
    final void hasHeardNonsense() {
        fail(
                ErrorCode.INTERNAL,
                "does not answer as one of its kind: correct " + proxy.origin() + ", which is " + Proxy.EXPECTED);
    }

    @Override
    public final void channelInactive(ChannelHandlerContext ctx) {
        fail(
                ErrorCode.UNREACHABLE,
                "has closed the connection without an answer: look into its log, or correct " + proxy.origin());
        ctx.fireChannelInactive();
    }

    @Override
    public final void exceptionCaught(ChannelHandlerContext ctx, Throwable cause) {
        OutOfMemory.check(cause);
        if (cause instanceof CodecException) {
            hasHeardNonsense();
        } else {
            fail(ErrorCode.UNREACHABLE, "has broken off: " + cause.getMessage());
        }
    }
}
