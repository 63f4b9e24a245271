package dev.culvert.dist;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * A network on this machine: the client is in a namespace of its own, behind a router in another; the server is where
 * the test is. A second wire leads from the test to the client, for the applications.
 *
 * <pre>
 *   test, server .18 ---- .17 router .1 ---- .2 client
 *                .33 ------------------------ .34
 * </pre>
 */
final class Network implements AutoCloseable {
    /** The client's way to the router, by the name that bench/link gives it. */
    private static final String WAN = "link0";

    private static final int NETS = 512;

    private final String prefix;
    private final String client;
    private final String router;
    private final String wires;
    private final List<String> emulation;
    private @Nullable Process emulator;
    private int address = 2;
    private int serverHost = 18;

    /** Which packets the router drops. */
    enum Direction {
        TO_SERVER,
        TO_CLIENT,
        BOTH
    }

    /**
     * @param emulation what the way from the client to the router is like, as bench/link/link.c takes it; empty: a wire
     */
    Network(List<String> emulation) {
        this.emulation = emulation;
        int net = claim();
        prefix = prefix(net);
        client = client(net);
        router = "culvert-router" + net;
        wires = "culvert" + net;
        try {
            build();
        } catch (IOException | AssertionError e) {
            close();
            throw new AssertionError("cannot make a network", e);
        }
    }

    /** Takes a net that nobody has, by the client's namespace: only one of several tests can make it. */
    private static int claim() {
        String taken = ip("-o", "-4", "address");
        Random random = new Random();
        for (int i = 0; i < NETS; i++) {
            int net = random.nextInt(NETS);
            if (!taken.contains(prefix(net))
                    && Programs.run("ip", "netns", "add", client(net)).code() == 0) {
                return net;
            }
        }
        throw new AssertionError("no net is free, or none can be made");
    }

    private static String client(int net) {
        return "culvert-client" + net;
    }

    private static String prefix(int net) {
        return "198." + (18 + net / 256) + "." + net % 256 + ".";
    }

    private void build() throws IOException {
        Path names = Files.createDirectories(Path.of("/etc/netns", client)).resolve("resolv.conf");
        Files.writeString(names, "nameserver " + testAddress() + "\n");
        ip("netns", "add", router);
        ip("-n", client, "link", "set", "lo", "up");
        wire(wires + "r", "", 18, "server", router, 17);
        wire(wires + "c", "", 33, "apps", client, 34);
        if (emulation.isEmpty()) {
            wire(WAN, client, address, "client", router, 1);
        } else {
            emulate();
        }
        ip("-n", client, "route", "add", "default", "via", prefix + 1);
        ip("route", "add", prefix + "0/28", "via", prefix + 17);
        Programs.run("ip", "netns", "exec", router, "sh", "-c", """
                        cd /proc/sys/net/ipv4 && echo 1 >ip_forward && for each in conf/*/rp_filter; do echo 0 >$each; done""").expect(0);
    }

    private void emulate() throws IOException {
        tunDevice(client, address);
        tunDevice(router, 1);
        Path program = Files.createTempFile(client, "");
        Programs.run(
                        "cc",
                        "-std=gnu11",
                        "-O2",
                        "-o",
                        program.toString(),
                        AgentProcess.source("bench/link/link.c").toString(),
                        "-lm")
                .expect(0);
        List<String> command = new ArrayList<>(List.of(program.toString()));
        command.addAll(emulation);
        command.addAll(List.of(client, router));
        emulator = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(ProcessBuilder.Redirect.DISCARD)
                .start();
        program.toFile().deleteOnExit();
    }

    private void tunDevice(String space, int host) {
        ip("-n", space, "tuntap", "add", "dev", WAN, "mode", "tun");
        ip("-n", space, "link", "set", WAN, "mtu", "1500", "txqueuelen", "10000", "addrgenmode", "none");
        ip("-n", space, "address", "add", prefix + host + "/28", "dev", WAN);
        ip("-n", space, "link", "set", WAN, "up");
    }

