package dev.culvert.client;

import dev.culvert.common.lifecycle.FilelessCommand;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code tunnel-client forward}: a tunnel for as long as its terminal is there, from a command line like ssh's. */
@Command(
        name = "forward",
        description = {
            "Forward ports in the foreground, without a file, with all else by default. -L, -R and -D are those of ssh.",
            "Ends with Ctrl-C, or with its terminal. Run `tunnel-client keygen` once before."
        })
final class ForwardPorts extends FilelessCommand {
    /** As ssh has it: without an address, that of loopback; addresses of IPv6 in brackets. */
    private static final String LISTEN = "(?:(?<address>\\[[^\\[\\]]+]|[^:\\[\\]]+):)?(?<port>\\d+)";

    private static final String TARGET = "(?<target>(?:\\[[^\\[\\]]+]|[^:\\[\\]]+):\\d+)";

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = "-L",
            paramLabel = "[ADDRESS:]PORT:HOST:PORT",
            description = "Listen here, on loopback if there is no ADDRESS; the server dials HOST:PORT.")
    private List<String> local = List.of();

    @Option(
            names = "-R",
            paramLabel = "[ADDRESS:]PORT:HOST:PORT",
            description = "The server listens, on its loopback if there is no ADDRESS; this client dials HOST:PORT.")
    private List<String> remote = List.of();

    @Option(
            names = "-D",
            paramLabel = "[ADDRESS:]PORT",
            description = "A SOCKS5 proxy here; the server dials what each connection asks for.")
    private List<String> dynamic = List.of();

    @Option(
            names = "--server-key",
            paramLabel = "SHA256:...",
            required = true,
            description = "What `tunnel-server keygen` prints there.")
    private List<String> serverKeys = List.of();

    @Option(names = "--key-file", paramLabel = "FILE", description = "This client's key, if not the usual one.")
    private Optional<String> keyFile = Optional.empty();

    @Parameters(
            paramLabel = "SERVER",
            arity = "1..*",
            description = "HOST:PORT, or wss://HOST/PATH; if several, in the order of preference.")
    private List<String> servers = List.of();

    @Override
    protected Map<String, Object> values() {
        if (local.isEmpty() && remote.isEmpty() && dynamic.isEmpty()) {
            throw new ParameterException(spec.commandLine(), "nothing to forward: give -L, -R or -D");
        }
        Map<String, Object> values = new HashMap<>();
        values.put("upstream.servers", servers);
        values.put("upstream.tls.server-key", serverKeys);
        keyFile.ifPresent(file -> values.put("upstream.tls.key-file", file));
        put(values, "-L", local, LISTEN + ":" + TARGET, "forwards.L");
        put(values, "-R", remote, LISTEN + ":" + TARGET, "reverse.R");
        put(values, "-D", dynamic, LISTEN, "forwards.D");
        return values;
    }

    /**
     * A section for each use of an option, such as {@code forwards.L8080}. Two processes with one key may offer to take
     * connections, and a server tells these by their names.
     */
    private void put(Map<String, Object> values, String option, List<String> uses, String form, String section) {
        Pattern pattern = Pattern.compile(form);
        for (String use : uses) {
            Matcher parts = pattern.matcher(use);
            if (!parts.matches()) {
                throw new ParameterException(
                        spec.commandLine(),
                        "%s %s: expected %s, with addresses of IPv6 in brackets; unix sockets and UDP take a file"
                                .formatted(option, use, spec.findOption(option).paramLabel()));
            }
            String name = section + parts.group("port");
            for (int another = 2; values.containsKey(name + ".listen"); another++) {
                name = section + parts.group("port") + "-" + another;
            }
            String address = Objects.requireNonNullElse(parts.group("address"), "127.0.0.1");
            values.put(name + ".listen", address + ":" + parts.group("port"));
            if (form.endsWith(TARGET)) {
                values.put(name + ".target", parts.group("target"));
            } else {
                values.put(name + ".protocol", ForwardProtocol.SOCKS5.toString());
            }
        }
    }
}
