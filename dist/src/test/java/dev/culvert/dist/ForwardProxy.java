package dev.culvert.dist;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * A proxy by which clients reach the world: HTTP CONNECT and SOCKS5 on the same port. It knows the name {@value #NAME},
 * which nobody else does.
 */
final class ForwardProxy implements AutoCloseable {
    /** Leads to loopback. */
    static final String NAME = "tunnel.test";

    private final ServerSocket listening = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    private final @Nullable String login;
    private final List<String> asked = new CopyOnWriteArrayList<>();
    private final Set<Socket> open = ConcurrentHashMap.newKeySet();

    /** @param login {@code user:password}; null: it asks for none */
    ForwardProxy(@Nullable String login) throws IOException {
        this.login = login;
        thread(this::accept);
    }

    private static void thread(Runnable run) {
        Thread thread = new Thread(run, "proxy");
        thread.setDaemon(true);
        thread.start();
    }

    int port() {
        return listening.getLocalPort();
    }

    /** Where it was asked to lead, in order: {@code HOST:PORT}. */
    List<String> asked() {
        return asked;
    }

    /** Resets all connections. */
    void cut() {
        open.forEach(ForwardProxy::reset);
        open.clear();
    }

    private static void reset(Socket socket) {
        try {
            socket.setSoLinger(true, 0);
            socket.close();
        } catch (IOException e) {
            // closed already
        }
    }

    private void accept() {
        try {
            while (true) {
                Socket near = listening.accept();
                open.add(near);
                thread(() -> lead(near));
            }
        } catch (IOException e) {
            // closed
        }
    }

    private void lead(Socket near) {
        try {
            DataInputStream in = new DataInputStream(near.getInputStream());
            int first = in.readUnsignedByte();
            String target = first == 5 ? socks(in, near) : http((char) first, in, near);
            if (target == null) {
                near.close();
                return;
            }
            Socket far = Tunnel.connectTo(Integer.parseInt(target.substring(target.lastIndexOf(':') + 1)));
            open.add(far);
            near.getOutputStream()
                    .write(
                            first == 5
                                    ? new byte[] {5, 0, 0, 1, 0, 0, 0, 0, 0, 0}
                                    : Bytes.ascii("HTTP/1.1 200 Connection established\r\n\r\n"));
            thread(() -> copy(near, far));
            copy(far, near);
        } catch (IOException e) {
            reset(near);
        }
    }

    /** Null: it is not let in, and has been told so. */
    private @Nullable String http(char first, DataInputStream in, Socket near) throws IOException {
        StringBuilder head = new StringBuilder().append(first);
        while (head.indexOf("\r\n\r\n") < 0) {
            head.append((char) in.readUnsignedByte());
        }
        String expected =
                login == null ? "" : Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8));
        if (!head.toString().contains(login == null ? "" : "proxy-authorization: Basic " + expected + "\r\n")) {
            near.getOutputStream().write(Bytes.ascii("HTTP/1.1 407 No\r\nProxy-Authenticate: Basic\r\n\r\n"));
            return null;
        }
        return ask(head.toString().split(" ", 3)[1]);
    }

    private @Nullable String socks(DataInputStream in, Socket near) throws IOException {
        byte[] methods = in.readNBytes(in.readUnsignedByte());
        byte method = (byte) (login == null ? 0 : 2);
        if (new String(methods, StandardCharsets.ISO_8859_1).indexOf(method) < 0) {
            near.getOutputStream().write(new byte[] {5, (byte) 0xff});
            return null;
        }
        near.getOutputStream().write(new byte[] {5, method});
        if (login != null) {
            in.readUnsignedByte();
            String shown = text(in) + ":" + text(in);
            near.getOutputStream().write(new byte[] {1, (byte) (shown.equals(login) ? 0 : 1)});
            if (!shown.equals(login)) {
                return null;
            }
        }
        in.readNBytes(3);
        String host = in.readUnsignedByte() == 3
                ? text(in)
                : InetAddress.getByAddress(in.readNBytes(4)).getHostAddress();
        return ask(host + ":" + in.readUnsignedShort());
    }

    private static String text(DataInputStream in) throws IOException {
        return new String(in.readNBytes(in.readUnsignedByte()), StandardCharsets.US_ASCII);
    }

    private String ask(String target) {
        asked.add(target);
        return target;
    }

    private static void copy(Socket from, Socket to) {
        try {
            from.getInputStream().transferTo(to.getOutputStream());
            to.shutdownOutput();
        } catch (IOException e) {
            reset(from);
            reset(to);
        }
    }

    @Override
    public void close() throws IOException {
        listening.close();
        cut();
    }
}
