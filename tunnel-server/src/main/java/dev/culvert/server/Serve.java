package dev.culvert.server;

import dev.culvert.common.lifecycle.FilelessCommand;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code tunnel-server serve}: a server for as long as its terminal is there, from a command line. */
@Command(
        name = "serve",
        description = {
            "Serve clients in the foreground, without a file, with all else by default.",
            "Ends with Ctrl-C, or with its terminal. Run `tunnel-server keygen` once before."
        })
final class Serve extends FilelessCommand {
    @Option(
            names = "--client-key",
            paramLabel = "SHA256:...",
            required = true,
            description = "Who gets in: what `tunnel-client keygen` prints there.")
    private List<String> clientKeys = List.of();

    @Option(
            names = "--allow",
            paramLabel = "HOST:PORTS",
            description = "What clients may have dialled, for -L and -D, such as db.internal:5432 or 10.0.0.0/8:443.")
    private List<String> allow = List.of();

    @Option(
            names = "--offers",
            paramLabel = "ADDRESS:PORTS",
            description = "Where clients may have this server listen, for -R, such as 127.0.0.1:9000-9100.")
    private List<String> offers = List.of();

    @Option(names = "--key-file", paramLabel = "FILE", description = "This server's key, if not the usual one.")
    private Optional<String> keyFile = Optional.empty();

    @Parameters(paramLabel = "LISTEN", description = "ADDRESS:PORT for clients, such as 0.0.0.0:7443.")
    private String listen = "";

    @Override
    protected Map<String, Object> values() {
        Map<String, Object> values = new HashMap<>();
        values.put("listen", listen);
        for (int i = 0; i < clientKeys.size(); i++) {
            String client = "clients.client" + (i + 1);
            values.put(client + ".key", clientKeys.get(i));
            values.put(client + ".allow", allow);
            values.put(client + ".offers", offers);
        }
        keyFile.ifPresent(file -> values.put("tls.key-file", file));
        return values;
    }
}
