package dev.culvert.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The status page, in a browser. Leaves screenshots in {@code dist/target/screenshots}. */
@Tag("long")
class PageTest {
    private static final Service ECHO = Service.echo();
    private static final Service FLOOD = Service.flood();
    private static final List<AutoCloseable> OPENED = new ArrayList<>();
    private static int port;
    private static AgentProcess server;
    private static AgentProcess client;
    private static Browser browser;

    @BeforeAll
    static void start() throws Exception {
        Programs.require(Browser.PROGRAM, "PageTest: the status page in a browser");
        port = Service.freePort();
        server = opened(tunnel().startServer(0));
        client = startClient();
        browser = opened(new Browser());
    }

    private static Tunnel.Builder tunnel() {
        return Tunnel.to(ECHO).forward("films", FLOOD).client("admin.listen = \"127.0.0.1:" + port + "\"");
    }

    private static AgentProcess startClient() {
        AgentProcess started = opened(tunnel().startClient(server.port("listen")));
        started.awaitLog("session up");
        return started;
    }

    private static <T extends AutoCloseable> T opened(T one) {
        OPENED.add(one);
        return one;
    }

    @AfterAll
    static void end() throws Exception {
        for (AutoCloseable one : OPENED) {
            one.close();
        }
        ECHO.close();
        FLOOD.close();
    }

    @BeforeEach
    void resize() {
        browser.resize(1280, 900);
        browser.scripts(true);
    }

    private void show() {
        browser.open("http://127.0.0.1:" + port + "/");
        awaitText("h1", "tunnel-client");
    }

    private void awaitText(String selector, String part) {
        await().atMost(AgentProcess.PATIENCE)
                .untilAsserted(() -> assertThat(browser.text(selector)).contains(part));
    }

    @Test
    void itShowsWhatIsThereAndChangesWithIt() throws IOException {
        show();
        awaitText("main", "There is none.");
        assertThat(browser.text(".state")).isEqualTo("ready");
        browser.evaluate("window.sameDocument = true");

        try (Socket connection = Tunnel.connect(client, "web")) {
            connection.getOutputStream().write('x');
            awaitText("main", "127.0.0.1:" + connection.getLocalPort());
            assertThat(browser.text("main")).contains(ECHO.address(), "culvert (0x82)", "open");
        }
        await().atMost(AgentProcess.PATIENCE)
                .untilAsserted(() -> assertThat(browser.text("main")).doesNotContain(ECHO.address()));

        assertThat(browser.evaluate("window.sameDocument")).isEqualTo("true");
        assertThat(browser.evaluate("document.querySelectorAll('polyline').length"))
                .isEqualTo("4");
        assertThat(browser.troubles())
                .allSatisfy(trouble -> assertThat(trouble).contains("ERR_CONNECTION_")); // while it was gone
        assertThat(browser.requests())
                .isNotEmpty()
                .allMatch(url -> url.startsWith("http://127.0.0.1:" + port + "/") || url.equals("data:,"));
    }

    @Test
    void itNamesTheSlowestReaderAndSaysThatAnAgentIsGoneAndBack() throws IOException {
        show();
        try (Socket reader = Tunnel.connect(client, "films")) {
            awaitText("main", "127.0.0.1:" + reader.getLocalPort() + " has not read ");
            assertThat(browser.text("main")).contains("Slowest readers");
        }
        assertThat(browser.evaluate("document.getElementById('gone').hidden")).isEqualTo("true");

        client.terminate();
        client.awaitExit();
        awaitText("#gone", "The agent has not answered since ");
        assertThat(browser.text("h1")).isEqualTo("tunnel-client");

        client = startClient();
        await().atMost(AgentProcess.PATIENCE)
                .until(() -> browser.evaluate("document.getElementById('gone').hidden")
                        .equals("true"));
        awaitText("header", "pid " + client.pid());
    }

    @Test
    void withoutJavaScriptTheTablesAndGraphsAreThere() throws IOException {
        try (Socket connection = Tunnel.connect(client, "web")) {
            connection.getOutputStream().write('x');
            browser.scripts(false);
            show();

            assertThat(browser.text("main")).contains("127.0.0.1:" + connection.getLocalPort(), "Sessions", "Forwards");
            assertThat(browser.evaluate("document.querySelectorAll('polyline').length"))
                    .isEqualTo("4");
            assertThat(browser.evaluate("document.querySelector('noscript meta')?.content"))
                    .isEqualTo("5");
        }
    }

    @ParameterizedTest
    @CsvSource({"desktop, 1280, light", "desktop, 1280, dark", "telephone, 360, light", "telephone, 360, dark"})
    void itFitsAndLeavesAScreenshot(String device, int width, String scheme) throws IOException {
        browser.resize(width, 900);
        browser.prefer(scheme);
        try (Socket reader = Tunnel.connect(client, "films");
                Socket connection = Tunnel.connect(client, "web")) {
            connection.getOutputStream().write('x');
            show();
            awaitText("main", "127.0.0.1:" + reader.getLocalPort() + " has not read ");
            awaitText("main", "127.0.0.1:" + connection.getLocalPort());

            assertThat(Integer.parseInt(browser.evaluate("document.scrollingElement.scrollWidth")))
                    .isLessThanOrEqualTo(width);
            assertThat(browser.evaluate("getComputedStyle(document.body).backgroundColor"))
                    .isEqualTo(scheme.equals("dark") ? "rgb(17, 19, 21)" : "rgb(251, 251, 250)");
            browser.screenshot(
                    AgentProcess.source("dist/target/screenshots").resolve(Path.of(device + "-" + scheme + ".png")));
        }
    }
}
