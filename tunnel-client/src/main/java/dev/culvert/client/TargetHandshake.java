package dev.culvert.client;

import dev.culvert.common.net.Origin;
import dev.culvert.common.net.OutOfMemory;
import dev.culvert.common.tls.WebTls;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.channel.EventLoop;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslHandler;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Tries the {@code target-tls} of a forward: begins TLS on a stream as {@code TargetTls} does for an application, and
 * ends it in good order when the target is trusted. Event loop only.
 */
final class TargetHandshake implements StreamListener {
    private final ForwardConfig forward;
    private final WebTls how;
    private final EventLoop loop;
    private final CompletableFuture<Void> trusted;
    private final CompletableFuture<Void> ended;
    private final SslHandler tls;
    private @Nullable EmbeddedChannel engine;

    /**
     * @param trusted done when the target is trusted, or fails with a {@link Fault}
     * @param ended done when the target has ended the stream
     */
    TargetHandshake(
            ForwardConfig forward,
            WebTls how,
            EventLoop loop,
            CompletableFuture<Void> trusted,
            CompletableFuture<Void> ended) {
        this.forward = forward;
        this.how = how;
        this.loop = loop;
        this.trusted = trusted;
        this.ended = ended;
        tls = how.newHandler(ByteBufAllocator.DEFAULT);
    }

    @Override
    public void onOpened(MuxStream stream) {
        forward.header().ifPresent(header -> stream.write(header.of(Origin.UNKNOWN)));
        engine = new EmbeddedChannel(tls);
        tls.handshakeFuture().addListener(shaken -> {
            if (shaken.isSuccess()) {
                trusted.complete(null);
            } else {
                fail(ErrorCode.CONNECTION_RESET, how.explain(shaken.cause()));
            }
        });
        long patience = TargetTlsConfig.PATIENCE.toMillis(); // the engine has no clock
        loop.schedule(
                () -> fail(ErrorCode.CONNECTION_RESET, "the target has not answered TLS within " + patience + " ms"),
                patience,
                TimeUnit.MILLISECONDS);
        send(stream, engine);
    }

    @Override
    public void onData(MuxStream stream, ByteBuf data) {
        stream.consumed(data.readableBytes());
        if (engine == null || trusted.isDone()) {
            data.release();
            return;
        }
        try {
            engine.writeInbound(data);
        } catch (Exception e) { // the end of the handshake says it
            OutOfMemory.check(e);
        }
        if (trusted.isDone() && !trusted.isCompletedExceptionally()) {
            tls.closeOutbound();
        }
        send(stream, engine);
        if (trusted.isDone()) {
            stream.shutdownOutput();
        }
    }

    private static void send(MuxStream stream, EmbeddedChannel from) {
        for (ByteBuf encrypted = from.readOutbound(); encrypted != null; encrypted = from.readOutbound()) {
            if (encrypted.isReadable()) {
                stream.write(encrypted);
            } else {
                encrypted.release();
            }
        }
    }

    @Override
    public void onFin(MuxStream stream) {
        fail(ErrorCode.CONNECTION_RESET, "the target closed the connection within the handshake of TLS");
        end();
    }

    @Override
    public void onReset(MuxStream stream, ErrorCode code, String text) {
        fail(code, text);
        end();
    }

    private void fail(ErrorCode code, String reason) {
        trusted.completeExceptionally(new Fault(code, reason));
    }

    private void end() {
        ended.complete(null);
        if (engine != null) {
            engine.finishAndReleaseAll();
        }
    }
}
