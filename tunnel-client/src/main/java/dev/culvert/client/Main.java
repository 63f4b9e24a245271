package dev.culvert.client;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.lifecycle.Agent;
import dev.culvert.common.lifecycle.AgentRun;
import dev.culvert.common.lifecycle.Findings;
import dev.culvert.common.lifecycle.Program;
import dev.culvert.common.lifecycle.StartFailure;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.mux.HostPort;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** {@code tunnel-client}. */
public final class Main implements Program<ClientConfig> {
    private Main() {}

    public static void main(String[] args) throws InterruptedException {
        System.exit(AgentRun.execute(new Main(), args));
    }

    @Override
    public String name() {
        return "tunnel-client";
    }

    @Override
    public String description() {
        return "Listens locally and carries every connection as a stream of one persistent session to a server.";
    }

    @Override
    public Path defaultConfig() {
        return ClientConfig.DEFAULT_FILE;
    }

    @Override
    public ClientConfig read(Path file) throws BadConfig {
        return ClientConfig.read(file);
    }

    @Override
    public ClientConfig read(Map<String, ?> values) throws BadConfig {
        return ClientConfig.read(values);
    }

    @Override
    public TlsConfig tls(Path file) throws BadConfig {
        return ClientConfig.tls(file);
    }

    @Override
    public Agent agent(ClientConfig config, List<ListeningSocket> passed) throws StartFailure {
        return new TunnelClient(config, passed);
    }

    @Override
    public void examine(ClientConfig config, boolean runs, Findings findings) throws InterruptedException {
        if (!runs) {
            config.tcpForwards().forEach(forward -> findings.checkAddress(forward.name(), forward.listen()));
            config.udpForwards().forEach(forward -> findings.checkUdpPort(forward.name(), (HostPort) forward.listen()));
        }
        try (Checkup checkup = new Checkup(config, findings)) {
            checkup.run();
        }
    }

    @Override
    public List<Object> commands() {
        return List.of(new ForwardPorts(), new Enroll(), new Connect());
    }
}
