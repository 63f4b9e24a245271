package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.StringJoiner;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class FrameDecoderTest {
    /** Writes down frames; pieces of one PSH payload that follow each other are joined. */
    private static final class Frames implements FrameHandler {
        final List<String> seen = new ArrayList<>();
        private int dataOf;
        private String data = "";

        @Override
        public void onData(int streamId, ByteBuf payload) {
            assertThat(payload.isReadable()).isTrue();
            if (streamId != dataOf) {
                flush();
            }
            dataOf = streamId;
            data += ByteBufUtil.hexDump(payload);
            payload.release();
        }

        @Override
        public void onControl(int command, int streamId, ByteBuf payload) {
            flush();
            seen.add(Frame.name(command) + " " + streamId + " " + ByteBufUtil.hexDump(payload));
        }

        private void flush() {
            if (!data.isEmpty()) {
                seen.add("PSH " + dataOf + " " + data);
                data = "";
            }
        }

        List<String> all() {
            flush();
            return seen;
        }
    }

    private static final List<String> MIXED = List.of(
            "HELLO 0 0100000203000000",
            "SYN 3 03020061610400",
            "PSH 3 0102030405",
            "UPD 5 6400000000000400",
            "PSH 5 ff",
            "FIN 3 ",
            "PING 0 0102030405060708",
            "RST 7 0b000000666f6f",
            "GOAWAY 0 0c000000",
            "ACK 0 0102030405060708",
            "CLOSE 0 0c000000");

    @Test
    void everyPlaceToCutASequenceGivesTheSameFrames() throws ProtocolViolation {
        byte[] bytes = ByteBufUtil.getBytes(mixed());
        for (int first = 0; first <= bytes.length; first++) {
            for (int second = first; second <= bytes.length; second++) {
                FrameDecoder decoder = new FrameDecoder(ProtocolVersion.CULVERT);
                Frames frames = new Frames();
                decoder.decode(Unpooled.wrappedBuffer(bytes, 0, first), frames);
                decoder.decode(Unpooled.wrappedBuffer(bytes, first, second - first), frames);
                decoder.decode(Unpooled.wrappedBuffer(bytes, second, bytes.length - second), frames);
                assertThat(frames.all()).isEqualTo(MIXED);
            }
        }
    }

    @Test
    void byteByByteIsNoDifference() throws ProtocolViolation {
        FrameDecoder decoder = new FrameDecoder(ProtocolVersion.CULVERT);
        Frames frames = new Frames();
        for (byte b : ByteBufUtil.getBytes(mixed())) {
            decoder.decode(Unpooled.wrappedBuffer(new byte[] {b}), frames);
        }
        assertThat(frames.all()).isEqualTo(MIXED);
    }

    @Test
    void whatHasArrivedOfAPayloadIsHandedOnAtOnce() throws ProtocolViolation {
        List<Integer> pieces = new ArrayList<>();
        FrameDecoder decoder = new FrameDecoder(ProtocolVersion.SMUX_2);
        ByteBuf start = Unpooled.buffer();
        Frame.writeHeader(start, ProtocolVersion.SMUX_2, Frame.PSH, 100, 3);
        decoder.decode(start.writeZero(60), handler(pieces));
        decoder.decode(Unpooled.buffer().writeZero(40), handler(pieces));

        assertThat(pieces).containsExactly(60, 40);
    }

    @Test
    void payloadIsASliceOfTheBufferThatItCameIn() throws ProtocolViolation {
        ByteBuf in = ByteBufAllocator.DEFAULT.directBuffer();
        Frame.writeHeader(in, ProtocolVersion.SMUX_2, Frame.PSH, 100, 3);
        in.writeZero(100);
        long address = in.memoryAddress();
        List<ByteBuf> slices = new ArrayList<>();
        new FrameDecoder(ProtocolVersion.SMUX_2).decode(in, collect(slices));

        ByteBuf slice = slices.get(0);
        assertThat(slice.memoryAddress() + slice.readerIndex()).isEqualTo(address + Frame.HEADER);
        in.release();
        assertThat(in.refCnt()).isPositive(); // the slice holds it
        slice.release();
        assertThat(in.refCnt()).isZero();
    }

    @Test
    void lengthsAreUnsigned() throws ProtocolViolation {
        ByteBuf in = Unpooled.buffer();
        Frame.writeHeader(in, ProtocolVersion.SMUX_1, Frame.PSH, 65_535, -1);
        List<Integer> pieces = new ArrayList<>();
        new FrameDecoder(ProtocolVersion.SMUX_1).decode(in.writeZero(65_535), handler(pieces));
        assertThat(pieces).containsExactly(65_535);
    }

    @Test
    void aWrongLengthIsRefusedBeforeThePayloadCame() {
        ByteBuf header = Unpooled.buffer();
        Frame.writeHeader(header, ProtocolVersion.CULVERT, Frame.HELLO, 65_535, 0);
        assertThatThrownBy(() -> new FrameDecoder(ProtocolVersion.CULVERT).decode(header, new Frames()))
                .isInstanceOf(ProtocolViolation.class)
                .hasMessage("HELLO of 65535 bytes is not legal in culvert (0x82)");
    }

    @ParameterizedTest
    @CsvSource({"SMUX_1, 0 1 2 3", "SMUX_2, 0 1 2 3", "CULVERT, 0 1 2 3 16 17"})
    void everyCommandThatMayBeEmptyIsLegalSo(ProtocolVersion version, String expected) {
        StringJoiner legal = new StringJoiner(" ");
        for (int command = 0; command < 256; command++) {
            ByteBuf frame = Unpooled.buffer();
            Frame.writeHeader(frame, version, command, 0, 1);
            try {
                new FrameDecoder(version).decode(frame, new Frames());
                legal.add(String.valueOf(command));
            } catch (ProtocolViolation e) {
                assertThat(e.text()).isEqualTo(Frame.name(command) + " of 0 bytes is not legal in " + version);
            }
        }
        assertThat(legal).hasToString(expected);
    }

    /** As {@link #MIXED} tells it, in two PSH frames where a payload is longer than a byte. */
    private static ByteBuf mixed() {
        ByteBuf out = Unpooled.buffer();
        for (String frame : MIXED) {
            String[] parts = frame.split(" ", -1);
            byte[] payload = ByteBufUtil.decodeHexDump(parts[2]);
            int command = command(parts[0]);
            int id = Integer.parseInt(parts[1]);
            int cut = command == Frame.PSH ? payload.length / 2 : 0;
            if (cut > 0) {
                Frame.writeHeader(out, ProtocolVersion.CULVERT, command, cut, id);
                out.writeBytes(payload, 0, cut);
                Frame.writeHeader(out, ProtocolVersion.CULVERT, command, 0, id); // an empty PSH is nothing
            }
            Frame.writeHeader(out, ProtocolVersion.CULVERT, command, payload.length - cut, id);
            out.writeBytes(payload, cut, payload.length - cut);
        }
        return out;
    }

    static int command(String name) {
        for (int command = 0; command < 256; command++) {
            if (Frame.name(command).equals(name)) {
                return command;
            }
        }
        throw new IllegalArgumentException(name);
    }

    private static FrameHandler handler(List<Integer> pieces) {
        return new FrameHandler() {
            @Override
            public void onData(int streamId, ByteBuf data) {
                pieces.add(data.readableBytes());
                data.release();
            }

            @Override
            public void onControl(int command, int streamId, ByteBuf payload) {}
        };
    }

    private static FrameHandler collect(List<ByteBuf> slices) {
        return new FrameHandler() {
            @Override
            public void onData(int streamId, ByteBuf data) {
                slices.add(data);
            }

            @Override
            public void onControl(int command, int streamId, ByteBuf payload) {}
        };
    }
}
