package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The vectors of docs/protocol.md, read and written. */
class VectorsTest {
    /** One line of vectors.txt: {@code VERSION | HEX | MEANING}. */
    record Vector(ProtocolVersion version, String hex, String meaning) {
        static Vector parse(String line) {
            String[] parts = line.split("\\|", -1);
            ProtocolVersion version = Objects.requireNonNull(
                    ProtocolVersion.of(Integer.parseInt(parts[0].strip(), 16)), () -> "version in " + line);
            return new Vector(version, parts[1].replace(" ", ""), parts[2].strip());
        }
    }

    static Stream<Vector> vectors() throws IOException {
        return lines().map(Vector::parse);
    }

    private static Stream<String> lines() throws IOException {
        try (InputStream in = Objects.requireNonNull(VectorsTest.class.getResourceAsStream("vectors.txt"))) {
            return new String(in.readAllBytes(), StandardCharsets.UTF_8)
                    .lines().filter(line -> !line.startsWith("#") && !line.isBlank()).toList().stream();
        }
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void isReadAsItIsMeant(Vector vector) throws ProtocolViolation {
        List<String> frames = new ArrayList<>();
        ByteBuf in = Unpooled.wrappedBuffer(ByteBufUtil.decodeHexDump(vector.hex));
        new FrameDecoder(vector.version).decode(in, new Describer(frames));
        in.release();

        assertThat(frames).containsExactly(vector.meaning);
    }

    @ParameterizedTest
    @MethodSource("vectors")
    void isWrittenAsItStands(Vector vector) {
        ByteBuf frame = write(vector);
        assertThat(ByteBufUtil.hexDump(frame)).isEqualTo(vector.hex);
        frame.release();
    }

    @Test
    void theSpecificationShowsThem() throws IOException {
        String spec = Files.readString(Path.of("..", "docs", "protocol.md"));
        assertThat(lines()).isNotEmpty().allSatisfy(line -> assertThat(spec).contains(line));
    }

    /** Reads words such as {@code stream=3}. */
    private static String word(String meaning, String name) {
        for (String word : meaning.split(" ", -1)) {
            if (word.startsWith(name + "=")) {
                return word.substring(name.length() + 1);
            }
        }
        throw new IllegalArgumentException(meaning + " has no " + name);
    }

    private static ByteBuf write(Vector vector) {
        String meaning = vector.meaning;
        String command = meaning.split(" ", 2)[0];
        return switch (command) {
            case "SYN" ->
                meaning.contains("target=") || meaning.endsWith(" probe") || meaning.contains(" offer ")
                        ? tlvs(vector.version, Frame.SYN, stream(meaning), request(meaning)::write)
                        : Frame.empty(vector.version, Frame.SYN, stream(meaning));
            case "FIN" -> Frame.empty(vector.version, Frame.FIN, stream(meaning));
            case "NOP" -> Frame.empty(vector.version, Frame.NOP, stream(meaning));
            case "OPENED" -> Frame.empty(vector.version, Frame.OPENED, stream(meaning));
            case "PSH" -> data(vector.version, stream(meaning), word(meaning, "data"));
            case "UPD" ->
                Frame.update(
                        vector.version,
                        stream(meaning),
                        Integer.parseUnsignedInt(word(meaning, "consumed")),
                        Integer.parseUnsignedInt(word(meaning, "window")));
            case "HELLO" -> tlvs(vector.version, Frame.HELLO, 0, hello(meaning)::write);
            case "RST", "GOAWAY", "CLOSE" ->
                Frame.farewell(
                        vector.version,
                        command(command),
                        stream(meaning),
                        ErrorCode.of(Long.parseLong(word(meaning, "code"))),
                        word(meaning, "text"));
            case "PING", "PONG", "ACK" ->
                Frame.number(vector.version, command(command), Long.parseLong(word(meaning, "payload")));
            default -> throw new IllegalArgumentException(meaning);
        };
    }

    private static int command(String name) {
        return IntStream.rangeClosed(0, 0xff)
                .filter(command -> Frame.name(command).equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static int stream(String meaning) {
        return Integer.parseUnsignedInt(word(meaning, "stream"));
    }

    private static OpenRequest request(String meaning) {
        if (meaning.endsWith(" probe")) {
            return OpenRequest.PROBE;
        }
        if (meaning.contains(" offer ")) {
            return OpenRequest.offer(
                    word(meaning, "forward"),
                    meaning.contains(" target=") ? Address.parse(word(meaning, "target")) : null,
                    Long.parseLong(word(meaning, "process")),
                    meaning.endsWith(" reserve"));
        }
        return new OpenRequest(
                meaning.contains(" datagrams ") ? OpenRequest.Kind.DATAGRAMS : OpenRequest.Kind.CONNECTION,
                Address.parse(word(meaning, "target")),
                HostPort.parse(word(meaning, "source")),
                word(meaning, "connection"),
                word(meaning, "forward"));
    }

    private static Hello hello(String meaning) {
        return new Hello(
                word(meaning, "software"),
                Long.parseLong(word(meaning, "window")),
                Integer.parseInt(word(meaning, "max-payload")),
                Long.parseLong(word(meaning, "streams")),
                meaning.contains(" keep=")
                        ? new Hello.Keeping(
                                Long.parseLong(word(meaning, "keep")), Long.parseLong(word(meaning, "buffer")))
                        : null,
                meaning.contains(" token=") ? token(word(meaning, "token")) : null,
                meaning.contains(" resume=")
                        ? new Hello.Resume(token(word(meaning, "resume")), Long.parseLong(word(meaning, "received")))
                        : null);
    }

    private static Token token(String hex) {
        return Token.read(Unpooled.wrappedBuffer(ByteBufUtil.decodeHexDump(hex)));
    }

    private static String hex(Token token) {
        ByteBuf bytes = Unpooled.buffer();
        token.write(bytes);
        return ByteBufUtil.hexDump(bytes);
    }

    private static ByteBuf tlvs(ProtocolVersion version, int command, int stream, Consumer<ByteBuf> writer) {
        ByteBuf tlvs = Unpooled.buffer();
        writer.accept(tlvs);
        ByteBuf frame = Frame.withTlvs(version, command, stream, tlvs);
        tlvs.release();
        return frame;
    }

    private static ByteBuf data(ProtocolVersion version, int stream, String text) {
        ByteBuf data = Unpooled.buffer().writeZero(Frame.HEADER);
        data.readerIndex(Frame.HEADER);
        data.writeCharSequence(text, StandardCharsets.US_ASCII);
        Frame.prependHeader(data, version, Frame.PSH, stream);
        return data;
    }

    /** Says of a frame what the file says of it. */
    private record Describer(List<String> frames) implements FrameHandler {
        @Override
        public void onData(int streamId, ByteBuf data) {
            frames.add("PSH stream=" + Integer.toUnsignedString(streamId) + " data="
                    + data.toString(StandardCharsets.US_ASCII));
            data.release();
        }

        @Override
        public void onControl(int command, int streamId, ByteBuf payload) throws ProtocolViolation {
            frames.add(
                    Frame.name(command) + " stream=" + Integer.toUnsignedString(streamId) + payload(command, payload));
        }

        private static String payload(int command, ByteBuf payload) throws ProtocolViolation {
            return switch (command) {
                case Frame.UPD -> " consumed=" + payload.readUnsignedIntLE() + " window=" + payload.readUnsignedIntLE();
                case Frame.RST, Frame.GOAWAY, Frame.CLOSE ->
                    " code=" + payload.readUnsignedIntLE() + " text=" + payload.toString(StandardCharsets.UTF_8);
                case Frame.PING, Frame.PONG, Frame.ACK -> " payload=" + payload.readLongLE();
                case Frame.HELLO -> {
                    Hello hello = Hello.read(payload);
                    yield " software=" + hello.software() + " window=" + hello.window() + " max-payload="
                            + hello.maxPayload() + " streams=" + hello.streams()
                            + (hello.keeping() == null
                                    ? ""
                                    : " keep=" + hello.keeping().millis() + " buffer="
                                            + hello.keeping().buffer())
                            + (hello.token() == null ? "" : " token=" + hex(hello.token()))
                            + (hello.resume() == null
                                    ? ""
                                    : " resume=" + hex(hello.resume().token()) + " received="
                                            + hello.resume().received());
                }
                case Frame.SYN -> {
                    OpenRequest request = OpenRequest.read(payload);
                    if (request.kind() == OpenRequest.Kind.PROBE) {
                        yield " probe";
                    }
                    if (request.kind() == OpenRequest.Kind.OFFER) {
                        yield " offer" + (request.target() == null ? "" : " target=" + request.target()) + " forward="
                                + request.forward() + " process=" + request.process()
                                + (request.reserve() ? " reserve" : "");
                    }
                    yield request.target() == null
                            ? ""
                            : (request.kind() == OpenRequest.Kind.DATAGRAMS ? " datagrams" : "") + " target="
                                    + request.target() + " source=" + request.source() + " connection="
                                    + request.connectionId() + " forward=" + request.forward();
                }
                default -> "";
            };
        }
    }
}
