package dev.culvert.mux;

import io.netty.buffer.ByteBuf;

/** What a {@link FrameDecoder} reports, in the order of the wire. */
interface FrameHandler {
    /** A piece of a PSH payload, never empty; a frame may come in several. Takes {@code data}. */
    void onData(int streamId, ByteBuf data) throws ProtocolViolation;

    /** Any other frame, whole and of a legal length. {@code payload} is the decoder's: read it now. */
    void onControl(int command, int streamId, ByteBuf payload) throws ProtocolViolation;
}
