package dev.culvert.dist;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** TLS of another make: it trusts everybody, and shows what it is given. */
final class JdkTls {
    private static final Pattern PEM = Pattern.compile("-----BEGIN ([^-]+)-----([^-]+)-----END");

    private final SSLContext context;

    private JdkTls(SSLContext context) {
        this.context = context;
    }

    /** With the key and the certificates of these PEM files; without files, with none. */
    static JdkTls showing(Path... files) throws IOException, GeneralSecurityException {
        List<Certificate> chain = new ArrayList<>();
        List<PrivateKey> keys = new ArrayList<>();
        for (Path file : files) {
            for (Matcher block = PEM.matcher(Files.readString(file)); block.find(); ) {
                byte[] der = Base64.getMimeDecoder().decode(block.group(2));
                if (block.group(1).equals("CERTIFICATE")) {
                    chain.add(
                            CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der)));
                } else {
                    keys.add(KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der)));
                }
            }
        }
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        if (!keys.isEmpty()) {
            store.setKeyEntry("own", keys.get(0), new char[0], chain.toArray(new Certificate[0]));
        }
        KeyManagerFactory own = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        own.init(store, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(own.getKeyManagers(), new TrustManager[] {new TrustsEverybody()}, new SecureRandom());
        return new JdkTls(context);
    }

    /** Connects, and leaves the handshake for later. */
    SSLSocket connect(int port, String version) throws IOException {
        SSLSocket socket = newSocket();
        Tunnel.connect(socket, port);
        socket.setEnabledProtocols(new String[] {version});
        return socket;
    }

    SSLSocket newSocket() throws IOException {
        return (SSLSocket) context.getSocketFactory().createSocket();
    }

    /** The listening side of a connection that was accepted; it leaves the handshake for later. */
    SSLSocket accept(Socket socket) throws IOException {
        SSLSocket accepted = (SSLSocket) context.getSocketFactory().createSocket(socket, "localhost", 0, true);
        accepted.setUseClientMode(false);
        return accepted;
    }

    private static final class TrustsEverybody implements X509TrustManager {
        @Override
        public void checkClientTrusted(X509Certificate[] chain, String type) {}

        @Override
        public void checkServerTrusted(X509Certificate[] chain, String type) {}

        @Override
        public X509Certificate[] getAcceptedIssuers() {
            return new X509Certificate[0];
        }
    }
}
