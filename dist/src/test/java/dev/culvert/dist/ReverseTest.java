package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import dev.culvert.dist.RawPeer.Frame;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The server listens, and clients dial. */
final class ReverseTest {
    private static final Service ECHO = Service.echo();

    @TempDir
    private Path directory = Path.of("");

    @AfterAll
    static void close() throws IOException {
        ECHO.close();
    }

    private static void free(ServerSocket socket) throws IOException {
        socket.close();
    }

    private static String server(int port, String more) {
        return """
                listen = "127.0.0.1:%d", tls { key-file = "%s" }
                clients.tests { key = "%s", offers = ["web"] }
                listeners { web { listen = "127.0.0.1:0" } }
                %s
                """.formatted(port, Keys.SERVER.file(), Keys.CLIENT.fingerprint(), more);
    }

    private static AgentProcess startServer(String more) {
        return AgentProcess.server().config(server(0, more)).start();
    }

    private static String client(Keys keys, int port, String reverse) {
        return """
                upstream { servers = ["127.0.0.1:%d"], tls { key-file = "%s", server-key = "%s" } }
                reverse { %s }
                """.formatted(port, keys.file(), Keys.SERVER.fingerprint(), reverse);
    }

    private static AgentProcess startClient(Keys keys, int port, String reverse) {
        return AgentProcess.client().config(client(keys, port, reverse)).start();
    }

    private static AgentProcess startClient(AgentProcess server, String reverse) {
        return startClient(Keys.CLIENT, server.port("listen"), reverse);
    }

    private static String web(Service target) {
        return "web { target = \"%s\" }".formatted(target.address());
    }

    private static Socket connect(AgentProcess server) throws IOException {
        return Tunnel.connectTo(server.port("listeners.web"));
    }

    private static void echoes(int port) throws IOException {
        try (Socket socket = Tunnel.connectTo(port)) {
            Tunnel.echo(socket);
        }
    }

    private static void refuses(int port) {
        assertThatThrownBy(() -> Tunnel.connectTo(port)).isInstanceOf(ConnectException.class);
    }

    // ---- one connection

    @Test
    void bytesGoBothWaysBitForBitAndEachDirectionEndsByItself() throws Exception {
        long size = 50_000_000;
        try (Service digest = Service.digest();
                Service source = Service.source();
                AgentProcess server = startServer("clients.tests.offers = [\"web\", \"127.0.0.1:*\"]");
                AgentProcess client = startClient(
                        server,
                        web(digest)
                                + ", source { target = \"%s\", listen = \"127.0.0.1:%d\" }"
                                        .formatted(source.address(), Service.freePort()))) {
            try (Socket up = connect(server)) {
                Bytes.source(1, size).transferTo(up.getOutputStream());
                up.shutdownOutput();
                assertThat(Service.readFully(up.getInputStream(), 32)).isEqualTo(Bytes.digest(Bytes.source(1, size)));
                assertThat(up.getInputStream().read()).isNegative();
            }
            try (Socket down = Tunnel.connectTo(server.port("offers.source"))) {
                down.getOutputStream().write(Bytes.ofLong(size));
                down.shutdownOutput();
                assertThat(Bytes.digest(down.getInputStream())).isEqualTo(Bytes.digest(Bytes.source(size, size)));
            }
            client.awaitLog("forward=reverse.source .* end: closed");
        }
    }

