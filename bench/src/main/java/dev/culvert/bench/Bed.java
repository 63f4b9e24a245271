package dev.culvert.bench;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Where tunnels are measured: two hosts. Programs that load a tunnel run at its entry, the targets behind its exit. */
public sealed interface Bed extends AutoCloseable {
    /** The two hosts. */
    enum Side {
        ENTRY,
        EXIT
    }

    /** What reports call it. */
    String name();

    /** The address of a host, as seen from the other one. */
    String address(Side side);

    /** What runs {@code command} on a host. */
    List<String> on(Side side, List<String> command);

    /** A TCP port that is free on both. */
    int freePort();

    @Override
    void close();

    /** Starts a program on a host. */
    default Program start(Side side, String name, Path directory, List<String> command) {
        return start(side, name, directory, command, Map.of());
    }

    default Program start(
            Side side, String name, Path directory, List<String> command, Map<String, String> environment) {
        return Program.start(name, directory, on(side, command), environment);
    }

    /** Runs a program on a host to its end and returns what it printed. */
    default String run(Side side, String name, Path directory, Duration limit, List<String> command) {
        return Program.run(name, directory, limit, on(side, command));
    }

    /** One machine: both hosts are this one. */
    record Loopback() implements Bed {
        @Override
        public String name() {
            return "loopback";
        }

        @Override
        public String address(Side side) {
            return "127.0.0.1";
        }

        @Override
        public List<String> on(Side side, List<String> command) {
            return command;
        }

        @Override
        public int freePort() {
            try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
                return socket.getLocalPort();
            } catch (IOException e) {
                throw new BenchFailure("no free port: " + e.getMessage());
            }
        }

        @Override
        public void close() {}
    }

    /** Two network namespaces with an emulated link between them; {@code bench/link/link} makes and removes them. */
    final class Link implements Bed {
        private final Path script;
        private final Path directory;
        private final LinkSpec spec;
        private int lastPort = 10_000;

        private Link(Path script, Path directory, LinkSpec spec) {
            this.script = script;
            this.directory = directory;
            this.spec = spec;
        }

        /** Makes the link; there can be one at a time. */
        public static Link up(Path script, Path directory, LinkSpec spec) {
            Link link = new Link(script, directory, spec);
            link.close();
            List<String> command = new ArrayList<>(List.of(script.toString(), "up"));
            command.addAll(spec.arguments());
            Program.run("link", directory, Duration.ofSeconds(30), command);
            return link;
        }

        @Override
        public String name() {
            return spec.toString();
        }

        @Override
        public String address(Side side) {
            return side == Side.ENTRY ? "10.77.0.1" : "10.77.0.2";
        }

        @Override
        public List<String> on(Side side, List<String> command) {
            List<String> inside =
                    new ArrayList<>(List.of("ip", "netns", "exec", side == Side.ENTRY ? "culvert-a" : "culvert-b"));
            inside.addAll(command);
            return inside;
        }

        @Override
        public int freePort() {
            return ++lastPort; // nobody else is here
        }

        @Override
        public void close() {
            Program.run("link-down", directory, Duration.ofSeconds(30), List.of(script.toString(), "down"));
        }
    }

    /**
     * What a link is like.
     *
     * @param rate in Mbit/s, each way
     * @param roundTrip in milliseconds
     * @param loss in thousandths of the packets, each way
     * @param queue what waits at most in front of it, in kB; 0: as much as is usual
     * @param congestion the hosts' congestion control; empty: the system's
     */
    record LinkSpec(int rate, int roundTrip, int loss, int queue, String congestion) {
        LinkSpec(int rate, int roundTrip, int loss) {
            this(rate, roundTrip, loss, 0, "");
        }

        LinkSpec under(String congestion) {
            return new LinkSpec(rate, roundTrip, loss, queue, congestion);
        }

        List<String> arguments() {
            List<String> arguments = new ArrayList<>(List.of(
                    "--rate",
                    rate + "mbit",
                    "--rtt",
                    roundTrip + "ms",
                    "--loss",
                    String.format("%d.%d%%", loss / 10, loss % 10),
                    "--queue",
                    queue == 0 ? "auto" : queue + "000"));
            if (!congestion.isEmpty()) {
                arguments.addAll(List.of("--congestion", congestion));
            }
            return arguments;
        }

        @Override
        public String toString() {
            return rate + " Mbit/s, " + roundTrip + " ms"
                    + (loss == 0 ? "" : ", " + loss / 10.0 + " % loss")
                    + (queue == 0 ? "" : ", queue of " + queue + " kB")
                    + (congestion.isEmpty() ? "" : ", " + congestion);
        }
    }
}
