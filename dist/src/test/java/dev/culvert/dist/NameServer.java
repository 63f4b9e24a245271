package dev.culvert.dist;

import java.io.IOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** A DNS server on UDP (RFC 1035) that has one address for whatever name it is asked for, or none: then it fails. */
final class NameServer implements AutoCloseable {
    private static final int HEADER = 12;
    private static final int TYPE_A = 1;
    private static final int SERVFAIL = 2;

    private final DatagramSocket socket;
    private volatile @Nullable String address;

    NameServer(String listen) throws IOException {
        this(listen, 53);
    }

    NameServer(String listen, int port) throws IOException {
        socket = new DatagramSocket(new InetSocketAddress(listen, port));
        Thread thread = new Thread(this::answer, "name server");
        thread.setDaemon(true);
        thread.start();
    }

    int port() {
        return socket.getLocalPort();
    }

    /** From now on names lead there; without an address they lead nowhere. */
    void say(@Nullable String newAddress) {
        address = newAddress;
    }

    private void answer() {
        try {
            while (true) {
                DatagramPacket question = new DatagramPacket(new byte[512], 512);
                socket.receive(question);
                byte[] answer = answer(Arrays.copyOf(question.getData(), question.getLength()));
                socket.send(new DatagramPacket(answer, answer.length, question.getSocketAddress()));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private byte[] answer(byte[] question) throws IOException {
        int end = HEADER;
        while (question[end] != 0) {
            end += question[end] + 1;
        }
        int type = question[end + 2];
        end += 5;
        String found = address;
        boolean has = found != null && type == TYPE_A;
        ByteBuffer answer = ByteBuffer.allocate(512)
                .put(question, 0, 2)
                .putShort((short) (0x8180 | (found == null ? SERVFAIL : 0)))
                .putShort((short) 1)
                .putShort((short) (has ? 1 : 0))
                .putInt(0)
                .put(question, HEADER, end - HEADER);
        if (has) {
            answer.putShort((short) 0xc00c) // the name of the question
                    .putShort((short) TYPE_A)
                    .putShort((short) 1)
                    .putInt(1) // seconds that it is good for
                    .putShort((short) 4)
                    .put(InetAddress.getByName(found).getAddress());
        }
        return Arrays.copyOf(answer.array(), answer.position());
    }

    @Override
    public void close() {
        socket.close();
    }
}
