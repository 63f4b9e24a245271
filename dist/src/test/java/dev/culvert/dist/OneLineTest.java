package dev.culvert.dist;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Proxy;
import java.net.Socket;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A tunnel from two command lines, without a file. */
final class OneLineTest {
    private static final String CLIENT_KEY = Keys.CLIENT.fingerprint();
    private static final String SERVER_KEY = Keys.SERVER.fingerprint();

    private static AgentProcess start(AgentProcess.Builder agent, List<String> words) {
        return agent.environment("STATE_DIRECTORY", Keys.DIRECTORY.toString())
                .arguments(words.toArray(String[]::new))
                .start();
    }

    private static AgentProcess serve(String... options) {
        List<String> words = new ArrayList<>(List.of("serve", "127.0.0.1:0", "--client-key", CLIENT_KEY));
        words.addAll(List.of(options));
        return start(AgentProcess.server(), words);
    }

    private static AgentProcess forward(AgentProcess server, String... options) {
        List<String> words = new ArrayList<>(List.of("forward", "--server-key", SERVER_KEY, address(server)));
        words.addAll(List.of(options));
        return start(AgentProcess.client(), words);
    }

    private static String address(AgentProcess server) {
        return "127.0.0.1:" + server.port("listen");
    }

    /** The words of the README behind a program's name, with what is of this test in the place of some. */
    private static List<String> readme(String command, String... replaced) throws IOException {
        Matcher line = Pattern.compile("(?m)^bin/" + command + " (.*?) +#.*$")
                .matcher(Files.readString(AgentProcess.source("README.md")));
        assertThat(line.find()).isTrue();
        List<String> words = new ArrayList<>(List.of((command + " " + line.group(1)).split(" ", -1)));
        words.remove(0);
        for (int i = 0; i < replaced.length; i += 2) {
            assertThat(words).contains(replaced[i]);
            words.set(words.indexOf(replaced[i]), replaced[i + 1]);
        }
        return words;
    }

    private static void echoes(Socket socket) throws IOException {
        try (socket) {
            socket.setSoTimeout((int) AgentProcess.PATIENCE.toMillis());
            socket.getOutputStream().write("hello".getBytes(US_ASCII));
            socket.shutdownOutput();
            assertThat(socket.getInputStream().readAllBytes())
                    .asString(US_ASCII)
                    .isEqualTo("hello");
        }
    }

    private static Socket connect(int port) throws IOException {
        return new Socket(InetAddress.getLoopbackAddress(), port);
    }

    @Test
    void theLinesOfTheReadmeAreATunnelUntilTheirTerminalEnds() throws IOException {
        try (Service echo = Service.echo();
                AgentProcess server = start(
                        AgentProcess.server(),
                        readme(
                                "tunnel-server serve",
                                "SHA256:WJ3F773a44IkDzY4Qk98O+9o3osZTKm3fnmZVtthUNw",
                                CLIENT_KEY,
                                "127.0.0.1:5432",
                                echo.address(),
                                "0.0.0.0:7443",
                                "127.0.0.1:0"));
                AgentProcess client = start(
                        AgentProcess.client(),
                        readme(
                                "tunnel-client forward",
                                "SHA256:Tw/p7QEZIVbHRq/R9H5N/AQKty4LIPaS6w05zPXoGxE",
                                SERVER_KEY,
                                "5432:127.0.0.1:5432",
                                "0:" + echo.address(),
                                "10.0.0.2:7443",
                                address(server)))) {
            try (Socket socket = connect(client.port("forwards.L0"))) {
                Tunnel.echo(socket);
                client.signal("HUP");
                client.awaitLog("draining");
                client.signal("HUP"); // from the shell, and from the kernel
                client.signal("USR1");
                client.awaitLog("state: ");
                Tunnel.echo(socket);
            }
            assertThat(client.awaitExit()).isZero();
            server.signal("INT");
            assertThat(server.awaitExit()).isZero();
        }
    }

    @Tag("long")
    @Test
    void theServerListensForAClientThatIsAProxyAsWell() throws IOException {
        List<Integer> ports = Service.freePorts(2);
        int port = ports.get(0);
        int other = ports.get(1);
        try (Service echo = Service.echo();
                AgentProcess server = serve("--offers", "127.0.0.1:*", "--allow", echo.address());
                AgentProcess client = forward(server, "-R", port + ":" + echo.address(), "-D", "0");
                AgentProcess second = forward(server, "-R", other + ":" + echo.address())) {
            Proxy proxy = new Proxy(
                    Proxy.Type.SOCKS,
                    new InetSocketAddress(InetAddress.getLoopbackAddress(), client.port("forwards.D0")));
            Socket byProxy = new Socket(proxy);
            byProxy.connect(new InetSocketAddress(InetAddress.getLoopbackAddress(), echo.port()));
            echoes(byProxy);

            server.awaitLog("R" + port + ": listening on 127\\.0\\.0\\.1:" + port);
            echoes(connect(port));
            server.awaitLog("R" + other + ": listening on 127\\.0\\.0\\.1:" + other);
            echoes(connect(other));
            echoes(connect(port));
            assertThat(second.isAlive()).isTrue();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "tunnel-client forward --server-key KEY a:1                     | 2 | nothing to forward: give -L, -R or -D",
                "tunnel-client forward -L 1:b:1 a:1                             | 2 | '--server-key=SHA256:...'",
                "tunnel-client forward --server-key KEY -L 8080 a:1             | 2 | -L 8080: expected [ADDRESS:]PORT:HOST:PORT",
                "tunnel-client forward --server-key KEY -D 1 a:1 -c x           | 2 | Unknown option: '-c'",
                "tunnel-client -c x forward --server-key KEY -D 1 a:1           | 2 | takes no file: leave out -c",
                "tunnel-client forward --server-key KEY -D 1 a                  | 1 | command line: upstream.servers: found \"a\"",
                "tunnel-client forward --server-key KEY -D 1 --key-file no a:1  | 1 | no: no such file; `keygen` makes a key",
                "tunnel-server serve --client-key KEY 127.0.0.1:0               | 1 | command line: clients.client1.allow: missing",
            })
    void whatIsWrongIsSaid(String line, int code, String sentence) {
        List<String> words =
                new ArrayList<>(List.of(line.replace("KEY", SERVER_KEY).split(" ", -1)));
        ProcessBuilder command = Launcher.command(words.remove(0), words.toArray(String[]::new));
        command.environment().put("STATE_DIRECTORY", Keys.DIRECTORY.toString());

        assertThat(Programs.run(command).expect(code).output()).contains(sentence);
    }
}
