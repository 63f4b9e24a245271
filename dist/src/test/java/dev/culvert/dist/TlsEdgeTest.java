package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.Socket;
import java.net.SocketException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** TLS between a tunnel and its applications. */
class TlsEdgeTest {
    @TempDir
    static Path directory;

    private static final Service ECHO = Service.echo();
    private static final Service DIGEST = Service.digest();
    private static final Service RESET = Service.reset();
    private static CertificateAuthority authority;
    private static SSLContext trusting;
    private static Tunnel tunnel;

    @BeforeAll
    static void open() throws Exception {
        OpenSsl.require("TLS between a tunnel and its applications");
        authority = CertificateAuthority.make(directory.resolve("ca"));
        var issued = authority.issue("localhost");
        trusting = trusting(authority.certificate());
        String tls = "tls { key-file = \"%s\", cert-file = \"%s\" }".formatted(issued.key(), issued.certificates());
        tunnel = Tunnel.to(ECHO)
                .forward("digest", DIGEST)
                .forward("reset", RESET)
                .client("forwards.web { %s }, forwards.digest { %s }, forwards.reset { %s }".formatted(tls, tls, tls))
                .client("forwards.socks { listen = \"127.0.0.1:0\", protocol = socks5, %s }".formatted(tls))
                .open();
    }

    @AfterAll
    static void close() throws IOException {
        ECHO.close();
        DIGEST.close();
        RESET.close();
        if (tunnel != null) {
            tunnel.close();
        }
    }

