package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The two programs of the rand example, written in Go against stock smux and unchanged, against our two ends. */
@Tag("alone")
final class RandInteropTest {
    private static final int REQUESTS = 500;

    @BeforeAll
    static void needsGo() {
        GoProgram.require();
    }

    @ParameterizedTest
    @CsvSource({"1,1", "1,10", "2,1", "2,10"})
    void aGoGatewayReachesAPlainServiceThroughOurServer(int version, int sessions) throws Exception {
        try (GoProgram service = GoProgram.serve("randservice-1.5.57", "--over", "tcp");
                AgentProcess server = AgentProcess.server()
                        .config("""
                                smux { rand { listen = "127.0.0.1:0", tls = off, target = "127.0.0.1:%d" } }
                                """.formatted(service.port()))
                        .start();
                GoProgram gateway = gateway("smux" + version, server.port("smux.rand"), sessions)) {
            assertThat(numbers(gateway.port())).hasSize(REQUESTS);
            server.awaitLog("session from .* up", sessions);
        }
    }

    @ParameterizedTest
    @CsvSource({"1,1", "1,10", "2,1", "2,10"})
    void ourClientStandsInFrontOfAGoService(int version, int sessions) throws Exception {
        try (GoProgram service = GoProgram.serve("randservice-1.5.57", "--over", "smux" + version);
                AgentProcess client = AgentProcess.client()
                        .config("""
                                upstream {
                                  servers = ["127.0.0.1:%d"], tls = off, protocol = smux-v%d, sessions = %d
                                }
                                forwards { rand { listen = "127.0.0.1:0" } }
                                """.formatted(service.port(), version, sessions))
                        .start();
                GoProgram gateway = gateway("tcp", client.port("forwards.rand"), 1)) {
            client.awaitLog("session up", sessions);
            assertThat(numbers(gateway.port())).hasSize(REQUESTS);
        }
    }

    private static GoProgram gateway(String over, int port, int sessions) {
        return GoProgram.serve(
                "randgateway-1.5.57",
                "--over",
                over,
                "--connect",
                "127.0.0.1:" + port,
                "--sessions",
                String.valueOf(sessions));
    }

    /** The different answers. */
    private static Set<String> numbers(int port) throws Exception {
        HttpClient http = HttpClient.newHttpClient();
        HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/rand"))
                .timeout(AgentProcess.PATIENCE)
                .build();
        Set<String> numbers = new HashSet<>();
        for (int i = 0; i < REQUESTS; i++) {
            HttpResponse<String> response = http.send(request, HttpResponse.BodyHandlers.ofString());
            assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
            numbers.add(response.body());
        }
        return numbers;
    }
}
