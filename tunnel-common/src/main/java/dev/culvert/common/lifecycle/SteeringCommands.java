package dev.culvert.common.lifecycle;

import static java.util.stream.Collectors.joining;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import dev.culvert.common.config.BadConfig;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** The commands that ask a running agent, each a subcommand. They find it by the same configuration file. */
final class SteeringCommands {
    private SteeringCommands() {}

    static List<Object> all() {
        return List.of(new Status(), new Conns(), new Top(), new Kill(), new DrainIt(), new Reload(), new Upgrade());
    }

    /** One of them. */
    private abstract static class Asking implements Callable<Integer> {
        @ParentCommand
        private @Nullable AgentCommand<?> parent;

        @Spec
        CommandSpec spec = CommandSpec.create();

        @Override
        public Integer call() throws InterruptedException {
            AgentCommand<?> line = Objects.requireNonNull(parent);
            try (AdminClient agent = new AdminClient(line.adminAddress())) {
                ask(agent, spec.commandLine().getOut());
                spec.commandLine().getOut().flush();
                return 0;
            } catch (BadConfig | IOException e) {
                return line.fail(e);
            }
        }

        abstract void ask(AdminClient agent, PrintWriter out) throws IOException, InterruptedException;
    }

    @Command(name = "status", description = "Show what the running agent is doing: sessions, forwards, rates.")
    private static final class Status extends Asking {
        @Option(names = "--json", description = "As JSON, with the live connections.")
        private boolean json;

        @Override
        void ask(AdminClient agent, PrintWriter out) throws IOException, InterruptedException {
            String text = agent.get("/status");
            if (json) {
                out.print(text);
                return;
            }
            show(ConfigFactory.parseString(text), out);
        }
    }

    @Command(name = "conns", description = "List the live connections, the oldest first.")
    private static final class Conns extends Asking {
        @Override
        void ask(AdminClient agent, PrintWriter out) throws IOException, InterruptedException {
            Table table = new Table(
                    "ID", "FORWARD", "FROM", "TARGET", "SESSION", "STATE", "AGE", "IDLE", "IN", "OUT", "UNREAD",
                    "UNSENT");
            for (Config one : ConfigFactory.parseString(agent.get("/status")).getConfigList("connections")) {
                table.row(
                        one.getString("id"),
                        one.getString("forward"),
                        Words.at(one.getString("client"), one.getString("source")),
                        one.getString("target"),
                        one.getString("session"),
                        one.getString("state"),
                        Words.time(one.getLong("age_ms")),
                        Words.time(one.getLong("idle_ms")),
                        bytes(one, "in"),
                        bytes(one, "out"),
                        bytes(one, "unread"),
                        bytes(one, "unsent"));
            }
            table.print(out);
        }
    }

    @Command(name = "top", description = "Show the status and the fastest connections, anew each second, until Ctrl-C.")
    private static final class Top extends Asking {
        private static final long EVERY_MILLIS = 1_000;
        /** Where the output is no terminal. */
        private static final int ROWS = 24;

        @Option(names = "--count", paramLabel = "COUNT", description = "End after so many times.")
        private int count = Integer.MAX_VALUE;

        @Override
        void ask(AdminClient agent, PrintWriter out) throws IOException, InterruptedException {
            if (count < 1) {
                throw new ParameterException(spec.commandLine(), "--count is 1 or more");
            }
            agent.get("/status"); // rates begin now
            for (int i = 0; i < count && !System.out.checkError(); i++) { // else nobody sees it any more
                TimeUnit.MILLISECONDS.sleep(EVERY_MILLIS);
                List<String> lines = lines(ConfigFactory.parseString(agent.get("/status")));
                out.print(Screen.find()
                        .map(screen -> screen.show(lines))
                        .orElseGet(() -> lines.stream().limit(ROWS).collect(joining("\n", "", "\n\n"))));
                out.flush();
            }
        }

        private static List<String> lines(Config status) {
            StringWriter text = new StringWriter();
            PrintWriter out = new PrintWriter(text);
            show(status, out);
            Table table = new Table("CONNECTION", "FORWARD", "FROM", "TARGET", "STATE", "IDLE", "IN", "OUT", "UNREAD");
            status.getConfigList("connections").stream()
                    .sorted(Rates.FASTEST_FIRST)
                    .forEach(one -> table.row(
                            one.getString("id"),
                            one.getString("forward"),
                            Words.at(one.getString("client"), one.getString("source")),
                            one.getString("target"),
                            one.getString("state"),
                            Words.time(one.getLong("idle_ms")),
                            Words.rate(one.getLong("in_per_s")),
                            Words.rate(one.getLong("out_per_s")),
                            bytes(one, "unread")));
            table.print(out);
            return text.toString().lines().toList();
        }
    }