    private static SSLContext trusting(Path file) throws Exception {
        KeyStore roots = KeyStore.getInstance("PKCS12");
        roots.load(null);
        try (InputStream in = Files.newInputStream(file)) {
            roots.setCertificateEntry(
                    "ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
        factory.init(roots);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, factory.getTrustManagers(), null);
        return context;
    }

    private static SSLSocket wrap(Socket socket, String version) throws IOException {
        SSLSocket tls = (SSLSocket) trusting.getSocketFactory().createSocket(socket, "localhost", 0, true);
        tls.setEnabledProtocols(new String[] {version});
        SSLParameters parameters = tls.getSSLParameters();
        parameters.setEndpointIdentificationAlgorithm("HTTPS");
        tls.setSSLParameters(parameters);
        tls.startHandshake();
        return tls;
    }

    @ParameterizedTest
    @ValueSource(strings = {"TLSv1.3", "TLSv1.2"})
    @Tag("long")
    void applicationsMaySpeakTls(String version) throws Exception {
        try (SSLSocket socket = wrap(tunnel.connect(), version)) {
            socket.getOutputStream().write("hello".getBytes(UTF_8));
            assertThat(socket.getInputStream().readNBytes(5)).asString(UTF_8).isEqualTo("hello");
        }
    }

    @Test
    @Tag("long")
    void theEndOfOneDirectionIsNotThatOfTheOther() throws Exception {
        try (SSLSocket socket = wrap(tunnel.connect("digest"), "TLSv1.3")) {
            exchange(socket, 10_000_000);
        }
    }

    /** In TLS 1.2 the end of one direction is that of both: what still comes for it goes nowhere. */
    @Test
    @Tag("long")
    void whoGoesOnSayingSomethingToAnOlderTlsThatHasEndedIsReset() throws Exception {
        var own = authority.issue("localhost");
        CompletableFuture<String> ended = new CompletableFuture<>();
        try (Service target = Service.of(socket -> {
                    socket.getInputStream().readAllBytes();
                    try {
                        Bytes.source(4, Long.MAX_VALUE).transferTo(socket.getOutputStream());
                    } catch (IOException e) {
                        ended.complete(e.getMessage());
                    }
                });
                Tunnel to = Tunnel.to(target)
                        .client("forwards.web.tls { key-file = \"%s\", cert-file = \"%s\" }"
                                .formatted(own.key(), own.certificates()))
                        .open();
                SSLSocket socket = wrap(to.connect(), "TLSv1.2")) {
            socket.shutdownOutput();

            assertThat(ended.get(20, TimeUnit.SECONDS)).containsAnyOf("reset", "Broken pipe");
        }
    }

    @Test
    @Tag("long")
    void anEndOfTcpAloneIsAReset() throws Exception {
        Socket plain = tunnel.connect();
        SSLSocket socket = wrap(plain, "TLSv1.3");
        socket.getOutputStream().write('x');
        assertThat(socket.getInputStream().read()).isEqualTo('x');
        plain.shutdownOutput();

        assertThat(tunnel.client().awaitEnding("web", plain).reason())
                .contains("it ended TCP without the end of TLS, so something may be missing");
        plain.close();
    }

    @Test
    @Tag("long")
    void aResetOfTheTargetIsNoEndOfTls() throws Exception {
        try (SSLSocket socket = wrap(tunnel.connect("reset"), "TLSv1.3")) {
            socket.getOutputStream().write('x');

            isCut(socket);
        }
    }

    /** A timeout, which is an IOException too, is none. */
    private static void isCut(Socket socket) {
        assertThatThrownBy(() -> socket.getInputStream().read())
                .isInstanceOfAny(SSLException.class, SocketException.class);
    }

    @Test
    @Tag("long")
    void plainTextIsTurnedAway() throws Exception {
        try (Socket socket = tunnel.connect()) {
            socket.getOutputStream().write("GET / HTTP/1.1\r\n\r\n".getBytes(UTF_8));
            assertThat(socket.getInputStream().readAllBytes()).hasSizeLessThan(16); // an alert

            tunnel.client()
                    .awaitLog("forwards.web: 127.0.0.1:" + socket.getLocalPort()
                            + " turned away: the peer does not speak TLS$");
        }
    }

    @Test
    void whereTheyHaveToShowACertificateOneOfTheAuthorityIsLetInAndNobodyElse() throws Exception {
        var own = authority.issue("localhost");
        var foreign = CertificateAuthority.make(directory.resolve("foreign")).issue("application");
        var application = authority.issue("application");
        try (Service target = Service.echo();
                Tunnel to = Tunnel.to(target)
                        .client("forwards.web.tls { key-file = \"%s\", cert-file = \"%s\", ca-file = \"%s\" }"
                                .formatted(own.key(), own.certificates(), authority.certificate()))
                        .open()) {
            isTurnedAway(to, JdkTls.showing());
            isTurnedAway(to, JdkTls.showing(foreign.key(), foreign.certificates()));
            target.hasSeenNobody();

            try (SSLSocket socket = JdkTls.showing(application.key(), application.certificates())
                    .connect(to.client().port("forwards.web"), "TLSv1.3")) {
                Tunnel.echo(socket);
            }
        }
    }

    /** In TLS 1.3 an application hears of that after it has said something. */
    private static void isTurnedAway(Tunnel to, JdkTls application) throws IOException {
        try (SSLSocket socket = application.connect(to.client().port("forwards.web"), "TLSv1.3")) {
            assertThatThrownBy(() -> Tunnel.echo(socket)).isInstanceOfAny(SSLException.class, SocketException.class);
            to.client().awaitLog("forwards.web: 127.0.0.1:" + socket.getLocalPort() + " turned away: no TLS: ");
        }
    }

    @Test
    @Tag("long")
    void aProxyMaySpeakTls() throws Exception {
        try (SSLSocket socket = wrap(tunnel.connect("socks"), "TLSv1.3")) {
            socket.getOutputStream().write(new byte[] {5, 1, 0, 5, 1, 0, 1, 127, 0, 0, 1});
            socket.getOutputStream().write(new byte[] {(byte) (ECHO.port() >> 8), (byte) ECHO.port(), 'x'});
            byte[] answer = socket.getInputStream().readNBytes(13);
            assertThat(answer[3]).isZero();
            assertThat(answer[12]).isEqualTo((byte) 'x');
        }
    }

    @Test
    @Tag("long")
    void aNewCertificateIsTakenWithoutARestart() throws Exception {
        Path key = directory.resolve("own.key");
        Path certificates = directory.resolve("own.pem");
        copy(authority.issue("localhost"), key, certificates);
        try (Tunnel other = Tunnel.to(ECHO)
                .client("forwards.web.tls { key-file = \"%s\", cert-file = \"%s\" }".formatted(key, certificates))
                .open()) {
            String first;
            try (SSLSocket socket = wrap(other.connect(), "TLSv1.3")) {
                first = Objects.requireNonNull(socket.getSession().getPeerCertificates()[0])
                        .toString();
            }
            copy(authority.issue("localhost"), key, certificates);
            other.client().awaitLog("the files of a forward's tls have changed");
            await().untilAsserted(() -> {
                try (SSLSocket socket = wrap(other.connect(), "TLSv1.3")) {
                    assertThat(socket.getSession().getPeerCertificates()[0].toString())
                            .isNotEqualTo(first);
                }
            });
        }
    }

    private static void copy(CertificateAuthority.Issued issued, Path key, Path certificates) throws IOException {
        Files.deleteIfExists(key);
        Files.copy(issued.key(), key);
        Files.writeString(certificates, Files.readString(issued.certificates()));
    }

    // ---- targets

    private static SSLContext serving(CertificateAuthority.Issued issued) throws Exception {
        KeyStore keys = KeyStore.getInstance("PKCS12");
        keys.load(null);
        String pem = Files.readString(issued.key()).replaceAll("-----[A-Z ]+-----|\\s", "");
        var key = KeyFactory.getInstance("EC")
                .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        try (InputStream in = Files.newInputStream(issued.certificates())) {
            keys.setKeyEntry("key", key, new char[0], new Certificate[] {
                CertificateFactory.getInstance("X.509").generateCertificate(in)
            });
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance("PKIX");
        factory.init(keys, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(factory.getKeyManagers(), null, null);
        return context;
    }

    /** A service that speaks TLS, and then does as {@code handler} says. */
    private static Service withTls(CertificateAuthority.Issued issued, Service.Handler handler) throws Exception {
        SSLContext context = serving(issued);
        return Service.of(plain -> handler.serve(accept(context, plain)));
    }

    /** As {@link Service#digest}, and ends its direction of TLS. */
    private static Service digestWithTls() throws Exception {
        return withTls(authority.issue("localhost"), socket -> {
            byte[] digest = Bytes.digest(socket.getInputStream());
            socket.getOutputStream().write(digest);
            socket.shutdownOutput();
        });
    }

    /** Sends so many bytes and the end of them, and hears their digest and the end of that. */
    private static void exchange(Socket socket, int bytes) throws IOException {
        Bytes.source(5, bytes).transferTo(socket.getOutputStream());
        socket.shutdownOutput();
        assertThat(socket.getInputStream().readAllBytes()).isEqualTo(Bytes.digest(Bytes.source(5, bytes)));
    }

    private static SSLSocket accept(SSLContext context, Socket plain) throws IOException {
        return accept(context, plain, "TLSv1.3");
    }

    private static SSLSocket accept(SSLContext context, Socket plain, String version) throws IOException {
        SSLSocket tls = (SSLSocket) context.getSocketFactory().createSocket(plain, null, plain.getPort(), false);
        tls.setUseClientMode(false);
        tls.setEnabledProtocols(new String[] {version});
        tls.startHandshake();
        return tls;
    }

    private static Tunnel toTls(Service target, String targetTls) {
        return Tunnel.to(target)
                .client("forwards.web { target = \"localhost:%d\", target-tls %s }".formatted(target.port(), targetTls))
                .allow("localhost:" + target.port())
                .open();
    }

    private static String trustingAuthority() {
        return "{ ca-file = \"%s\" }".formatted(authority.certificate());
    }

    @Test
    void aTargetMaySpeakTls() throws Exception {
        try (Service target = digestWithTls();
                Tunnel to = toTls(target, trustingAuthority());
                Socket socket = to.connect()) {
            exchange(socket, 10_000_000);
            to.client().awaitLog("forward=web .*end: closed");
        }
    }

    /** All of it is there, and the end, before TLS has begun with the target. */
    @Test
    @Tag("long")
    void anApplicationThatEndsAtOnceIsHeardByItsTarget() throws Exception {
        byte[] said = "all that it has to say".getBytes(UTF_8);
        try (Service target = withTls(authority.issue("localhost"), socket -> {
                    socket.getOutputStream().write(socket.getInputStream().readAllBytes());
                    socket.shutdownOutput();
                });
                Tunnel to = toTls(target, trustingAuthority())) {
            for (int i = 0; i < 20; i++) {
                try (Socket socket = to.connect()) {
                    socket.getOutputStream().write(said);
                    socket.shutdownOutput();
                    assertThat(socket.getInputStream().readAllBytes()).isEqualTo(said);
                }
            }
        }
    }

    @Test
    @Tag("long")
    void aTargetThatSpeaksFirstIsHeard() throws Exception {
        byte[] much = Bytes.source(9, 3_000_000).readAllBytes();
        try (Service target = withTls(authority.issue("localhost"), socket -> {
                    socket.getOutputStream().write(much);
                    socket.shutdownOutput();
                    socket.getInputStream().transferTo(OutputStream.nullOutputStream());
                });
                Tunnel to = toTls(target, trustingAuthority());
                Socket socket = to.connect()) {
            assertThat(socket.getInputStream().readAllBytes()).isEqualTo(much);
        }
    }

    @Test
    @Tag("long")
    void aTargetWithTheCertificateOfAnotherIsNotSpokenWith() throws Exception {
        try (Service target = withTls(
                        authority.issue("elsewhere.test"),
                        socket -> socket.getInputStream().read());
                Tunnel to = toTls(target, trustingAuthority())) {
            assertThat(Tunnel.awaitReset(to.client(), "web").reason())
                    .contains("certificate is not trusted")
                    .contains("localhost")
                    .endsWith("; if that is whom you mean, name whom it is for in target-tls.server-name");
        }
    }

    @Test
    @Tag("long")
    void aTargetWhoseCertificateHasExpiredIsNotSpokenWith() throws Exception {
        try (Service target = withTls(
                        authority.issue("localhost", "20200101000000Z", "20210101000000Z"),
                        socket -> socket.getInputStream().read());
                Tunnel to = toTls(target, trustingAuthority())) {
            assertThat(Tunnel.awaitReset(to.client(), "web").reason())
                    .contains("certificate is not trusted")
                    .contains("it has expired: the target needs a new one");
        }
    }

    /** TLS has begun by then, and its end is not the target's doing: {@link AgentProcess} would see the trace of it. */
    @Test
    @Tag("long")
    void aTargetThatCannotBeDialledIsSaidToBeThat() throws Exception {
        int nobody = Service.freePort();
        try (Tunnel to = Tunnel.builder()
                .client("forwards.web { listen = \"127.0.0.1:0\", target = \"localhost:%d\", target-tls = on }"
                        .formatted(nobody))
                .allow("localhost:" + nobody)
                .open()) {
            assertThat(Tunnel.awaitReset(to.client(), "web").reason()).contains("connection refused");
        }
    }

    @Test
    @Tag("long")
    void aTargetOfAnUnknownAuthorityIsNotSpokenWithAndAnotherNameMayBeWritten() throws Exception {
        try (Service target = withTls(
                        authority.issue("elsewhere.test"),
                        socket -> socket.getInputStream().transferTo(socket.getOutputStream()));
                Tunnel strict = toTls(target, "= on");
                Tunnel named = toTls(
                        target,
                        "{ ca-file = \"%s\", server-name = elsewhere.test }".formatted(authority.certificate()));
                Socket socket = named.connect()) {
            assertThat(Tunnel.awaitReset(strict.client(), "web").reason())
                    .contains("certificate is not trusted")
                    .endsWith("; if it is of an authority of your own, name that in target-tls.ca-file");
            Tunnel.echo(socket);
        }
    }

    @Test
    @Tag("long")
    void aTargetThatEndsTcpAloneIsSeenAsAReset() throws Exception {
        try (Service target = withTls(authority.issue("localhost"), socket -> {
                    socket.getInputStream().read();
                    socket.getOutputStream().write('x');
                    socket.getInputStream().read();
                    throw new IOException("and no end of TLS");
                });
                Tunnel to = toTls(target, trustingAuthority());
                Socket socket = to.connect()) {
            socket.getOutputStream().write('x');
            assertThat(socket.getInputStream().read()).isEqualTo('x');
            socket.getOutputStream().write('y');

            assertThatThrownBy(() -> socket.getInputStream().read())
                    .isInstanceOf(SocketException.class)
                    .hasMessageContaining("reset");
            assertThat(to.client().awaitEnding("web", socket).reason())
                    .contains("the target ended TCP without the end of TLS");
        }
    }

    private static Tunnel fromTlsToTls(Service target) {
        var own = authority.issue("localhost");
        return Tunnel.to(target)
                .client(
                        "forwards.web { target = \"localhost:%d\", target-tls %s, tls { key-file = \"%s\", cert-file = \"%s\" } }"
                                .formatted(target.port(), trustingAuthority(), own.key(), own.certificates()))
                .allow("localhost:" + target.port())
                .open();
    }

    @Test
    @Tag("long")
    void bothEndsMaySpeakTlsAndEachDirectionEndsByItself() throws Exception {
        try (Service target = digestWithTls();
                Tunnel to = fromTlsToTls(target);
                SSLSocket socket = wrap(to.connect(), "TLSv1.3")) {
            exchange(socket, 3_000_000);
            to.client().awaitLog("forward=web .*end: closed");
        }
    }

    @Test
    @Tag("long")
    void whereBothEndsSpeakTlsACutAtTheTargetIsNoEndOfTls() throws Exception {
        try (Service target = withTls(authority.issue("localhost"), socket -> {
                    socket.getInputStream().read();
                    throw new IOException("and no end of TLS");
                });
                Tunnel to = fromTlsToTls(target);
                SSLSocket socket = wrap(to.connect(), "TLSv1.3")) {
            socket.getOutputStream().write('x');

            isCut(socket);
        }
    }

    // ---- targets of reverse forwards

    private static Tunnel.Builder back(Service target, String reverse) {
        return Tunnel.builder()
                .server("clients.tests.offers = [web], listeners { web { listen = \"127.0.0.1:0\" } }")
                .client("reverse { web { target = \"localhost:%d\", %s } }".formatted(target.port(), reverse));
    }

    private static Tunnel backToTls(Service target) {
        return back(target, "target-tls " + trustingAuthority()).open();
    }

    private static Socket fromOutside(Tunnel tunnel) throws IOException {
        return Tunnel.connectTo(tunnel.server().port("listeners.web"));
    }

    @Test
    @Tag("long")
    void theTargetOfAReverseForwardMaySpeakTlsAndEachDirectionEndsByItself() throws Exception {
        try (Service target = digestWithTls();
                Tunnel to = backToTls(target);
                Socket socket = fromOutside(to)) {
            exchange(socket, 10_000_000);
            to.client().awaitLog("forward=reverse.web .*end: closed");
            to.server().awaitLog("forward=reverse.web .*end: closed");
        }
    }

    @Test
    @Tag("long")
    void itMaySpeakFirstAndEndFirst() throws Exception {
        byte[] much = Bytes.source(9, 3_000_000).readAllBytes();
        AtomicReference<byte[]> heard = new AtomicReference<>();
        try (Service target = withTls(authority.issue("localhost"), socket -> {
                    socket.getOutputStream().write(much);
                    socket.shutdownOutput();
                    heard.set(socket.getInputStream().readAllBytes());
                });
                Tunnel to = backToTls(target);
                Socket socket = fromOutside(to)) {
            assertThat(socket.getInputStream().readAllBytes()).isEqualTo(much);
            socket.getOutputStream().write(much);
            socket.shutdownOutput();

            to.client().awaitLog("forward=reverse.web .*end: closed");
            await().untilAsserted(() -> assertThat(heard.get()).isEqualTo(much));
        }
    }

    @Test
    @Tag("long")
    void itMaySpeakAnOlderTls() throws Exception {
        SSLContext context = serving(authority.issue("localhost"));
        try (Service target = Service.of(plain -> {
                    SSLSocket tls = accept(context, plain, "TLSv1.2");
                    tls.getInputStream().transferTo(tls.getOutputStream());
                    tls.shutdownOutput();
                });
                Tunnel to = backToTls(target);
                Socket socket = fromOutside(to)) {
            Tunnel.echo(socket);
            socket.shutdownOutput();
            assertThat(socket.getInputStream().read()).isNegative();
        }
    }

    @Test
    @Tag("long")
    void itIsNotOfferedWithACertificateThatIsNotTrustedUntilItIs() throws Exception {
        Path ca = directory.resolve("reverse-ca.pem");
        Files.copy(CertificateAuthority.make(directory.resolve("stranger")).certificate(), ca);
        try (Service target = withTls(
                        authority.issue("localhost"),
                        socket -> socket.getInputStream().transferTo(socket.getOutputStream()));
                Tunnel to = back(
                                target,
                                "target-tls { ca-file = \"%s\" }, health { interval = 100ms, rise = 1 }".formatted(ca))
                        .open()) {
            to.client()
                    .awaitLog("WARN .*reverse.web: not offered while its target does not answer: localhost:.*"
                            + "the target's certificate is not trusted: .*target-tls.ca-file");
            assertThat(to.server().log().matching("listeners.web: listening")).isEmpty();

            Files.copy(authority.certificate(), ca, StandardCopyOption.REPLACE_EXISTING);
            to.client().signal("HUP");
            to.client().awaitLog("reverse.web: localhost:\\d+ answers");
            try (Socket socket = fromOutside(to)) {
                Tunnel.echo(socket);
            }
        }
    }

    @Test
    @Tag("long")
    void nothingIsSaidToOneThatIsNotTrusted() throws Exception {
        AtomicInteger heard = new AtomicInteger();
        try (Service target = withTls(
                        authority.issue("elsewhere.test"),
                        socket -> heard.addAndGet(socket.getInputStream().readAllBytes().length));
                Tunnel to = back(target, "health = off, target-tls " + trustingAuthority())
                        .open();
                Socket socket = fromOutside(to)) {
            socket.getOutputStream().write('x');
            assertReset(socket);
            assertThat(to.client().awaitEnding("reverse.web", socket).reason())
                    .contains("certificate is not trusted")
                    .contains("localhost");
            assertThat(heard).hasValue(0);
        }
    }

    @Test
    @Tag("long")
    void oneThatDoesNotSpeakTlsIsSaidNotTo() throws Exception {
        try (Service target = Service.greeting("220 mail.test ESMTP\r\n".getBytes(UTF_8));
                Tunnel to = back(target, "health = off, target-tls " + trustingAuthority())
                        .open();
                Socket socket = fromOutside(to)) {
            assertReset(socket);
            assertThat(to.client().awaitEnding("reverse.web", socket).reason())
                    .contains("the target does not speak TLS; remove target-tls");
        }
    }

    @Test
    @Tag("long")
    void oneThatIsSilentIsGivenUpInTime() throws Exception {
        try (Service target = Service.stall();
                Tunnel to = back(target, "health = off, target-tls = on")
                        .client("dial.timeout = 500ms")
                        .open();
                Socket socket = fromOutside(to)) {
            assertReset(socket);
            assertThat(to.client().awaitEnding("reverse.web", socket).reason())
                    .contains("timeout")
                    .contains("it has not answered TLS within 500 ms");
        }
    }

    private static void assertReset(Socket socket) {
        assertThatThrownBy(() -> socket.getInputStream().read())
                .isInstanceOf(SocketException.class)
                .hasMessageContaining("reset");
    }

    @Test
    @Tag("long")
    void whereItEndsTcpAloneThatIsAReset() throws Exception {
        try (Service target = withTls(authority.issue("localhost"), socket -> {
                    socket.getInputStream().read();
                    socket.getOutputStream().write('x');
                    socket.getInputStream().read();
                    throw new IOException("and no end of TLS");
                });
                Tunnel to = backToTls(target);
                Socket socket = fromOutside(to)) {
            Tunnel.echo(socket);
            socket.getOutputStream().write('y');

            assertReset(socket);
            assertThat(to.client().awaitEnding("reverse.web", socket).reason())
                    .contains("it ended TCP without the end of TLS");
        }
    }

    @Test
    @Tag("long")
    void aResetOnEitherSideIsAResetOnTheOther() throws Exception {
        AtomicReference<IOException> failure = new AtomicReference<>();
        try (Service target = withTls(authority.issue("localhost"), socket -> {
                    socket.getOutputStream().write(socket.getInputStream().read());
                    try {
                        socket.getInputStream().read();
                    } catch (IOException e) {
                        failure.set(e);
                        throw e;
                    }
                });
                Tunnel to = backToTls(target)) {
            try (Socket socket = fromOutside(to)) {
                Tunnel.echo(socket);
                socket.setSoLinger(true, 0);
            }
            await().untilAsserted(
                            () -> assertThat(failure.get()).as("no end of TLS").isNotNull());
        }
        SSLContext context = serving(authority.issue("localhost"));
        try (Service target = Service.of(plain -> {
                    SSLSocket tls = accept(context, plain);
                    tls.getOutputStream().write(tls.getInputStream().read());
                    tls.getInputStream().read();
                    plain.setSoLinger(true, 0);
                });
                Tunnel to = backToTls(target);
                Socket socket = fromOutside(to)) {
            Tunnel.echo(socket);
            socket.getOutputStream().write('y');
            assertReset(socket);
        }
    }

    @Test
    @Tag("long")
    void theHeaderOfTheProxyProtocolComesBeforeTls() throws Exception {
        SSLContext context = serving(authority.issue("localhost"));
        Set<String> headers = ConcurrentHashMap.newKeySet();
        try (Service target = Service.of(plain -> {
                    StringBuilder header = new StringBuilder();
                    while (header.indexOf("\r\n") < 0) {
                        header.append((char) plain.getInputStream().read());
                    }
                    headers.add(header.toString());
                    SSLSocket tls = accept(context, plain);
                    tls.getInputStream().transferTo(tls.getOutputStream());
                });
                Tunnel to = back(target, "proxy-protocol = v1, target-tls " + trustingAuthority())
                        .open();
                Socket socket = fromOutside(to)) {
            Tunnel.echo(socket);
            assertThat(headers)
                    .containsExactlyInAnyOrder(
                            "PROXY UNKNOWN\r\n",
                            "PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n"
                                    .formatted(socket.getLocalPort(), socket.getPort()));
        }
    }
}
