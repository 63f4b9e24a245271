package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.dist.CertificateAuthority.Issued;
import java.io.IOException;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Agents that know each other by what a CA calls them, and those who only look like it. */
@SuppressWarnings("NullAway.Init")
final class AuthorityAttackTest {
    private static final String CLIENT = "laptop.test";
    private static final String SERVER = "tunnel.test";
    private static final Service ECHO = Service.echo();

    @TempDir
    private static Path directory;

    private static CertificateAuthority authority;
    /** Of the same name. */
    private static CertificateAuthority foreign;

    private static AgentProcess server;

    @BeforeAll
    static void open() {
        OpenSsl.require("who a CA vouches for");
        authority = CertificateAuthority.make(directory.resolve("ca"));
        foreign = CertificateAuthority.make(directory.resolve("foreign"));
        server = AgentProcess.server()
                .config("""
                        listen = "127.0.0.1:0"
                        tls { %s }
                        clients { laptop { name = "%s", allow = ["%s"] } }
                        """.formatted(files(authority.issue(SERVER)), CLIENT, ECHO.address()))
                .start();
    }

    @AfterAll
    static void close() throws IOException {
        ECHO.close();
        if (server != null) {
            server.close();
        }
    }

    private static String files(Issued own) {
        return "key-file = \"%s\", cert-file = \"%s\", ca-file = \"%s\""
                .formatted(own.key(), own.certificates(), authority.certificate());
    }

    private static AgentProcess startClient(List<Integer> ports) {
        List<String> servers =
                ports.stream().map(port -> "\"127.0.0.1:" + port + '"').toList();
        return AgentProcess.client()
                .config("""
                        upstream { servers = [%s], tls { %s, server-name = "%s" } }
                        forwards { web { listen = "127.0.0.1:0", target = "%s" } }
                        """.formatted(
                                String.join(", ", servers), files(authority.issue(CLIENT)), SERVER, ECHO.address()))
                .start();
    }

    /** A certificate, what is wrong with it, and what is said of it by whom it was to deceive. */
    private record Wrong(String what, Issued shown, String reason) {
        @Override
        public String toString() {
            return what;
        }
    }

    private static Stream<Wrong> wrong(String name, String otherPurpose) {
        String refused = "the certificate of CN=" + name + " is not accepted by ca-file: ";
        return Stream.of(
                new Wrong(
                        "it has expired",
                        authority.issue(name, "20200101000000Z", "20210101000000Z"),
                        refused + "expired, NotAfter: Fri Jan 01 .* 2021"),
                new Wrong(
                        "it is not valid yet",
                        authority.issue(name, "20900101000000Z", "20910101000000Z"),
                        refused + "not valid yet, NotBefore: Sun Jan 01 .* 2090"),
                new Wrong(
                        "a foreign CA of the same name has signed it",
                        foreign.issue(name),
                        refused + "Path does not chain with any of the trust anchors"),
                new Wrong(
                        "nobody has signed it",
                        authority.selfSigned(name),
                        refused + "unable to find valid certification path to requested target"),
                new Wrong(
                        "somebody has signed it who is no CA",
                        authority.pretending(authority.issue("leaf.test")).issue(name),
                        refused + ".*not a CA certificate"),
                new Wrong(
                        "it is for something else",
                        authority.issueFor(otherPurpose, name),
                        refused + "Extended key usage does not permit use for TLS .* authentication"));
    }

    static Stream<Wrong> clients() {
        return Stream.concat(
                wrong(CLIENT, "serverAuth"),
                Stream.of(
                        new Wrong(
                                "its name is not listed",
                                authority.issue("phone.test"),
                                "none of those under clients, nor is its name \\[phone\\.test\\]; list one of them there to let it in")));
    }

    private static List<Wrong> servers() {
        return Stream.concat(
                        wrong(SERVER, "clientAuth"),
                        Stream.of(new Wrong(
                                "it is for another name",
                                authority.issue("other.test"),
                                "the certificate is for \\[other\\.test\\], not for tunnel\\.test; if that is right, set"
                                        + " server-name to one of them")))
                .toList();
    }

    @Test
    void whoTheAuthorityHasSignedForWork() throws Exception {
        try (AgentProcess client = startClient(List.of(server.port("listen")))) {
            Tunnel.echoes(client);
            server.awaitLog("session from laptop@127\\.0\\.0\\.1:\\d+ up");
        }
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("clients")
    void aClientGetsNothingIf(Wrong is) throws Exception {
        JdkTls tls = JdkTls.showing(is.shown.key(), is.shown.certificates());
        int sessions = server.log().matching("session from .* up").size();
        try (SSLSocket socket = tls.connect(server.port("listen"), "TLSv1.3")) {
            assertThatThrownBy(() -> {
                        socket.startHandshake(); // a TLS 1.3 client is done before the server has looked
                        socket.getInputStream().read();
                    })
                    .isInstanceOf(IOException.class);
            server.awaitRefusal(socket, ".*" + is.reason);
            assertThat(server.log().matching("session from .* up")).hasSize(sessions);
        }
    }

    @Test
    void whatAStrangerCallsItselfIsNoLineOfTheLog() throws Exception {
        String line = "2026 INFO listen: session from laptop up";
        Issued stranger = authority.selfSigned("x\n" + line + "\u001b[2J");
        JdkTls tls = JdkTls.showing(stranger.key(), stranger.certificates());
        try (SSLSocket socket = tls.connect(server.port("listen"), "TLSv1.3")) {
            socket.startHandshake();
            server.awaitRefusal(socket, ".*" + Pattern.quote("x?" + line + "?[2J"));
            assertThat(server.log().matching("^" + line)).isEmpty();
        }
    }

    /** Shows what is wrong to whoever comes. */
    private static final class FalseServer implements AutoCloseable {
        final Wrong is;
        final Service service;
        final CompletableFuture<SSLSocket> handshake = new CompletableFuture<>();

        FalseServer(Wrong is) throws IOException, GeneralSecurityException {
            this.is = is;
            JdkTls tls = JdkTls.showing(is.shown.key(), is.shown.certificates());
            service = Service.of(plain -> {
                try (SSLSocket socket = tls.accept(plain)) {
                    socket.startHandshake();
                    handshake.complete(socket);
                } catch (SSLException e) {
                    handshake.completeExceptionally(e);
                }
            });
        }

        @Override
        public void close() throws IOException {
            service.close();
        }
    }

    @Test
    void aClientLeavesEveryFalseServerAndSaysWhy() throws Exception {
        List<FalseServer> falseServers = new ArrayList<>();
        for (Wrong is : servers()) {
            falseServers.add(new FalseServer(is));
        }
        List<Integer> ports = new ArrayList<>();
        falseServers.forEach(one -> ports.add(one.service.port()));
        ports.add(server.port("listen"));

        try (AgentProcess client = startClient(ports)) {
            Tunnel.echoes(client);
            for (FalseServer one : falseServers) {
                assertThat(client.awaitLog("no session with " + one.service.address() + ": (.*); dialling")
                                .group(1))
                        .as("%s", one.is)
                        .containsPattern(one.is.reason);
                assertThat(one.handshake)
                        .as("%s", one.is)
                        .failsWithin(AgentProcess.PATIENCE)
                        .withThrowableOfType(ExecutionException.class)
                        .withCauseInstanceOf(SSLException.class);
            }
        } finally {
            for (FalseServer one : falseServers) {
                one.close();
            }
        }
    }
}
