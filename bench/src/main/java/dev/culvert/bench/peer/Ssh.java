package dev.culvert.bench.peer;

import dev.culvert.bench.Bed;
import dev.culvert.bench.Bed.Side;
import dev.culvert.bench.Files;
import dev.culvert.bench.Forward;
import dev.culvert.bench.Peer;
import dev.culvert.bench.Program;
import dev.culvert.bench.Tunnel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** {@code ssh -L}: OpenSSH with a server of its own, and keys made for it. */
public record Ssh() implements Peer {
    private static final Path SERVER = Path.of("/usr/sbin/sshd");

    @Override
    public String name() {
        return "ssh";
    }

    @Override
    public boolean encrypts() {
        return true;
    }

    @Override
    public Optional<String> missing() {
        return Peer.missing("Debian packages openssh-server, openssh-client", SERVER, Path.of("ssh"));
    }

    @Override
    public Tunnel start(Bed bed, Path directory, List<Forward> forwards) {
        int port = bed.freePort();
        String host = bed.address(Side.EXIT);
        Files.createDirectories(Path.of("/run/sshd")); // where it wants to be before a login
        key(directory, "host");
        key(directory, "user");
        Files.write(
                directory.resolve("sshd_config"),
                "Port " + port,
                "ListenAddress " + host,
                "HostKey " + directory.resolve("host"),
                "AuthorizedKeysFile " + directory.resolve("user.pub"),
                "PidFile none",
                "PermitRootLogin yes",
                "StrictModes no",
                "UsePAM no");
        Program exit = bed.start(
                Side.EXIT, "sshd", directory, List.of(SERVER.toString(), "-D", "-e", "-f", directory + "/sshd_config"));
        exit.awaitListening(port);
        List<String> client = new ArrayList<>(List.of(
                "ssh",
                "-N",
                "-F",
                "none",
                "-p",
                Integer.toString(port),
                "-i",
                directory.resolve("user").toString()));
        client.addAll(List.of("-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"));
        client.addAll(List.of("-o", "ExitOnForwardFailure=yes"));
        forwards.forEach(forward -> {
            client.add("-L");
            client.add("127.0.0.1:" + forward.port() + ":127.0.0.1:" + forward.target());
        });
        client.add(System.getProperty("user.name") + "@" + host);
        return Peer.tunnel(forwards, bed.start(Side.ENTRY, "ssh", directory, client), exit);
    }

    private static void key(Path directory, String name) {
        Files.deleteIfExists(directory.resolve(name));
        Program.run(
                "ssh-keygen",
                directory,
                Duration.ofSeconds(10),
                List.of(
                        "ssh-keygen",
                        "-q",
                        "-t",
                        "ed25519",
                        "-N",
                        "",
                        "-f",
                        directory.resolve(name).toString()));
    }
}
