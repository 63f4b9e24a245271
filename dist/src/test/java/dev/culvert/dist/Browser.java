package dev.culvert.dist;

import static org.awaitility.Awaitility.await;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigUtil;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.WebSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** One page of a headless Chromium, by the DevTools protocol. */
final class Browser implements AutoCloseable {
    static final String PROGRAM = "/usr/bin/chromium";

    private final Path profile;
    private final Process process;
    private final WebSocket devTools;
    private final AtomicInteger lastId = new AtomicInteger();
    private final Map<Integer, CompletableFuture<Config>> answers = new ConcurrentHashMap<>();
    private final List<String> troubles = new CopyOnWriteArrayList<>();
    private final List<String> requests = new CopyOnWriteArrayList<>();

    /** @param flags more for Chromium */
    Browser(String... flags) throws IOException, InterruptedException {
        profile = Files.createTempDirectory("culvert-browser");
        List<String> command = new ArrayList<>(List.of(
                PROGRAM,
                "--headless=new",
                "--no-sandbox", // the tests may run as root
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--hide-scrollbars",
                "--remote-debugging-port=0",
                "--user-data-dir=" + profile));
        command.addAll(List.of(flags));
        command.add("about:blank");
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(profile.resolve("output").toFile())
                .start();
        Path port = profile.resolve("DevToolsActivePort");
        await().atMost(AgentProcess.PATIENCE)
                .until(() -> Files.exists(port) && !Files.readAllLines(port).isEmpty());
        HttpClient http = HttpClient.newHttpClient();
        String pages = http.send(
                        HttpRequest.newBuilder(URI.create("http://127.0.0.1:"
                                        + Files.readAllLines(port).get(0) + "/json/list"))
                                .build(),
                        HttpResponse.BodyHandlers.ofString())
                .body();
        Config page = ConfigFactory.parseString("pages = " + pages).getConfigList("pages").stream()
                .filter(one -> one.getString("type").equals("page"))
                .findFirst()
                .orElseThrow();
        devTools = http.newWebSocketBuilder()
                .buildAsync(URI.create(page.getString("webSocketDebuggerUrl")), new Messages())
                .orTimeout(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
        for (String domain : List.of("Page", "Runtime", "Log", "Network")) {
            ask(domain + ".enable", "");
        }
    }

    private final class Messages implements WebSocket.Listener {
        private final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence data, boolean last) {
            text.append(data);
            if (last) {
                hear(ConfigFactory.parseString(text.toString()));
                text.setLength(0);
            }
            socket.request(1);
            return CompletableFuture.completedStage(null);
        }
    }

    private void hear(Config message) {
        if (message.hasPath("id")) {
            Objects.requireNonNull(answers.remove(message.getInt("id"))).complete(message);
            return;
        }
        switch (message.getString("method")) {
            case "Log.entryAdded" -> {
                if (message.getString("params.entry.level").equals("error")) {
                    troubles.add(message.getString("params.entry.text"));
                }
            }
            case "Runtime.exceptionThrown" -> troubles.add(message.getString("params.exceptionDetails.text"));
            case "Network.requestWillBeSent" -> requests.add(message.getString("params.request.url"));
            default -> {} // of no interest
        }
    }

    /** @param parameters what is between the braces of a JSON object */
    private Config ask(String method, String parameters) {
        int id = lastId.incrementAndGet();
        CompletableFuture<Config> answer = new CompletableFuture<>();
        answers.put(id, answer);
        devTools.sendText("{\"id\": %d, \"method\": \"%s\", \"params\": {%s}}".formatted(id, method, parameters), true)
                .join();
        Config message = answer.orTimeout(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
        if (message.hasPath("error")) {
            throw new AssertionError(method + ": " + message.getString("error.message"));
        }
        return message.getConfig("result");
    }

    // ---- what it does

    void open(String url) {
        ask("Page.navigate", "\"url\": " + ConfigUtil.quoteString(url));
    }

    void resize(int width, int height) {
        ask(
                "Emulation.setDeviceMetricsOverride",
                "\"width\": %d, \"height\": %d, \"deviceScaleFactor\": 1, \"mobile\": %s"
                        .formatted(width, height, width < 600));
    }

    void prefer(String scheme) {
        ask(
                "Emulation.setEmulatedMedia",
                "\"features\": [{\"name\": \"prefers-color-scheme\", \"value\": \"%s\"}]".formatted(scheme));
    }

    /** Whether pages that are opened from now on may run scripts. */
    void scripts(boolean may) {
        ask("Emulation.setScriptExecutionDisabled", "\"value\": " + !may);
    }

    /** The whole page, as PNG. */
    void screenshot(Path file) throws IOException {
        String data =
                ask("Page.captureScreenshot", "\"captureBeyondViewport\": true").getString("data");
        Files.createDirectories(file.getParent());
        Files.write(file, Base64.getDecoder().decode(data));
    }

    // ---- what it shows

    /** What an expression of JavaScript comes to, as text. The page's own scripts may be off. */
    String evaluate(String expression) {
        return ask("Runtime.evaluate", "\"expression\": " + ConfigUtil.quoteString("String(" + expression + ")"))
                .getString("result.value");
    }

    /** What a reader sees of an element. */
    String text(String selector) {
        return evaluate("document.querySelector(" + ConfigUtil.quoteString(selector) + ")?.innerText");
    }

    /** Errors in the console, exceptions, and what the policy has stopped. */
    List<String> troubles() {
        return troubles;
    }

    /** Every URL that was asked for. */
    List<String> requests() {
        return requests;
    }

    @Override
    public void close() throws IOException {
        devTools.abort();
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly();
        process.onExit()
                .orTimeout(AgentProcess.PATIENCE.toSeconds(), TimeUnit.SECONDS)
                .join();
        await().atMost(AgentProcess.PATIENCE).ignoreExceptions().until(() -> {
            Programs.deleteTree(profile); // its helpers write until the last moment
            return true;
        });
    }
}
