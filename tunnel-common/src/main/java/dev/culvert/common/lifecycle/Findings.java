package dev.culvert.common.lifecycle;

import dev.culvert.common.net.AllowRule;
import dev.culvert.common.net.SocketFile;
import dev.culvert.common.tls.Identity;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.UnixPath;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.net.DatagramSocket;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Instant;
import java.util.Optional;

/** What {@code doctor} finds, printed as it is found. One thread at a time. */
public final class Findings {
    private static final int INDENT = 21;

    private final PrintWriter out;
    private boolean agentMayRun;
    private int faults;
    private int notes;

    Findings(PrintWriter out) {
        this.out = out;
    }

    /** Something is as it should be. */
    public void ok(String what, String text) {
        print("ok", what, text);
    }

    /**
     * Something works that could be better.
     *
     * @param advice what to do about it, a sentence
     */
    public void note(String what, String text, String advice) {
        notes++;
        print("note", what, text);
        advise(advice);
    }

    /**
     * Something does not work.
     *
     * @param advice what to do about it, a sentence; may be empty where {@code text} says it
     */
    public void fault(String what, String text, String advice) {
        faults++;
        print("BAD", what, text);
        advise(advice);
    }

    /**
     * Who this agent is, and whether its certificates are valid now.
     *
     * @param byAuthority the agent goes by a CA, so its peers are taken to do so, too
     */
    public void checkIdentity(Identity own, boolean byAuthority) {
        Optional<String> lapse = own.lapse(Instant.now());
        if (lapse.isEmpty()) {
            ok("key", "ours is " + own);
            return;
        }
        String text = "ours is " + own + ", and " + lapse.get();
        String advice =
                "Renew it, unless the clock here is wrong, see `timedatectl`: only a peer that lists the key accepts it.";
        if (byAuthority) {
            fault("key", text, advice);
        } else {
            note("key", text, advice);
        }
    }

    /** No agent has answered, which does not say that none runs: what is taken may be its own. */
    void agentMayRun() {
        agentMayRun = true;
    }

    /** Whether an agent that does not run could listen there. */
    public void checkAddress(String name, Address address) {
        if (address instanceof UnixPath path) {
            checkFile(name, path);
        } else {
            checkPort(name, (HostPort) address);
        }
    }

    /** The same for UDP. */
    public void checkUdpPort(String name, HostPort address) {
        try (DatagramSocket socket = new DatagramSocket(null)) {
            check(name, AllowRule.UDP + address, "ss -lunp", () -> socket.bind(resolved(address)));
        } catch (IOException e) {
            throw new UncheckedIOException(e); // there is no socket to be had at all
        }
    }

    private void checkFile(String name, UnixPath path) {
        try {
            SocketFile.check(path);
            ok("socket", name + ": " + path + " is free");
        } catch (IOException e) {
            fault("socket", name + ": " + path + ": " + e.getMessage(), "");
        }
    }

    private void checkPort(String name, HostPort address) {
        try (ServerSocket socket = new ServerSocket()) {
            socket.setReuseAddress(true);
            check(name, address.toString(), "ss -ltnp", () -> socket.bind(resolved(address)));
        } catch (IOException e) {
            throw new UncheckedIOException(e); // the same
        }
    }

    private static InetSocketAddress resolved(HostPort address) {
        return new InetSocketAddress(address.host(), address.port());
    }

    private interface Binding {
        void bind() throws IOException;
    }

    private void check(String name, String address, String lister, Binding binding) {
        try {
            binding.bind();
            ok("port", name + ": " + address + " is free");
        } catch (IOException e) {
            if (agentMayRun && isTaken(e)) {
                note(
                        "port",
                        name + ": " + address + " is taken",
                        "By this agent, if it runs and only did not answer; else `" + lister
                                + "` names the program that has it: end that, or listen elsewhere.");
                return;
            }
            fault(
                    "port",
                    name + ": " + address + ": " + e.getMessage(),
                    "Another program may have it, which `" + lister
                            + "` names, or it is below 1024 and takes root or the unit, or the address is not this machine's.");
        }
    }

    private static boolean isTaken(IOException e) {
        return String.valueOf(e.getMessage()).contains("in use");
    }

    private void print(String mark, String what, String text) {
        out.printf("%-4s  %-13s  %s%n", mark, what, text);
        out.flush(); // the next step may take a while
    }

    private void advise(String advice) {
        if (!advice.isEmpty()) {
            out.println(" ".repeat(INDENT) + advice);
            out.flush();
        }
    }

    boolean areGood() {
        return faults == 0;
    }

    /** All of them in a few words. */
    String sum() {
        String good = faults == 0 ? "no faults" : faults == 1 ? "1 fault" : faults + " faults";
        return notes == 0 ? good : good + ", " + (notes == 1 ? "1 note" : notes + " notes");
    }
}
