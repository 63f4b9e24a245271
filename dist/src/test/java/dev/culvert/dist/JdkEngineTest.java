package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Where there is no native library for the machine, the JDK's engine does TLS. */
@Tag("long")
final class JdkEngineTest {
    private static final String NATIVE = "netty_tcnative";
    private static final Service ECHO = Service.echo();

    @AfterAll
    static void close() throws IOException {
        ECHO.close();
    }

    @Test
    void bothAgentsWorkWithoutTheNativeLibrary() throws Exception {
        try (Tunnel with = Tunnel.to(ECHO).open();
                Tunnel without = Tunnel.to(ECHO)
                        .each(agent -> agent.jvm("-Dio.netty.handler.ssl.noOpenSsl=true"))
                        .open()) {
            Tunnel.echoes(without.client());
            assertThat(with.agents()).allMatch(agent -> agent.hasMapped(NATIVE));
            assertThat(without.agents()).noneMatch(agent -> agent.hasMapped(NATIVE));
        }
    }
}