    @Test
    @Tag("long")
    void bothSidesHaveOneLineForAConnectionWithTheSameId() throws Exception {
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(ECHO));
                Socket socket = connect(server)) {
            Tunnel.echo(socket);
            socket.shutdownOutput();
            assertThat(socket.getInputStream().read()).isNegative();

            AgentProcess.Ending onServer = server.awaitEnding("reverse.web", socket);
            AgentProcess.Ending onClient = client.awaitEnding("reverse.web", socket);
            assertThat(onServer)
                    .isEqualTo(new AgentProcess.Ending(
                            onClient.id(),
                            "reverse.web",
                            "tests@127.0.0.1:" + socket.getLocalPort(),
                            "client's",
                            1,
                            1,
                            onServer.ms(),
                            "closed"));
            assertThat(onClient.target()).isEqualTo(ECHO.address());
        }
    }

    @Test
    @Tag("long")
    void aResetOfEitherSideIsAResetOfTheOther() throws Exception {
        try (Service reset = Service.reset();
                AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(reset) + ", web.health = off")) {
            try (Socket socket = connect(server)) {
                socket.getOutputStream().write('x');
                assertThatThrownBy(() -> socket.getInputStream().read())
                        .isInstanceOf(SocketException.class)
                        .hasMessageContaining("reset");
            }
            Socket socket = connect(server);
            Socket atTarget = last(reset, 2);
            socket.setSoLinger(true, 0);
            socket.close();
            assertThatThrownBy(() -> {
                        while (atTarget.getInputStream().read() >= 0) {
                            // until the reset
                        }
                    })
                    .isInstanceOf(SocketException.class);
            client.awaitLog("forward=reverse.web .* end: reset", 2);
        }
    }

    private static Socket last(Service service, int count) throws InterruptedException {
        Socket socket = service.awaitConnection();
        for (int i = 1; i < count; i++) {
            socket = service.awaitConnection();
        }
        return socket;
    }

    @Test
    @Tag("long")
    void aConnectionThatHasEndedTakesNoStreamOfItsClientAnyMore() throws Exception {
        try (AgentProcess server = startServer("clients.tests.limits.streams = 3"); // and the offer is one
                AgentProcess client = startClient(server, web(ECHO))) {
            for (int i = 1; i <= 10; i++) {
                echoes(server.port("listeners.web"));
                server.awaitLog("forward=reverse.web .* end: ", i);
            }
            client.awaitLog("forward=reverse.web .* end: closed$", 10);
        }
    }

    // ---- who may listen where

    @Test
    @Tag("long")
    void theServerListensOnlyWhileSomebodyOffers() throws Exception {
        int port = Service.freePort();
        try (AgentProcess server = startServer("listeners.web.listen = \"127.0.0.1:%d\"".formatted(port))) {
            server.port("listen");
            refuses(port);
            try (AgentProcess client = startClient(server, web(ECHO))) {
                server.port("listeners.web");
                echoes(port);
                client.terminate();
                server.awaitLog("listeners.web: no longer listening");
                refuses(port);
            }
        }
    }

    @Test
    @Tag("long")
    void whatIsNotAllowedIsRefusedAndBothLogsSayWhyUntilItIs() throws Exception {
        int port = Service.freePort();
        Path admin = directory.resolve("client.sock");
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(
                        server,
                        "own { target = \"%s\", listen = \"127.0.0.1:%d\" } }, admin { listen = \"%s\""
                                .formatted(ECHO.address(), port, admin))) {
            String reason = "forbidden: nothing in offers of tests covers 127.0.0.1:" + port;
            client.awaitLog("WARN .*reverse.own: not offered to server .*: " + reason);
            server.awaitLog("refused .*tests@.*: " + reason);
            refuses(port);
            try (AdminClient asked = new AdminClient(admin.toString())) {
                assertThat(ConfigFactory.parseString(asked.get("/status")).getStringList("reasons"))
                        .containsExactly("reverse.own is not offered to server 127.0.0.1:" + server.port("listen")
                                + ": " + reason);

                server.reload(
                        server(server.port("listen"), "clients.tests.offers = [\"127.0.0.1:%d\"]".formatted(port)));
                client.awaitLog("reverse.own: server .* listens");
                echoes(port);
                assertThat(asked.get("/readyz")).isEqualTo("ok\n");
                assertThat(asked.get("/metrics")).contains("culvert_offers{client=\"\",listener=\"own\"} 1.0");
            }
        }
    }

    @Test
    @Tag("long")
    void aPortThatIsTakenIsSaidToBeAndTriedAgain() throws Exception {
        try (ServerSocket taken = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                AgentProcess server =
                        startServer("listeners.web.listen = \"127.0.0.1:%d\"".formatted(taken.getLocalPort()));
                AgentProcess client = startClient(server, web(ECHO))) {
            client.awaitLog("reverse.web: not offered to server .*: listeners.web: cannot listen on .*"
                    + "Address already in use.*`ss -ltnp` names it");
            free(taken);

            client.awaitLog("reverse.web: server .* listens");
            echoes(taken.getLocalPort());
        }
    }

    @Test
    @Tag("long")
    void anUnknownListenerIsRefused() throws Exception {
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(server, "mail { target = \"%s\" }".formatted(ECHO.address()))) {
            client.awaitLog("reverse.mail: not offered .*forbidden: nothing in offers of tests covers mail");
        }
    }

    // ---- several

    private Keys otherKeys() throws IOException {
        return Keys.make("tunnel-client", directory.resolve("other.key"));
    }

    private static String both(Keys other) {
        return "clients.other { key = \"%s\", offers = [\"web\"] }".formatted(other.fingerprint());
    }

    /** Says which it is. */
    private static Service named(char name) {
        return Service.of(socket -> {
            socket.getOutputStream().write(name);
            socket.getInputStream().readAllBytes();
        });
    }

    private static char ask(AgentProcess server) throws IOException {
        try (Socket socket = connect(server)) {
            return (char) socket.getInputStream().read();
        }
    }

    private static Map<Character, Integer> ask(AgentProcess server, int times) throws IOException {
        Map<Character, Integer> answers = new TreeMap<>();
        for (int i = 0; i < times; i++) {
            answers.merge(ask(server), 1, Integer::sum);
        }
        return answers;
    }

    @Test
    @Tag("long")
    void twoClientsShareTheLoadAndOneThatIsFullLeavesItToTheOther() throws Exception {
        Keys keys = otherKeys();
        try (Service a = named('a');
                Service b = named('b');
                AgentProcess server = startServer(both(keys));
                AgentProcess first = startClient(server, web(a) + ", web.max-connections = 10");
                AgentProcess second = startClient(keys, server.port("listen"), web(b))) {
            server.awaitLog("\\d takes the connections of listeners.web", 2);
            List<Socket> open = new ArrayList<>();
            Map<Character, Integer> answers = new TreeMap<>();
            for (int i = 0; i < 40; i++) {
                Socket socket = connect(server);
                open.add(socket);
                answers.merge((char) socket.getInputStream().read(), 1, Integer::sum);
                if (i == 19) {
                    assertThat(answers).isEqualTo(Map.of('a', 10, 'b', 10));
                }
            }
            assertThat(answers).isEqualTo(Map.of('a', 10, 'b', 30));
            for (Socket socket : open) {
                socket.close();
            }
            answers.clear();
            for (int ended = 40;
                    ended < 60;
                    ended++) { // while one is about to end, its client has one more than the other
                server.awaitLog("forward=reverse.web .* end:", ended);
                answers.merge(ask(server), 1, Integer::sum);
            }
            assertThat(answers).as("one after the other").isEqualTo(Map.of('a', 10, 'b', 10));
            second.terminate();
            first.awaitLog("end: ");
        }
    }

    @Test
    @Tag("long")
    void aClientWhoseTargetFailsItsHealthCheckGetsNoConnections() throws Exception {
        Keys keys = otherKeys();
        String health = ", web.health { interval = 100ms, timeout = 1s, fall = 2, rise = 2 }";
        int port = Service.freePort();
        try (Service a = named('a');
                ServerSocket down = new ServerSocket(port, 50, InetAddress.getLoopbackAddress());
                AgentProcess server = startServer(both(keys));
                AgentProcess first = startClient(server, web(a) + health);
                AgentProcess second = startClient(
                        keys, server.port("listen"), "web { target = \"127.0.0.1:%d\" }".formatted(port) + health)) {
            server.awaitLog("\\d takes the connections of listeners.web", 2);

            free(down);
            second.awaitLog("WARN .*reverse.web: not offered while its target does not answer: .*refused");
            server.awaitLog("other@.* no longer takes the connections of listeners.web");
            assertThat(ask(server, 20)).isEqualTo(Map.of('a', 20));
            assertThat(second.log().matching("forward=reverse.web")).isEmpty();

            try (ServerSocket up = new ServerSocket(port, 50, InetAddress.getLoopbackAddress())) {
                server.awaitLog("\\d takes the connections of listeners.web", 3);
                first.terminate();
                server.awaitLog("tests@.* no longer takes the connections of listeners.web");
                try (Socket socket = connect(server);
                        Socket atTarget = awaitByte(socket, up)) {
                    atTarget.getOutputStream().write('x');
                    assertThat(Service.readFully(socket.getInputStream(), 1)).containsExactly('x');
                }
            }
        }
    }

    /** The server did not know yet; another client may take it. */
    @Test
    @Tag("long")
    void aConnectionThatComesAfterTheTargetWentDownIsLeftToOthers() throws Exception {
        int refused = 3; // ErrorCode.REFUSED: safe to ask another
        String down = "web { target = \"127.0.0.1:%d\", health { interval = 100ms, fall = 1 } }"
                .formatted(Service.freePort());
        try (ServerSocket listener = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
                AgentProcess client = startClient(Keys.CLIENT, listener.getLocalPort(), down);
                RawPeer server = new RawPeer(Keys.SERVER, listener)) {
            server.await(RawPeer.HELLO);
            client.awaitLog("reverse.web: not offered while its target does not answer");
            byte[] web = {4, 3, 0, 'w', 'e', 'b'}; // TLV 4, FORWARD
            server.send(RawPeer.frame(RawPeer.HELLO, 0), RawPeer.frame(RawPeer.SYN, 2, web));

            Frame answer = server.await(RawPeer.OPENED, RawPeer.RST);
            assertThat(answer.command()).isEqualTo(RawPeer.RST);
            assertThat(answer.code()).isEqualTo(refused);
            assertThat(answer.text()).isEqualTo("this client does not offer web now: its target does not answer");
        }
    }

    /** The connection at the target on which a byte comes; health checks say nothing. */
    private static Socket awaitByte(Socket from, ServerSocket target) throws IOException {
        from.getOutputStream().write('x');
        while (true) {
            Socket socket = Tunnel.accept(target);
            if (socket.getInputStream().read() == 'x') {
                return socket;
            }
            socket.close();
        }
    }

    @Test
    @Tag("long")
    void aNewerProcessOfAClientTakesOverAtOnceAfterTheOldOneWasKilled() throws Exception {
        int own = Service.freePort();
        String ghost = ", ghost { target = \"%s\", listen = \"127.0.0.1:%d\" }";
        try (Service a = named('a');
                Service b = named('b');
                AgentProcess server = startServer("clients.tests.offers = [\"web\", \"127.0.0.1:*\"]")) {
            try (AgentProcess old = startClient(server, web(a) + ghost.formatted(a.address(), own))) {
                server.awaitLog("\\d takes the connections of", 2);
                assertThat(ask(server)).isEqualTo('a');
                old.kill();
                server.awaitLog("has lost its link"); // and is kept for resume.window
            }
            try (Socket waiting = connect(server);
                    AgentProcess young = startClient(server, web(b) + ghost.formatted(b.address(), own))) {
                young.awaitLog("session up");
                long up = System.nanoTime();
                assertThat((char) waiting.getInputStream().read()).isEqualTo('b');
                assertThat(ask(server)).isEqualTo('b');
                try (Socket socket = Tunnel.connectTo(own)) {
                    assertThat((char) socket.getInputStream().read()).isEqualTo('b');
                }
                Duration took = Duration.ofNanos(System.nanoTime() - up);
                System.out.printf("ReverseTest: taken over %d ms after the session was up%n", took.toMillis());
                assertThat(took).isLessThan(Duration.ofSeconds(15)); // the old one would be waited for a minute
                server.awaitLog("no longer takes the connections of .*: a newer process of this client offers it", 2);
            }
        }
    }

    @Test
    @Tag("long")
    void theOlderOfTwoProcessesWithOneKeyDoesNotTakeItBack() throws Exception {
        try (Service a = named('a');
                Service b = named('b');
                AgentProcess server = startServer("");
                AgentProcess old = startClient(server, web(a))) {
            server.port("listeners.web");
            try (Socket before = connect(server);
                    AgentProcess young = startClient(server, web(b))) {
                assertThat((char) before.getInputStream().read()).isEqualTo('a');
                young.awaitLog("reverse.web: server .* listens");
                old.awaitLog("WARN .*reverse.web: not offered .*cancelled: a newer process of this client offers it");
                assertThat(ask(server, 10)).isEqualTo(Map.of('b', 10));
                before.shutdownOutput();
                assertThat(before.getInputStream().read())
                        .as("its connections go on")
                        .isNegative();
            }
        }
    }

    @Test
    @Tag("long")
    void theOlderOfTwoProcessesWithOneKeyHasItAgainWhenTheOtherHasGone() throws Exception {
        try (Service a = named('a');
                Service b = named('b');
                AgentProcess server =
                        startServer("listeners.web.listen = \"127.0.0.1:%d\"".formatted(Service.freePort()));
                AgentProcess old = startClient(server, web(a))) {
            old.awaitLog("reverse.web: server .* listens");
            try (AgentProcess young = startClient(server, web(b))) {
                young.awaitLog("reverse.web: server .* listens");
                old.awaitLog("WARN .*reverse.web: not offered .*cancelled: a newer process of this client offers it");
            }
            old.awaitLog("reverse.web: server .* listens", 2);
            assertThat(ask(server)).isEqualTo('a');
        }
    }

    @Test
    @Tag("long")
    void theSessionsOfOneProcessShare() throws Exception {
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(ECHO) + " }, upstream { sessions = 3")) {
            server.awaitLog("\\d takes the connections of listeners.web", 3);
            List<Socket> sockets = new ArrayList<>();
            for (int i = 0; i < 6; i++) {
                sockets.add(connect(server));
                Tunnel.echo(sockets.get(i));
            }
            client.signal("USR1");
            await().atMost(AgentProcess.PATIENCE) // each has the offer, and two of them
                    .untilAsserted(() -> assertThat(client.log().matching("session, culvert \\(0x82\\), 3 streams"))
                            .hasSize(3));
            for (Socket socket : sockets) {
                socket.close();
            }
        }
    }

    // ---- what changes

    @Test
    @Tag("long")
    void offersAndConnectionsSurviveALinkThatIsCut() throws Exception {
        try (AgentProcess server = startServer("");
                Link link = new Link(server.port("listen"));
                AgentProcess client = startClient(Keys.CLIENT, link.port(), web(ECHO));
                Socket open = connect(server)) {
            Tunnel.echo(open);
            for (int i = 1; i <= 5; i++) {
                link.cut();
                try (Socket during = connect(server)) {
                    Tunnel.echo(during);
                    Tunnel.echo(open);
                }
                client.awaitLog("goes on after", i);
            }
            assertThat(server.log().matching("\\d takes the connections of listeners.web"))
                    .hasSize(1);
            assertThat(server.log().matching("end: reset")).isEmpty();
        }
    }

    @Test
    @Tag("long")
    void aSessionThatIsReplacedLosesNoConnection() throws Exception {
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(ECHO) + " }, upstream { max-age = 1s");
                Socket open = connect(server)) {
            Tunnel.echo(open);
            try (Load connections = new Load(() -> echoes(server.port("listeners.web")))) {
                client.awaitLog("session up", 4);
                connections.goesOn();
            }
            Tunnel.echo(open);
            assertThat(server.log().matching("listening on .*|no longer listening"))
                    .filteredOn(line -> line.contains("listeners.web"))
                    .hasSize(1);
            assertThat(server.log().matching("end: reset")).isEmpty();
        }
    }

    @Test
    @Tag("long")
    void aClientIsReloadedAndItsConnectionsGoOn() throws Exception {
        try (Service a = named('a');
                Service b = named('b');
                AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(a));
                Socket before = connect(server)) {
            assertThat((char) before.getInputStream().read()).isEqualTo('a');

            client.reload(client(Keys.CLIENT, server.port("listen"), web(b)));
            await().atMost(AgentProcess.PATIENCE).until(() -> ask(server) == 'b');
            assertThat(server.log().matching("no longer listening")).isEmpty();

            client.reload(client(Keys.CLIENT, server.port("listen"), "other { target = \"127.0.0.1:1\" }"));
            server.awaitLog("listeners.web: no longer listening");
            refuses(server.port("listeners.web"));
            before.shutdownOutput();
            assertThat(before.getInputStream().read()).isNegative();
            client.awaitLog("forward=reverse.web .* end: closed");
        }
    }

    @Test
    @Tag("long")
    void aServerIsReloadedAndItsListenersMoveOrGo() throws Exception {
        int port = Service.freePort();
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(ECHO));
                Socket before = connect(server)) {
            Tunnel.echo(before);
            int first = server.port("listeners.web");
            int listen = server.port("listen");

            server.reload(server(listen, "listeners.web.listen = \"127.0.0.1:%d\"".formatted(port)));
            server.awaitLog("listeners.web: listening on 127.0.0.1:" + port);
            echoes(port);
            refuses(first);
            assertThat(client.log().matching("not offered")).isEmpty();

            server.reload(server(listen, "clients.tests.offers = [\"127.0.0.1:1\"]"));
            client.awaitLog("reverse.web: not offered to .*forbidden: nothing in offers of tests covers web");
            server.awaitLog("listeners.web: no longer listening on 127.0.0.1:" + port);
            refuses(port);
            Tunnel.echo(before);
        }
    }

    @Test
    @Tag("long")
    void listenersOfAServerTakeEachOthersAddressesAtAReload() throws Exception {
        int one = Service.freePort();
        int two = Service.freePort();
        try (Service a = named('a');
                Service b = named('b');
                AgentProcess server = startServer(listeners(one, two));
                AgentProcess client =
                        startClient(server, web(a) + ", mail { target = \"%s\" }".formatted(b.address()))) {
            server.awaitLog("\\d takes the connections of", 2);

            server.reload(server(server.port("listen"), listeners(two, one)));
            server.awaitLog("listeners.*: listening on", 4);
            try (Socket socket = Tunnel.connectTo(two)) {
                assertThat((char) socket.getInputStream().read()).isEqualTo('a');
            }
            try (Socket socket = Tunnel.connectTo(one)) {
                assertThat((char) socket.getInputStream().read()).isEqualTo('b');
            }
            assertThat(client.log().matching("not offered")).isEmpty();
        }
    }

    private static String listeners(int web, int mail) {
        return """
                listeners { web.listen = "127.0.0.1:%d", mail.listen = "127.0.0.1:%d" }
                clients.tests.offers = ["web", "mail"]
                """.formatted(web, mail);
    }

    @Test
    @Tag("long")
    void aPortThatAnOfferedListenerHasIsSaidToBeTheServersOwn() throws Exception {
        Path admin = directory.resolve("server.sock");
        String more = "admin.listen = \"%s\", clients.tests.offers = [\"web\", \"127.0.0.1:*\"]".formatted(admin);
        try (AgentProcess server = startServer(more);
                AgentProcess client = startClient(server, web(ECHO));
                AdminClient asked = new AdminClient(admin.toString())) {
            client.awaitLog("reverse.web: server .* listens");
            int port = server.port("listeners.web");
            server.rewriteConfig(server(server.port("listen"), more)
                    .replaceFirst("listen = .*?,", "listen = \"0.0.0.0:%d\",".formatted(port)));
            String why = "listen: cannot listen on 0.0.0.0:%d: listeners.web listens on 127.0.0.1:%d until then."
                    .formatted(port, port);

            assertThatThrownBy(() -> asked.post("/plan")).hasMessageContaining(why);
            assertThatThrownBy(() -> asked.post("/reload")).hasMessageContaining(why);
            echoes(port);
        }
    }

    @Test
    @Tag("long")
    void aClientThatDrainsTakesNoMoreAndFinishesWhatItHas() throws Exception {
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(ECHO));
                Socket open = connect(server)) {
            Tunnel.echo(open);
            client.terminate();
            server.awaitLog("listeners.web: no longer listening");
            refuses(server.port("listeners.web"));
            Tunnel.echo(open);
            open.shutdownOutput();
            assertThat(open.getInputStream().read()).isNegative();
            assertThat(client.awaitExit()).isZero();
        }
    }

    @Test
    @Tag("long")
    void aServerThatDrainsListensNoMoreAndFinishesWhatItHas() throws Exception {
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(ECHO));
                Socket open = connect(server)) {
            Tunnel.echo(open);
            int port = server.port("listeners.web");
            server.terminate();
            server.awaitLog("draining: 1 connections left");
            refuses(port);
            Tunnel.echo(open);
            open.shutdownOutput();
            assertThat(open.getInputStream().read()).isNegative();
            assertThat(server.awaitExit()).isZero();
            assertThat(client.log().matching("not offered")).isEmpty();
        }
    }

    @Test
    @Tag("long")
    @Tag("alone") // who has not said it within 5 s is not waited for
    void aServerThatDrainsServesWhoHasNotSaidYetForWhomItConnects() throws Exception {
        try (AgentProcess server = startServer("listeners.web.accept-proxy-protocol = \"127.0.0.1\"");
                AgentProcess client = startClient(server, web(ECHO))) {
            client.awaitLog("reverse.web: server .* listens");
            byte[] header = Bytes.ascii("PROXY TCP4 192.0.2.7 203.0.113.1 5555 443\r\n");
            try (Socket socket = connect(server);
                    Socket other = connect(server)) {
                socket.getOutputStream().write(header, 0, 9);
                other.getOutputStream().write(header);
                Tunnel.echo(other); // so both have come
                server.terminate();
                server.awaitLog("draining: ");

                socket.getOutputStream().write(header, 9, header.length - 9);
                Tunnel.echo(socket);
                Tunnel.echo(other);
            }
            assertThat(server.awaitExit()).isZero();
            assertThat(client.log().matching("end: reset")).isEmpty();
        }
    }

    @Test
    @Tag("long")
    void anUpgradeOfTheServerRefusesNobodyWhoConnectsToAListener() throws Exception {
        String admin = "admin.listen = \"%s\"".formatted(directory.resolve("server.sock"));
        try (AgentProcess server = startServer(admin);
                AgentProcess client = startClient(server, web(ECHO));
                Socket open = connect(server)) {
            Tunnel.echo(open);
            int port = server.port("listeners.web");
            try (Load load = new Load(() -> echoes(port));
                    AgentProcess successor = server.successor()) {
                load.goesOn();
                successor.awaitLog("taken over");
                successor.awaitLog("\\d takes the connections of listeners.web");
                load.goesOn();
                Tunnel.echo(open);
                open.shutdownOutput();
                assertThat(open.getInputStream().read()).isNegative();
                assertThat(server.awaitExit()).isZero();
                load.goesOn();
                load.end(); // before the successor
                assertThat(client.log().matching("end: reset")).isEmpty();
            }
        }
    }

    @Test
    @Tag("long")
    void anUpgradeOfTheClientRefusesNobodyEither() throws Exception {
        String admin = " }, admin { listen = \"%s\"".formatted(directory.resolve("client.sock"));
        try (AgentProcess server = startServer("");
                AgentProcess client = startClient(server, web(ECHO) + admin);
                Socket open = connect(server)) {
            Tunnel.echo(open);
            int port = server.port("listeners.web");
            try (Load load = new Load(() -> echoes(port));
                    AgentProcess successor = client.successor()) {
                load.goesOn();
                successor.awaitLog("reverse.web: server .* listens");
                load.goesOn();
                Tunnel.echo(open);
                open.shutdownOutput();
                assertThat(open.getInputStream().read()).isNegative();
                assertThat(client.awaitExit()).isZero();
                load.goesOn();
                load.end(); // before the successor
                assertThat(server.log().matching("end: reset|no longer listening"))
                        .isEmpty();
                assertThat(client.log().matching("WARN ")).as("it is meant").isEmpty();
            }
        }
    }

    // ---- without TLS

    @Test
    @Tag("long")
    void withoutTlsAnybodyMayOfferWhatAnonymousLists() throws Exception {
        try (AgentProcess server = AgentProcess.server().config("""
                        listen = "127.0.0.1:0", tls = off, anonymous { offers = ["web"] }
                        listeners { web { listen = "127.0.0.1:0" } }
                        """).start();
                AgentProcess client = AgentProcess.client()
                        .config("""
                        upstream { servers = ["127.0.0.1:%d"], tls = off }
                        reverse { %s }
                        """.formatted(server.port("listen"), web(ECHO)))
                        .start()) {
            echoes(server.port("listeners.web"));
            client.awaitLog("forward=reverse.web .* end: ");
        }
    }

    @Test
    @Tag("long")
    @InAMinute
    void aListenerMayBeAUnixSocketWhichGoesWithTheLastOffer() throws Exception {
        Path socket = directory.resolve("web.sock");
        try (AgentProcess server = startServer("listeners.web.listen = \"unix:%s\"".formatted(socket));
                AgentProcess client = startClient(server, web(ECHO))) {
            server.awaitLog("listeners.web: listening on unix:");
            try (SocketChannel channel = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
                byte[] said = Bytes.ascii("hello");
                channel.write(ByteBuffer.wrap(said));
                channel.shutdownOutput();
                ByteBuffer answer = ByteBuffer.allocate(100);
                while (channel.read(answer) >= 0) {
                    // until the end
                }
                assertThat(Arrays.copyOf(answer.array(), answer.position())).isEqualTo(said);
            }
            server.awaitLog("forward=reverse.web client=tests@unix:pid=");
            client.awaitLog("forward=reverse.web client=unknown target=");
            client.terminate();
            server.awaitLog("no longer listening");
            assertThat(socket).doesNotExist();
        }
    }
}
