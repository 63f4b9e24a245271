package dev.culvert.mux;

import io.netty.buffer.ByteBuf;

/** Takes what comes, and gives no credit for it. */
class Dropping implements StreamListener {
    @Override
    public void onData(MuxStream stream, ByteBuf data) {
        data.release();
    }

    @Override
    public void onFin(MuxStream stream) {}

    @Override
    public void onReset(MuxStream stream, ErrorCode code, String text) {}
}
