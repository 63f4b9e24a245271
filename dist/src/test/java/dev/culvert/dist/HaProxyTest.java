package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** docs/examples/haproxy: several servers behind HAProxy, each of which can be restarted while it is in use. */
@Tag("alone")
@Tag("long")
final class HaProxyTest {
    private static final int SESSIONS = 6;
    private static final int CONNECTIONS_A_SECOND = 500;
    private static final int TRANSFERS = 100;
    private static final long SEED = 38;

    @TempDir
    private Path directory = Path.of("");

    @BeforeAll
    static void require() {
        Programs.require(
                HaProxy.PROGRAM, "HaProxyTest: that a restart of all servers behind HAProxy costs no connection");
    }

    @Test
    void aRestartOfAllServersOneAfterTheOtherCostsNoConnection() throws Exception {
        List<Integer> ports = Service.freePorts(1 + HaProxy.SERVERS.size());
        try (Service echo = Service.echo();
                Servers servers = new Servers(echo, ports.subList(1, ports.size()));
                HaProxy haproxy = new HaProxy(directory, ports.get(0), servers.ports);
                AgentProcess client =
                        servers.what.client("upstream.sessions = " + SESSIONS).startClient(ports.get(0))) {
            client.awaitLog("session up", SESSIONS);
            try (SteadyLoad load = new SteadyLoad(client.port("forwards.web"), CONNECTIONS_A_SECOND, TRANSFERS, SEED)) {
                load.awaitSteady();
                List<Integer> atSigterm = new ArrayList<>();
                for (int i = 0; i < HaProxy.SERVERS.size(); i++) {
                    atSigterm.add(servers.restart(i, haproxy));
                    load.awaitOnTime();
                }
                load.finish();

                System.out.printf(
                        "HaProxyTest: %s; the servers had %s connections when they were told to stop;"
                                + " HAProxy made %s sessions with them, %d of those with another than it wanted to%n",
                        load, atSigterm, haproxy.connections(), haproxy.redispatched());
                assertThat(load.failures())
                        .as("HAProxy has written:%n%s", haproxy)
                        .isEmpty();
                assertThat(load.connectionsASecond()).isGreaterThan(0.9 * CONNECTIONS_A_SECOND);
                assertThat(load.transfers()).isGreaterThanOrEqualTo(TRANSFERS);
                assertThat(atSigterm).allMatch(connections -> connections > 0);
                assertThat(client.log().matching(" end: (?!closed$)")).isEmpty();
            }
        }
    }

    /** The servers, and how they are restarted. */
    private static final class Servers implements AutoCloseable {
        private final Tunnel.Builder what;
        private final List<Integer> ports;
        private final List<AgentProcess> running = new ArrayList<>();

        Servers(Service target, List<Integer> ports) {
            this.what = Tunnel.to(target).each(agent -> agent.asShipped().jvm(Launcher.ONE_COMPILER));
            this.ports = ports;
            ports.forEach(port -> running.add(what.startServer(port)));
            running.forEach(server -> server.port("listen"));
        }

        /** Stops one, starts it again, and returns how many connections it had when it was told to stop. */
        int restart(int index, HaProxy haproxy) {
            String name = HaProxy.SERVERS.get(index);
            AgentProcess server = running.get(index);
            server.terminate();
            int connections = Integer.parseInt(
                    server.awaitLog("draining: (\\d+) connections left").group(1));
            haproxy.awaitStatus(name, "DOWN");
            assertThat(server.awaitExit())
                    .as("exit code of %s:%n%s", name, server.log().matching("drain"))
                    .isZero();
            assertThat(server.log().matching(" end: (?!closed$)|refused")).isEmpty();
            running.set(index, what.startServer(ports.get(index)));
            server.close();
            haproxy.awaitStatus(name, "UP");
            return connections;
        }

        @Override
        public void close() {
            try (AgentProcess one = running.get(0);
                    AgentProcess two = running.get(1);
                    AgentProcess three = running.get(2)) {
                assertThat(List.of(one, two, three)).allMatch(AgentProcess::isAlive);
            }
        }
    }

    // ---- what the example says

    /** As it stands, and with the lines that are there to be uncommented. */
    @ParameterizedTest
    @ValueSource(strings = {"", "# (?=stick)"})
    void haproxyReadsTheExample(String uncommented) throws IOException {
        String config = Files.readString(HaProxy.EXAMPLE);
        assertThat(config).containsPattern(uncommented);
        Path file = Files.writeString(directory.resolve("haproxy.cfg"), config.replaceAll(uncommented, ""));

        Programs.run(HaProxy.PROGRAM, "-c", "-f", file.toString()).expect(0);
    }
}