    /** A wire with an address at each end; the namespace that has no name is that of the test. */
    private void wire(String near, String nearSpace, int nearHost, String far, String farSpace, int farHost) {
        ip("-n", farSpace, "link", "add", far, "type", "veth", "peer", "name", near + "x");
        if (nearSpace.isEmpty()) {
            ip("-n", farSpace, "link", "set", near + "x", "netns", "1", "name", near);
            ip("address", "add", prefix + nearHost + "/28", "dev", near);
            ip("link", "set", near, "up");
        } else {
            ip("-n", farSpace, "link", "set", near + "x", "netns", nearSpace, "name", near);
            ip("-n", nearSpace, "address", "add", prefix + nearHost + "/28", "dev", near);
            ip("-n", nearSpace, "link", "set", near, "up");
        }
        ip("-n", farSpace, "address", "add", prefix + farHost + "/28", "dev", far);
        ip("-n", farSpace, "link", "set", far, "up");
    }

    private static String ip(String... words) {
        String[] command = new String[words.length + 1];
        command[0] = "ip";
        System.arraycopy(words, 0, command, 1, words.length);
        return Programs.run(command).expect(0).output();
    }

    /** Skips the test where there can be no such network, and says what has not been verified then. */
    static void require(String what) {
        boolean possible = Files.isWritable(Path.of("/proc/sys/net/ipv4/ip_forward"))
                && Files.isExecutable(Path.of("/usr/sbin/ip"))
                && Programs.run("unshare", "--net", "ip", "link", "add", "a0", "type", "veth", "peer", "name", "a1")
                                .code()
                        == 0;
        Programs.require(possible, "netns", "network namespaces take root, iproute2 and veth", what);
    }

    /** Where the server listens. */
    String serverAddress() {
        return prefix + serverHost;
    }

    /** Where the client listens, on the wire for applications. */
    String forwardAddress() {
        return prefix + 34;
    }

    /** The test, as the client sees it by that wire. */
    String testAddress() {
        return prefix + 33;
    }

    /** The name of the client's namespace. */
    String client() {
        return client;
    }

    /** What a program is started by in the client's namespace. */
    List<String> inClient() {
        return List.of("ip", "netns", "exec", client);
    }

    /** From now on the router drops packets, and tells nobody. */
    void fallSilent(Direction direction) {
        if (direction != Direction.TO_CLIENT) {
            ip("-n", router, "route", "add", "blackhole", prefix + "18/32");
        }
        if (direction != Direction.TO_SERVER) {
            ip("-n", router, "route", "add", "blackhole", prefix + "0/29");
            ip("-n", router, "route", "add", "blackhole", prefix + "8/29");
        }
    }

    void speakAgain() {
        ip("-n", router, "route", "flush", "type", "blackhole");
    }

    /** The client's address is gone for good, and it has another. */
    void changeAddress() {
        int old = address;
        address = old == 13 ? 2 : old + 1;
        ip("-n", client, "address", "del", prefix + old + "/28", "dev", WAN);
        ip("-n", client, "address", "add", prefix + address + "/28", "dev", WAN);
        ip("-n", client, "route", "replace", "default", "via", prefix + 1);
    }

    /** The server's address is gone for good, and there is another. */
    void changeServerAddress() {
        ip("address", "del", serverAddress() + "/28", "dev", wires + "r");
        serverHost++;
        ip("address", "add", serverAddress() + "/28", "dev", wires + "r");
        ip("route", "replace", prefix + "0/28", "via", prefix + 17);
    }

    @Override
    public void close() {
        if (emulator != null) {
            emulator.destroy();
        }
        Programs.deleteTree(Path.of("/etc/netns", client));
        Programs.run("ip", "link", "del", wires + "r"); // and so its route
        Programs.run("ip", "link", "del", wires + "c");
        Programs.run("ip", "netns", "del", router);
        Programs.run("ip", "netns", "del", client); // last: from now on the net may be another test's
    }
}
