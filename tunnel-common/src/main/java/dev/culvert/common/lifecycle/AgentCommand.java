package dev.culvert.common.lifecycle;

import dev.culvert.common.admin.NobodyToAsk;
import dev.culvert.common.config.AdminConfig;
import dev.culvert.common.config.AgentConfig;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.config.ConfigFile;
import dev.culvert.common.config.ListenAddresses;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.tls.Identity;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The command line of both agents: {@code [-c FILE] [-v] [COMMAND]}.
 *
 * @param <C> the agent's configuration
 */
@Command(
        mixinStandardHelpOptions = true,
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {
            "0:drained or done",
            "1:configuration or another start-up error",
            "2:usage",
            "3:connections were reset, at the deadline of the drain or by a second signal",
            "4:no memory was left for buffers; on the heap, 134",
            "5:an address or port could not be listened on",
            "69:there is no agent to ask",
            "70:a bug, which the log asks to report"
        },
        footer =
                "%nSIGTERM and SIGINT drain, a second one ends at once. SIGHUP reads the configuration again, and where there is no file it drains. SIGUSR1 writes the state to the log. CULVERT_OPTS holds extra JVM flags.")
public final class AgentCommand<C extends AgentConfig> implements Callable<Integer> {
    private static final int DONE = 0;

    private final Program<C> program;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Option(
            names = {"-c", "--config"},
            paramLabel = "FILE",
            scope = ScopeType.INHERIT,
            description = "The configuration (default: ${DEFAULT-VALUE}).")
    private @Nullable Path file;

    @Option(names = "-v", scope = ScopeType.INHERIT, description = "Log more.")
    private boolean verbose;

    private AgentCommand(Program<C> program) {
        this.program = program;
    }

    /** Does what the arguments ask for; returns the exit code. */
    static <C extends AgentConfig> int execute(Program<C> program, String... args) {
        CommandLine line = new CommandLine(new AgentCommand<>(program));
        line.setCommandName(program.name());
        program.commands().forEach(line::addSubcommand);
        SteeringCommands.all().forEach(line::addSubcommand);
        line.getCommandSpec().version(program.name() + " " + AgentRun.version());
        line.getSubcommands().values().forEach(command -> {
            CommandSpec its = command.getCommandSpec()
                    .mixinStandardHelpOptions(true)
                    .version(program.name() + " " + AgentRun.version());
            if (command.getCommand() instanceof FilelessCommand) {
                its.remove(its.findOption("-c"));
            }
        });
        line.getCommandSpec().usageMessage().description(program.description());
        line.setDefaultValueProvider(option -> option instanceof CommandLine.Model.OptionSpec o
                        && o.longestName().equals("--config")
                ? program.defaultConfig().toString()
                : null);
        int code = line.execute(args);
        if (code == DONE && System.out.checkError()) {
            if (!nobodyReads()) {
                line.getErr().println("the output could not be written: the disk is full, or who reads it has ended");
            }
            return AgentRun.FAILED;
        }
        return code;
    }

    /**
     * Whether standard output is a pipe whose reader has seen enough, as that of `head`. The stream does not say it, so
     * it is tried once more.
     */
    private static boolean nobodyReads() {
        try {
            new FileOutputStream(FileDescriptor.out).write('\n');
            return false;
        } catch (IOException e) {
            return String.valueOf(e.getMessage()).contains("Broken pipe");
        }
    }

    @Override
    public Integer call() throws InterruptedException {
        return run();
    }

    @Command(description = "Run in the foreground (default).")
    int run() throws InterruptedException {
        return run(false);
    }

    @Command(
            name = "take-over",
            description =
                    "Run in the foreground, in the place of the agent that runs: it gives its sockets away, and drains.")
    int takeOver() throws InterruptedException {
        return run(true);
    }

    private int run(boolean takesOver) throws InterruptedException {
        return new AgentRun<>(program, file(), verbose).run(takesOver);
    }

    /** Runs by {@link FilelessCommand#values()}. */
    int run(Map<String, Object> values) throws InterruptedException {
        if (spec.commandLine().getParseResult().hasMatchedOption("-c")) {
            throw new ParameterException(spec.commandLine(), "this command takes no file: leave out -c");
        }
        Map<String, Object> all = new HashMap<>(values);
        all.values().removeIf(List.of()::equals);
        all.put("admin.listen", "off");
        return new AgentRun<>(program, all, verbose).run(false);
    }

    /**
     * Where the agent that runs with this configuration is asked. That takes no more of the file than its section: it
     * may have become wrong since, and the agent's key is not for everybody who asks it.
     */
    public String adminAddress() throws BadConfig, NobodyToAsk {
        return AgentRun.adminAddress(
                ConfigFile.readOnly(
                        file(),
                        program.defaultConfig(),
                        "admin",
                        top -> top.section("admin", admin -> AdminConfig.read(admin, new ListenAddresses()))),
                file());
    }

    @Command(description = "Read the configuration and print what would run.")
    int check() {
        try {
            spec.commandLine().getOut().print(program.read(file()).describe());
            spec.commandLine().getOut().flush();
            return DONE;
        } catch (BadConfig e) {
            return fail(e);
        }
    }

    @Command(
            description = {
                "Look for what is wrong, step by step, and say what to do about it.",
                "Goes to the servers with sessions of its own, and opens a connection to each target."
            },
            exitCodeListHeading = "%nExit codes:%n",
            exitCodeList = {"0:nothing is wrong", "1:something is"})
    int doctor() throws InterruptedException {
        Findings findings = new Findings(spec.commandLine().getOut());
        Doctor doctor = new Doctor(findings);
        try {
            C config = program.read(file());
            findings.ok("configuration", file().toString());
            boolean runs = doctor.askAgent(config.admin().askAt(file(), System.getenv()), config);
            program.examine(config, runs, findings);
        } catch (BadConfig e) {
            findings.fault("configuration", String.valueOf(e.getMessage()), "");
        }
        doctor.checkKernel();
        spec.commandLine().getOut().println(findings.sum());
        spec.commandLine().getOut().flush();
        return findings.areGood() ? DONE : AgentRun.FAILED;
    }

    @Command(description = "Make this agent's key if there is none, and print its fingerprint.")
    int keygen() {
        try {
            spec.commandLine().getOut().println(makeIdentity());
            return DONE;
        } catch (BadConfig | IOException e) {
            return fail(e);
        }
    }

    /** For those who make packages. */
    @Command(hidden = true, description = "Print a completion of this command line for bash.")
    int completion() {
        spec.commandLine().getOut().print(AutoComplete.bash(program.name(), spec.commandLine()));
        spec.commandLine().getOut().flush();
        return DONE;
    }

    /** This agent's key; makes one, and says so, if there is none. Throws with a sentence for the user. */
    public Identity makeIdentity() throws BadConfig, IOException {
        TlsConfig tls = program.tls(file());
        if (Identity.make(tls.keyFile(), program.name())) {
            spec.commandLine().getErr().println("made " + tls.keyFile());
        }
        return tls.identity();
    }

    /** Says why a command has failed; returns its exit code. */
    public int fail(Exception why) {
        spec.commandLine().getErr().println(why.getMessage());
        return why instanceof NobodyToAsk ? AgentRun.NOBODY_TO_ASK : AgentRun.FAILED;
    }

    /** The configuration, as the command line has it. */
    public Path file() {
        return file == null ? program.defaultConfig() : file;
    }
}
