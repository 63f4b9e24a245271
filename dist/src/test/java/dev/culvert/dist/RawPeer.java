package dev.culvert.dist;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.util.Arrays;
import java.util.Optional;
import javax.net.ssl.SSLSocket;

/**
 * A client or a server that holds a key which is let in, and writes the bytes of docs/protocol.md, or others, by
 * itself. It reads only when it is told to. One thread.
 */
final class RawPeer implements AutoCloseable {
    static final int SYN = 0;
    static final int FIN = 1;
    static final int PSH = 2;
    static final int NOP = 3;
    static final int UPD = 4;
    static final int HELLO = 0x10;
    static final int OPENED = 0x11;
    static final int RST = 0x12;
    static final int GOAWAY = 0x13;
    static final int CLOSE = 0x17;
    static final int PING = 0x14;
    static final int PONG = 0x15;

    private static final byte VERSION = (byte) 0x82;
    private static final int HEADER = 8;
    /** So that little of what it does not read gets lost in the kernel. */
    private static final int RECEIVE_BUFFER = 4096;

    private final SSLSocket socket;
    private final InputStream in;

    /** What the other side has sent; RST, GOAWAY and CLOSE carry a code and a text. */
    record Frame(int command, int stream, ByteBuffer data) {
        int code() {
            return data.getInt(0);
        }

        String text() {
            return StandardCharsets.UTF_8.decode(data.duplicate().position(4)).toString();
        }

        /** The value of a HELLO's TLV of this type. */
        Optional<byte[]> tlv(int type) {
            ByteBuffer left = data.duplicate().order(ByteOrder.LITTLE_ENDIAN);
            while (left.hasRemaining()) {
                byte found = left.get();
                byte[] value = new byte[Short.toUnsignedInt(left.getShort())];
                left.get(value);
                if (found == type) {
                    return Optional.of(value);
                }
            }
            return Optional.empty();
        }

        /** Of all of it, bytes. */
        int size() {
            return HEADER + data.capacity();
        }
    }

    /** Connects to a server and shows it a key. */
    RawPeer(Keys own, int port) throws IOException, GeneralSecurityException {
        socket = JdkTls.showing(own.file()).newSocket();
        socket.setReceiveBufferSize(RECEIVE_BUFFER);
        Tunnel.connect(socket, port);
        socket.setEnabledProtocols(new String[] {"TLSv1.3"});
        socket.startHandshake();
        in = socket.getInputStream();
    }

    /** Waits for a client and shows it a key. */
    RawPeer(Keys own, ServerSocket listener) throws IOException, GeneralSecurityException {
        socket = JdkTls.showing(own.file()).accept(Tunnel.accept(listener));
        socket.setSoTimeout((int) AgentProcess.PATIENCE.toMillis());
        socket.startHandshake();
        in = socket.getInputStream();
    }

    // ---- what it writes

    /** The beginning of a frame; its data may follow, or not. */
    static byte[] header(int command, int stream, int length) {
        return ByteBuffer.allocate(HEADER)
                .order(ByteOrder.LITTLE_ENDIAN)
                .put(VERSION)
                .put((byte) command)
                .putShort((short) length)
                .putInt(stream)
                .array();
    }

    static byte[] frame(int command, int stream, byte... data) {
        byte[] header = header(command, stream, data.length);
        byte[] frame = Arrays.copyOf(header, header.length + data.length);
        System.arraycopy(data, 0, frame, header.length, data.length);
        return frame;
    }

    /** Asks for a service: TLV 1, TARGET, with an IPv4 address. */
    static byte[] syn(int stream, Service target) {
        int port = target.port();
        return frame(SYN, stream, new byte[] {1, 7, 0, 1, 127, 0, 0, 1, (byte) (port >> 8), (byte) port});
    }

    /** Writes all of it in one go. */
    void send(byte[]... frames) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        for (byte[] frame : frames) {
            all.writeBytes(frame);
        }
        socket.getOutputStream().write(all.toByteArray());
    }

    /** Its own port, as the log of the other side has it. */
    int localPort() {
        return socket.getLocalPort();
    }

    // ---- what it reads

    private Frame read() throws IOException {
        ByteBuffer header = ByteBuffer.wrap(Service.readFully(in, HEADER)).order(ByteOrder.LITTLE_ENDIAN);
        int length = Short.toUnsignedInt(header.getShort(2));
        ByteBuffer data = ByteBuffer.wrap(Service.readFully(in, length)).order(ByteOrder.LITTLE_ENDIAN);
        return new Frame(header.get(1), header.getInt(4), data);
    }

    /** The next frame with one of these commands; the others before it are dropped, but for a CLOSE. */
    Frame await(int... commands) throws IOException {
        long deadline = System.nanoTime() + AgentProcess.PATIENCE.toNanos();
        while (System.nanoTime() < deadline) {
            Frame frame = read();
            if (Arrays.stream(commands).anyMatch(command -> command == frame.command)) {
                return frame;
            } else if (frame.command == CLOSE) {
                throw new AssertionError("the session has ended: " + frame.text());
            }
        }
        throw new AssertionError("none of the commands " + Arrays.toString(commands) + " has come");
    }

    /** Whether the other side has said its last word. */
    boolean isAtEnd() throws IOException {
        return in.read() < 0;
    }

    @Override
    public void close() throws IOException {
        socket.close();
    }
}
