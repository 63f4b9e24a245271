package dev.culvert.server;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.lifecycle.Agent;
import dev.culvert.common.lifecycle.AgentRun;
import dev.culvert.common.lifecycle.Findings;
import dev.culvert.common.lifecycle.Program;
import dev.culvert.common.lifecycle.StartFailure;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.systemd.ActivatedSockets;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** {@code tunnel-server}. */
public final class Main implements Program<ServerConfig> {
    private Main() {}

    public static void main(String[] args) throws InterruptedException {
        System.exit(AgentRun.execute(new Main(), args));
    }

    @Override
    public String name() {
        return "tunnel-server";
    }

    @Override
    public String description() {
        return "Accepts sessions of tunnel-clients, dials the targets of their connections and splices the bytes.";
    }

    @Override
    public Path defaultConfig() {
        return ServerConfig.DEFAULT_FILE;
    }

    @Override
    public ServerConfig read(Path file) throws BadConfig {
        return ServerConfig.read(file);
    }

    @Override
    public ServerConfig read(Map<String, ?> values) throws BadConfig {
        return ServerConfig.read(values);
    }

    @Override
    public TlsConfig tls(Path file) throws BadConfig {
        return ServerConfig.tls(file);
    }

    @Override
    public void examine(ServerConfig config, boolean runs, Findings findings) throws InterruptedException {
        try {
            if (config.tls().isPresent()) {
                TlsConfig files = config.tls().get();
                findings.checkIdentity(files.identity(), files.caFile().isPresent());
                files.authority();
            }
        } catch (IOException e) {
            findings.fault("key", String.valueOf(e.getMessage()), "");
        }
        if (!runs) {
            config.endpoints(name()).forEach(endpoint -> findings.checkAddress(endpoint.name(), endpoint.listen()));
            config.listeners().forEach(listener -> findings.checkAddress(listener.place(), listener.listen()));
        }
    }

    @Override
    public Agent agent(ServerConfig config, List<ListeningSocket> passed) throws StartFailure {
        List<ListeningSocket> sockets = new ArrayList<>(passed);
        sockets.addAll(ActivatedSockets.fromEnvironment(
                System.getenv(), ProcessHandle.current().pid()));
        return new TunnelServer(config, sockets);
    }

    @Override
    public List<Object> commands() {
        return List.of(new Serve());
    }
}
