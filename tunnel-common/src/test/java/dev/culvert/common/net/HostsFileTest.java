package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class HostsFileTest {
    @TempDir
    Path directory;

    private Path file;

    @BeforeEach
    void place() {
        file = directory.resolve("hosts");
    }

    @Test
    void aNameHasAllItsAddressesIpv6First() throws IOException {
        Files.writeString(file, "192.0.2.1 db db.internal\n192.0.2.2 db\n2001:db8::1 db # and this\n");

        assertThat(addresses("db")).containsExactly("2001:db8:0:0:0:0:0:1", "192.0.2.1", "192.0.2.2");
    }

    @Test
    void caseAndATrailingDotDoNotMatter() throws IOException {
        Files.writeString(file, "192.0.2.1 DB.internal\n");

        assertThat(addresses("db.Internal.")).containsExactly("192.0.2.1");
    }

    @Test
    void aNameThatIsNotInTheFileHasNoAddress() throws IOException {
        Files.writeString(file, "192.0.2.1 db\n");

        assertThat(addresses("web")).isEmpty();
    }

    @Test
    void localhostIsWhatTheFileSays() throws IOException {
        Files.writeString(file, "127.0.0.1 localhost\n");

        assertThat(addresses("localhost")).containsExactly("127.0.0.1");
    }

    @Test
    void localhostIsLoopbackWithoutAFile() {
        assertThat(addresses("localhost")).containsExactly("0:0:0:0:0:0:0:1", "127.0.0.1");
        assertThat(addresses("db.localhost.")).containsExactly("0:0:0:0:0:0:0:1", "127.0.0.1");
    }

    @Test
    void aChangedFileIsReadAgain() throws IOException {
        Files.writeString(file, "192.0.2.1 db\n");
        HostsFile hosts = new HostsFile(file.toFile());

        Files.writeString(file, "192.0.2.2 db\n");
        Files.setLastModifiedTime(file, FileTime.fromMillis(file.toFile().lastModified() + 1000));

        assertThat(text(hosts.addresses("db"))).containsExactly("192.0.2.2");
    }

    private List<String> addresses(String name) {
        return text(new HostsFile(file.toFile()).addresses(name));
    }

    private static List<String> text(List<InetAddress> addresses) {
        return addresses.stream().map(InetAddress::getHostAddress).toList();
    }
}
