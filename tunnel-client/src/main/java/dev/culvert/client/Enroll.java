package dev.culvert.client;

import dev.culvert.common.config.BadConfig;
import dev.culvert.common.lifecycle.AgentCommand;
import dev.culvert.common.net.Dialer;
import dev.culvert.common.net.SessionSocket;
import dev.culvert.common.net.Transport;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.Identity;
import dev.culvert.common.tls.Tls;
import dev.culvert.common.tls.Trust;
import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/**
 * {@code tunnel-client enroll}: shows the keys of both sides and the lines that make them known to each other. Trusts
 * nobody by itself.
 */
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

    @Parameters(paramLabel = "SERVER", description = "HOST:PORT, or wss://HOST/PATH, as in upstream.servers.")
    private String server = "";

    @Override
    public Integer call() throws InterruptedException {
        Location location = location();
        try {
            AgentCommand<?> agent = Objects.requireNonNull(parent);
            Identity identity = agent.makeIdentity();
            Fingerprint own = identity.fingerprint();
            Fingerprint shown = shownBy(location, agent.file(), identity);
            spec.commandLine().getOut().print("""
                    %s shows the key %s.
                    Compare that with what `tunnel-server keygen` prints there: somebody in between would show another one.
                    If it is the same, this is for client.conf here:

                      upstream { servers = ["%s"], tls { server-key = "%s" } }

                    and this, with a name and what this client may dial, for server.conf there:

                      clients { NAME { key = "%s", allow = ["HOST:PORT"] } }
                    """.formatted(location, shown, location, shown, own));
            spec.commandLine().getOut().flush();
            return 0;
        } catch (BadConfig | IOException e) {
            spec.commandLine().getErr().println(e.getMessage());
            return 1;
        }
    }

    private Location location() {
        try {
            return Location.parse(server);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
        }
    }

    /** The key that a server shows to anybody, unverified. Blocks; throws with a sentence for the user. */
    private static Fingerprint shownBy(Location location, Path config, Identity own)
            throws BadConfig, IOException, InterruptedException {
        CompletableFuture<Fingerprint> shown = new CompletableFuture<>();
        Trust look = chain -> shown.complete(Fingerprint.of(chain[0].getPublicKey()));
        Server server = new Server(
                location,
                0,
                ClientConfig.proxy(config, location.address()),
                Server.way(location, ClientConfig.webCaFile(config), PATIENCE),
                Tls.client(own, look, PATIENCE));
        Transport transport = Transport.best();
        EventLoopGroup loops = transport.newEventLoops(1, "enroll");
        try {
            SessionSocket socket = new SessionSocket(PATIENCE);
            server.reach(new Dialer(transport, PATIENCE), loops.next()).addListener((Future<Channel> reached) -> {
                if (reached.isSuccess()) {
                    server.greet(
                            reached.getNow(),
                            socket,
                            chain -> {},
                            reason -> shown.completeExceptionally(
                                    new IOException("cannot see the key of " + server + ": " + reason)));
                } else {
                    shown.completeExceptionally(
                            new IOException("cannot connect: " + reached.cause().getMessage()));
                }
            });
            return shown.get(); // each step has its deadline
        } catch (ExecutionException e) {
            throw (IOException) Objects.requireNonNull(e.getCause());
        } finally {
            loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
        }
    }
}
