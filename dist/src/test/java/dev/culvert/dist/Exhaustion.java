package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.OutputStream;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** The machine of an agent has no more of something. */
final class Exhaustion {
    private static final int DESCRIPTORS = 100;
    private static final int GREEDY = 200;

    private Exhaustion() {}

    /** A link that is lost meanwhile is replaced when some are free again. */
    static void noDescriptor() throws Exception {
        try (Scene scene = Scene.linked(tunnel -> tunnel.each(agent -> agent.descriptors(DESCRIPTORS)))) {
            scene.remember();
            List<Socket> sockets = new ArrayList<>();
            for (int i = 0; i < DESCRIPTORS; i++) {
                sockets.add(Tunnel.connect(scene.client(), "web"));
            }
            scene.client().awaitLog("no file descriptor is left");
            Tunnel.echo(sockets.get(0));

            scene.link().cut();
            scene.client().awaitLog("lost, \\d+ connections wait");
            scene.server().awaitLog("has lost its link");
            for (Socket socket : sockets.subList(1, DESCRIPTORS)) {
                socket.close();
            }
            scene.client().awaitLog("goes on after");
            try (Socket first = sockets.get(0)) {
                Tunnel.echo(first);
            }
            Tunnel.echoes(scene.client());
            scene.expectNothingLeft();
        }
    }

    /** A log on a full disk stops nobody, and says what is missing when there is room. */
    static void noDisk() throws Exception {
        Path disk = Files.createTempDirectory("culvert-disk");
        Programs.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.toString())
                .expect(0);
        try {
            // What the agents write to the disk is shown to the test by tail.
            String toDisk = "log=%s/${0##*/}; touch $log; tail --pid=$$ -n +1 -f $log & exec \"$0\" \"$@\" 2>>$log";
            try (Scene scene =
                    Scene.linked(tunnel -> tunnel.each(agent -> agent.startedBy("sh", "-c", toDisk.formatted(disk))))) {
                scene.remember();
                Path filler = disk.resolve("filler");
                assertThatThrownBy(() -> Files.write(filler, new byte[1 << 20])).hasMessageContaining("No space left");
                for (int i = 0; i < 100; i++) {
                    Tunnel.echoes(scene.client());
                }
                scene.link().cut();
                Tunnel.echoes(scene.client());
                Files.delete(filler);
                Tunnel.echoes(scene.client());
                for (AgentProcess agent : List.of(scene.client(), scene.server())) {
                    agent.awaitLog(
                            "\\d+ lines of the log are lost: standard error could not be written: No space left");
                }
                scene.expectNothingLeft();
            }
        } finally {
            Programs.run("umount", "-l", disk.toString()).expect(0);
            Programs.deleteTree(disk);
        }
    }

    /** Skips the test where nothing can be mounted, and says what has not been verified then. */
    static void requireMount(String what) {
        boolean possible = Programs.run("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt")
                        .code()
                == 0;
        Programs.require(possible, "netns", "to mount a small disk takes root", what);
    }

    /** Connections that take all they can get stay within what there is, and others go on. */
    static void littleMemory() throws Exception {
        try (Service flood = Service.flood();
                Scene scene = Scene.linked(tunnel -> tunnel.forward("flood", flood)
                        .each(agent -> agent.asShipped().jvm("-Xmx64m")))) {
            scene.remember();
            List<Socket> greedy = beGreedy(scene);
            for (int i = 0; i < 10; i++) {
                Tunnel.echoes(scene.client());
            }
            for (Socket socket : greedy) {
                socket.close();
            }
            scene.expectNothingLeft();
        }
    }

    /** It ends with a sentence, and is started again. */
    static void noMemory() throws Exception {
        Iterator<String> memory =
                List.of("8m", "1g", "1g").iterator(); // the server's, the client's, the second server's
        try (Service flood = Service.flood();
                Scene scene = Scene.linked(tunnel -> tunnel.forward("flood", flood)
                        .each(agent -> agent.jvm("-XX:MaxDirectMemorySize=" + memory.next())
                                .excuse("no memory is left for buffers, so this agent ends")))) {
            scene.remember();
            AgentProcess first = scene.server();
            List<Socket> greedy = beGreedy(scene);

            assertThat(scene.replaceServer()).isEqualTo(4);
            first.awaitLog("ERROR no memory is left for buffers, so this agent ends: .*-XX:MaxDirectMemorySize");
            for (Socket socket : greedy) {
                socket.close();
            }
            scene.client().awaitLog("session up", 2);
            Tunnel.echoes(scene.client());
            scene.expectNothingOpen();
        }
    }

    /** Many connections send all they can, in both directions; half of them are read from. */
    private static List<Socket> beGreedy(Scene scene) throws IOException {
        List<Socket> sockets = new ArrayList<>();
        for (int i = 0; i < GREEDY; i++) {
            Socket socket = Tunnel.connect(scene.client(), "flood");
            sockets.add(socket);
            use(() -> {
                while (true) {
                    socket.getOutputStream().write(new byte[64 << 10]);
                }
            });
            if (i % 2 == 0) {
                use(() -> socket.getInputStream().transferTo(OutputStream.nullOutputStream()));
            }
        }
        return sockets;
    }

    @FunctionalInterface
    private interface Use {
        void run() throws IOException;
    }

    private static void use(Use use) {
        Thread thread = new Thread(
                () -> {
                    try {
                        use.run();
                    } catch (IOException e) {
                        // it was closed, or the agent has ended
                    }
                },
                "greedy");
        thread.setDaemon(true);
        thread.start();
    }
}
