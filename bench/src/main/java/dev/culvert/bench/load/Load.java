package dev.culvert.bench.load;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * The programs, by name:
 *
 * <pre>
 * echo PORT                    serves: sends back what it gets
 * source PORT                  serves: sends zeros without end
 * probe HOST PORT SECONDS      asks an echo every 2 ms, prints p50 p99 p99.9 and the maximum, ns
 * drain HOST PORT SECONDS      reads a source, prints bytes/s
 * stall HOST PORT N            opens N connections and never reads; says READY, ends with its standard input
 * idle HOST PORT N             opens N connections to an echo, one byte each way; says READY, ends with its standard input
 * check HOST PORT              waits until an echo answers, 30 s at most
 * </pre>
 */
public final class Load {
    private static final int ATTEMPTS = 300;

    private Load() {}

    public static void main(String[] arguments) throws IOException, InterruptedException {
        List<String> words = List.of(arguments);
        switch (words.get(0)) {
            case "echo" -> new EchoServer(number(words, 1)).run();
            case "source" -> Source.serve(number(words, 1));
            case "probe" -> {
                try (SocketChannel channel = connect(words)) {
                    System.out.println(new Prober(channel).run(TimeUnit.SECONDS.toNanos(number(words, 3))));
                }
            }
            case "drain" -> {
                try (SocketChannel channel = connect(words)) {
                    System.out.println(Source.drain(channel, number(words, 3)));
                }
            }
            case "stall" -> hold(connectMany(words));
            case "idle" -> {
                List<SocketChannel> idle = connectMany(words);
                for (SocketChannel channel : idle) {
                    exchange(channel);
                }
                hold(idle);
            }
            case "check" -> check(words);
            default -> throw new IllegalArgumentException("unknown program: " + words.get(0));
        }
    }

    private static int number(List<String> words, int index) {
        return Integer.parseInt(words.get(index));
    }

    private static SocketChannel connect(List<String> words) throws IOException {
        SocketChannel channel = SocketChannel.open(new InetSocketAddress(words.get(1), number(words, 2)));
        channel.socket().setTcpNoDelay(true);
        return channel;
    }

    private static List<SocketChannel> connectMany(List<String> words) throws IOException {
        List<SocketChannel> channels = new ArrayList<>();
        for (int i = 0; i < number(words, 3); i++) {
            channels.add(connect(words));
        }
        return channels;
    }

    private static void exchange(SocketChannel channel) throws IOException {
        ByteBuffer one = ByteBuffer.allocate(1);
        channel.write(one);
        one.clear();
        if (channel.read(one) < 0) {
            throw new IOException("the echo has closed");
        }
    }

    /** Keeps connections open until standard input ends. */
    private static void hold(List<SocketChannel> channels) throws IOException {
        System.out.println("READY");
        while (System.in.read() >= 0) {
            // nothing is said there
        }
        for (SocketChannel channel : channels) {
            channel.close();
        }
    }

    /** A tunnel may listen before it can carry anything. */
    private static void check(List<String> words) throws InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try (SocketChannel channel = connect(words)) {
                exchange(channel);
                return;
            } catch (IOException e) {
                if (attempt == ATTEMPTS) {
                    throw new IllegalStateException("nothing comes through: " + e.getMessage(), e);
                }
                TimeUnit.MILLISECONDS.sleep(100);
            }
        }
    }
}