    @Command(name = "kill", description = "Cut off a connection: both of its ends see a reset.")
    private static final class Kill extends Asking {
        @Parameters(paramLabel = "ID", description = "As conns and the log name it.")
        private String id = "";

        @Override
        void ask(AdminClient agent, PrintWriter out) throws IOException, InterruptedException {
            out.print(agent.post("/kill?id=" + URLEncoder.encode(id, StandardCharsets.UTF_8)));
        }
    }

    @Command(name = "drain", description = "Have the agent drain and end, as the first SIGTERM does.")
    private static final class DrainIt extends Asking {
        private static final long LOOK_EVERY_MILLIS = 200;

        @Option(names = "--wait", description = "Return when it has ended. Its log and its exit code tell of resets.")
        private boolean wait;

        @Override
        void ask(AdminClient agent, PrintWriter out) throws IOException, InterruptedException {
            long pid = ConfigFactory.parseString(agent.get("/status")).getLong("pid");
            out.print(agent.post("/drain"));
            out.flush();
            while (wait && isRunning(pid)) { // as long as it takes
                TimeUnit.MILLISECONDS.sleep(LOOK_EVERY_MILLIS);
            }
            if (wait) {
                out.println("ended");
            }
        }

        /** Not one that has ended, and that who has started it does not look after: it may wait for this command. */
        private static boolean isRunning(long pid) {
            if (!ProcessHandle.of(pid).map(ProcessHandle::isAlive).orElse(false)) {
                return false;
            }
            try {
                return !Files.readString(Path.of("/proc", String.valueOf(pid), "stat"))
                        .contains(") Z "); // proc(5)
            } catch (IOException e) {
                return Files.notExists(Path.of("/proc/self"));
            }
        }
    }

    @Command(name = "reload", description = "Have the agent read its configuration again, as SIGHUP does.")
    private static final class Reload extends Asking {
        @Option(names = "--plan", description = "Only show what would change, and whom it would hit.")
        private boolean plan;

        @Override
        void ask(AdminClient agent, PrintWriter out) throws IOException, InterruptedException {
            out.print(agent.post(plan ? "/plan" : "/reload"));
        }
    }

    @Command(
            name = "upgrade",
            description =
                    "Have the agent start its program anew, which takes over at once while the old process drains.")
    private static final class Upgrade extends Asking {
        @Override
        void ask(AdminClient agent, PrintWriter out) throws IOException, InterruptedException {
            out.print(agent.post("/upgrade"));
        }
    }

    /** The agent, its sessions and its forwards. */
    private static void show(Config status, PrintWriter out) {
        out.printf(
                "%s %s, pid %s, %s, up for %s%n",
                status.getString("agent"),
                status.getString("version"),
                status.getString("pid"),
                status.getString("state"),
                Words.time(status.getLong("uptime_ms")));
        status.getStringList("reasons").forEach(reason -> out.println("  " + reason));
        List<? extends Config> history = status.getConfigList("history");
        if (!history.isEmpty()) {
            Config now = history.get(history.size() - 1);
            out.printf(
                    "%d connections, %s/s in, %s/s out%n",
                    status.getConfigList("connections").size(), bytes(now, "in_per_s"), bytes(now, "out_per_s"));
        }
        Table sessions = new Table("SESSION", "PEER", "PROTOCOL", "STATE", "AGE", "STREAMS", "RTT", "RECEIVED", "SENT");
        for (Config session : status.getConfigList("sessions")) {
            sessions.row(
                    session.getString("id"),
                    Words.at(session.getString("client"), session.getString("peer")),
                    session.getString("protocol"),
                    session.getString("state"),
                    Words.time(session.getLong("age_ms")),
                    session.getString("streams"),
                    Words.millis(session.getLong("round_trip_us")),
                    bytes(session, "received"),
                    bytes(session, "sent"));
        }
        sessions.print(out);
        Table forwards = new Table("FORWARD", "CLIENT", "CONNECTIONS", "SO FAR", "IN", "OUT");
        for (Config forward : status.getConfigList("forwards")) {
            forwards.row(
                    forward.getString("forward"),
                    forward.getString("client"),
                    forward.getString("connections"),
                    forward.getString("begun"),
                    bytes(forward, "in"),
                    bytes(forward, "out"));
        }
        forwards.print(out);
        List<? extends Config> offered =
                status.hasPath("offers") ? status.getConfigList("offers") : List.of(); // an older agent has none
        if (!offered.isEmpty()) {
            Table offers = new Table("LISTENER", "CLIENT", "OFFERED IN");
            offered.forEach(offer -> offers.row(
                    offer.getString("listener"), offer.getString("client"), offer.getString("sessions") + " sessions"));
            offers.print(out);
        }
    }

    private static String bytes(Config of, String key) {
        return Words.bytes(of.getLong(key));
    }
}
