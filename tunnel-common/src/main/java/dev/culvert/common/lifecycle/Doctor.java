package dev.culvert.common.lifecycle;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import dev.culvert.common.admin.AdminClient;
import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.net.Sysctl;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.function.LongPredicate;

/** What {@code doctor} looks at for any agent: whether it runs, and what the machine lets it have. Blocks. */
final class Doctor {
    /** Fewer do for a quiet afternoon. */
    private static final long FEW_DESCRIPTORS = 1024;

    /** Bytes: 300 Mbit/s for 100 ms. */
    private static final long ENOUGH_IN_FLIGHT = 4 << 20;

    private static final long LONG_BACKLOG = 4096;

    private final Findings findings;

    Doctor(Findings findings) {
        this.findings = findings;
    }

    /** Asks the agent. Returns whether one runs. */
    boolean askAgent(Optional<String> address, AgentConfig config) throws InterruptedException {
        Optional<Config> status = address.isPresent() ? status(address.get()) : Optional.empty();
        if (status.isEmpty()) {
            findings.agentMayRun();
            findings.note(
                    "agent",
                    address.map(at -> "none answers on " + at)
                            .orElse("cannot be asked, admin.listen is "
                                    + config.admin().describe()),
                    "If it runs, ask as a user who may write there. Without it, what follows is found by this command alone.");
            checkDescriptors(Descriptors.now(), config, "this shell");
            return false;
        }
        Config agent = status.get();
        String who = "pid " + agent.getLong("pid") + ", " + agent.getString("state");
        if (agent.getStringList("reasons").isEmpty()) {
            findings.ok("agent", who);
        } else {
            findings.fault("agent", who, String.join("; ", agent.getStringList("reasons")));
        }
        Config descriptors = agent.getConfig("descriptors");
        checkDescriptors(
                new Descriptors(descriptors.getLong("open"), descriptors.getLong("limit")), config, "the agent");
        if (agent.getString("agent").equals("tunnel-client")
                && agent.getString("state").equals("ready")) {
            measure(address.orElseThrow());
        }
        return true;
    }

    private static Optional<Config> status(String address) throws InterruptedException {
        try (AdminClient agent = new AdminClient(address)) {
            return Optional.of(ConfigFactory.parseString(agent.get("/status")));
        } catch (IOException nobody) {
            return Optional.empty();
        }
    }

    /** Beside whatever it carries now. */
    private void measure(String address) throws InterruptedException {
        try (AdminClient agent = new AdminClient(address)) {
            findings.ok("live session", agent.post("/measure").strip());
        } catch (IOException e) {
            findings.note(
                    "live session",
                    "not measured: " + e.getMessage(),
                    "That takes a session, a server that knows how, and the agent's unix socket.");
        }
    }

    private void checkDescriptors(Descriptors now, AgentConfig config, String whose) {
        String text = "%s may have %d open, and has %d".formatted(whose, now.limit(), now.open());
        String advice =
                "Raise LimitNOFILE in its unit, or `ulimit -n` before it is started: the configuration lets in up to "
                        + config.mostConnections() + " connections, and each takes one.";
        if (now.limit() < FEW_DESCRIPTORS || now.open() > now.limit() / 10 * 9) {
            findings.fault("descriptors", text + ": too few", advice);
        } else if (now.limit() < config.mostConnections()) {
            findings.note("descriptors", text, advice);
        } else {
            findings.ok("descriptors", text);
        }
    }

    /** Settings of Linux that sessions feel; nothing elsewhere. */
    void checkKernel() {
        for (String buffer : List.of("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem")) {
            checkSetting(
                    buffer,
                    most -> most >= ENOUGH_IN_FLIGHT,
                    "A session has no more bytes than that on their way, so a long way makes it slow: `sysctl -w "
                            + buffer + "='4096 131072 16777216'`.");
        }
        checkSetting(
                "net.core.somaxconn",
                most -> most >= LONG_BACKLOG,
                "No more connections than that wait to be accepted: `sysctl -w net.core.somaxconn=" + LONG_BACKLOG
                        + "`.");
        checkSetting(
                "net.ipv4.tcp_slow_start_after_idle",
                is -> is == 0,
                "A session that was idle for a moment begins slowly again: `sysctl -w net.ipv4.tcp_slow_start_after_idle=0`.");
    }

    /** Of several numbers the last counts, which is the greatest. */
    private void checkSetting(String name, LongPredicate good, String advice) {
        List<Long> numbers = Sysctl.KERNEL.read(name);
        if (numbers.isEmpty()) {
            return;
        }
        long number = numbers.get(numbers.size() - 1);
        if (good.test(number)) {
            findings.ok("kernel", name + " is " + number);
        } else {
            findings.note("kernel", name + " is " + number, advice);
        }
    }
}
