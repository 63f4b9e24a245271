package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.resolver.dns.SingletonDnsServerAddressStreamProvider;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ResolvConfTest {
    @TempDir
    Path directory;

    private Path file;
    private int writes;

    @BeforeEach
    void place() {
        file = directory.resolve("resolv.conf");
    }

    private void write(String text) throws IOException {
        Files.writeString(file, text);
        Files.setLastModifiedTime(file, FileTime.fromMillis(1_000_000 + ++writes));
    }

    private ResolvConf open() {
        return new ResolvConf(
                file.toFile(), new SingletonDnsServerAddressStreamProvider(new InetSocketAddress("192.0.2.99", 53)));
    }

    private static String first(ResolvConf servers) {
        return servers.nameServerAddressStream("db.internal")
                .next()
                .getAddress()
                .getHostAddress();
    }

    @Test
    void theNameServersOfTheNextNetworkAreAsked() throws IOException {
        write("nameserver 192.0.2.1\n");
        ResolvConf servers = open();
        assertThat(first(servers)).isEqualTo("192.0.2.1");

        write("nameserver 192.0.2.2\n");
        assertThat(first(servers)).isEqualTo("192.0.2.2");
    }

    @Test
    void whereThereAreNoneThoseFromBeforeStay() throws IOException {
        write("nameserver 192.0.2.1\n");
        ResolvConf servers = open();

        write("# no network\n");
        assertThat(first(servers)).isEqualTo("192.0.2.1");
        Files.delete(file);
        assertThat(first(servers)).isEqualTo("192.0.2.1");
        write("nameserver 192.0.2.2\n");
        assertThat(first(servers)).isEqualTo("192.0.2.2");
    }

    @Test
    void oneThatComesLaterIsRead() throws IOException {
        ResolvConf servers = open();
        assertThat(first(servers)).isEqualTo("192.0.2.99");

        write("nameserver 192.0.2.1\n");
        assertThat(first(servers)).isEqualTo("192.0.2.1");
    }
}
