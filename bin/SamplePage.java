import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;

/** The web page behind {@code bin/quickstart}. Run by the JDK from source: {@code java SamplePage.java PORT}. */
final class SamplePage {
    private SamplePage() {}

    public static void main(String[] args) throws IOException {
        byte[] page = """
                <!doctype html>
                <title>Culvert</title>
                <h1>Hello from the other end of the tunnel.</h1>
                <p>This page came through one persistent session. Reload it: same session, new stream.</p>
                """.getBytes(StandardCharsets.UTF_8);
        int port = Integer.parseInt(args[0]);
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/", exchange -> {
            exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
            exchange.sendResponseHeaders(200, page.length);
            exchange.getResponseBody().write(page);
            exchange.close();
        });
        server.start();
        System.out.println("serving on " + server.getAddress());
    }
}
