package dev.culvert.client;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.lifecycle.AgentCommand;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.Tls;
import dev.culvert.mux.HostPort;
import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code tunnel-client enroll}: shows the keys of both sides and the lines that make them known to each other. Trusts nobody by itself. */
@Command(
        name = "enroll",
        description =
                "Show a server's key and this client's, and the lines of configuration that make them known to each other.")
final class Enroll implements Callable<Integer> {
    private static final Duration PATIENCE = Duration.ofSeconds(10);

    @ParentCommand
    private @Nullable AgentCommand<?> parent;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "HOST:PORT", description = "The server.")
    private String server = "";

    @Override
    public Integer call() {
        try {
            HostPort address = HostPort.parse(server);
            Fingerprint own = Objects.requireNonNull(parent).makeIdentity().fingerprint();
            Fingerprint shown = Tls.shownBy(address, PATIENCE);
            spec.commandLine().getOut().print("""
                    %s shows the key %s.
                    Compare that with what `tunnel-server keygen` prints there: somebody in between would show another one.
                    If it is the same, this is for client.conf here:

                      upstream { servers = ["%s"], tls { server-key = "%s" } }

                    and this, with a name and what this client may dial, for server.conf there:

                      clients { NAME { key = "%s", allow = ["HOST:PORT"] } }
                    """.formatted(address, shown, address, shown, own));
            spec.commandLine().getOut().flush();
            return 0;
        } catch (BadConfig | IOException | IllegalArgumentException e) {
            spec.commandLine().getErr().println(e.getMessage());
            return 1;
        }
    }
}
