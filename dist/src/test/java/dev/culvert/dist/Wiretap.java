package dev.culvert.dist;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;

/** Somebody on the way between a client and a server: keeps what passes, and changes it when told to. */
final class Wiretap implements AutoCloseable {
    private final ServerSocket listening = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
    private final int serverPort;
    private final ByteArrayOutputStream fromClient = new ByteArrayOutputStream();
    private final ByteArrayOutputStream fromServer = new ByteArrayOutputStream();
    private final Thread forth = new Thread(this::carry, "wiretap, forth");
    private volatile boolean changing;

    /** Waits for one client. */
    Wiretap(int serverPort) throws IOException {
        this.serverPort = serverPort;
        forth.setDaemon(true);
        forth.start();
    }

    int port() {
        return listening.getLocalPort();
    }

    /** From now on one bit of all that the server sends is another one. */
    void changeWhatTheServerSends() {
        changing = true;
    }

    /** All that the client has sent, once it has closed the connection. */
    byte[] awaitAllFromClient() throws InterruptedException {
        forth.join(AgentProcess.PATIENCE.toMillis());
        return fromClient.toByteArray();
    }

    /** What has passed so far, in both directions. */
    byte[][] seen() {
        return new byte[][] {fromClient.toByteArray(), fromServer.toByteArray()};
    }

    private void carry() {
        try (Socket near = listening.accept();
                Socket far = Tunnel.connectTo(serverPort)) {
            Thread back = new Thread(() -> copy(far, near, fromServer), "wiretap, back");
            back.setDaemon(true);
            back.start();
            copy(near, far, fromClient);
            back.join(AgentProcess.PATIENCE.toMillis());
        } catch (IOException e) {
            // closed: nobody has come
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void copy(Socket from, Socket to, ByteArrayOutputStream record) {
        byte[] block = new byte[4096];
        try {
            InputStream in = from.getInputStream();
            for (int n = in.read(block); n >= 0; n = in.read(block)) {
                record.write(block, 0, n);
                if (changing && record == fromServer) {
                    block[n - 1] ^= 1;
                }
                to.getOutputStream().write(block, 0, n);
            }
            to.shutdownOutput();
        } catch (IOException e) {
            // The session has ended in one way or another: what was recorded counts.
        }
    }

    @Override
    public void close() throws IOException {
        listening.close();
    }
}
