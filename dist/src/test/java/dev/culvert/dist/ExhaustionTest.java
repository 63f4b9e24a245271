package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** The machine of an agent has no more of something; with {@code -Preliability}. */
@EnabledIfSystemProperty(named = "culvert.reliability", matches = "short|full")
final class ExhaustionTest {
    private static final int DESCRIPTORS = 100;

    @TempDir
    private Path directory = Path.of("");

    @Test
    void aLinkThatIsLostWhileNoDescriptorIsLeftIsReplacedWhenSomeAre() throws Exception {
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

    @Test
    void aLogOnAFullDiskStopsNobodyAndSaysWhatIsMissingWhenThereIsRoom() throws Exception {
        Path disk = Files.createDirectory(directory.resolve("disk"));
        mount(disk);
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
        }
    }

    private static void mount(Path disk) {
        boolean mounted = Programs.run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk.toString())
                        .code()
                == 0;
        if (!mounted) {
            System.out.println("SKIPPED: ExhaustionTest: a full disk under the log: a small one takes root");
        }
        assumeTrue(mounted, "no tmpfs");
    }
}
