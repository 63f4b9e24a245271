package dev.culvert.client;

import dev.culvert.common.admin.AdminClient;
import dev.culvert.common.config.BadConfig;
import dev.culvert.common.lifecycle.AgentCommand;
import dev.culvert.common.splice.HttpAnswer;
import dev.culvert.mux.Address;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.ReadableByteChannel;
import java.nio.channels.SocketChannel;
import java.nio.channels.WritableByteChannel;
import java.nio.charset.StandardCharsets;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/**
 * {@code tunnel-client connect}: joins standard input and output with a target, by a session of the running agent,
 * which is asked for it with HTTP's CONNECT. Each direction ends by itself. Plain blocking channels: for one connection
 * that is the least that has to start.
 */
@Command(
        name = "connect",
        description = {
            "Connect standard input and output with a target, by a session of the running agent.",
            "For ssh: ProxyCommand tunnel-client connect [%%h]:%%p"
        })
final class Connect implements Callable<Integer> {
    private static final int BUFFER = 64 << 10;
    private static final int MOST_HEAD = 8 << 10;
    private static final String END_OF_HEAD = "\r\n\r\n";

    @ParentCommand
    private @Nullable AgentCommand<?> parent;

    @Spec
    private CommandSpec spec = CommandSpec.create();

    @Parameters(paramLabel = "TARGET", description = "HOST:PORT, or unix:PATH, at the server.")
    private String target = "";

    @Override
    public Integer call() {
        Address address;
        try {
            address = target(target);
        } catch (IllegalArgumentException e) {
            spec.commandLine().getErr().println(e.getMessage());
            return ExitCode.USAGE;
        }
        AgentCommand<?> line = Objects.requireNonNull(parent);
        try {
            String admin = line.adminAddress();
            if (!admin.startsWith("/")) {
                throw new IOException("this takes a unix socket in admin.listen, not only " + admin);
            }
            try (SocketChannel agent = call(admin)) {
                join(agent, ask(agent, address));
            }
            return 0;
        } catch (BadConfig | IOException e) {
            return line.fail(e);
        }
    }

    /**
     * Also takes a name or an address of IPv4 in brackets: ssh does not say what %h will be, and an address of IPv6
     * needs them.
     */
    static Address target(String text) {
        return Address.parse(text.replaceFirst("^\\[([^\\[\\]:]+)]:", "$1:"));
    }

    private static SocketChannel call(String admin) throws IOException {
        try {
            return SocketChannel.open(UnixDomainSocketAddress.of(admin));
        } catch (IOException e) {
            throw AdminClient.nobody(admin, e);
        }
    }

    /** Returns what has come behind the answer already. */
    private static ByteBuffer ask(SocketChannel agent, Address target) throws IOException {
        agent.write(StandardCharsets.US_ASCII.encode(
                "CONNECT " + target + " HTTP/1.1\r\nHost: localhost\r\n" + HttpAnswer.PIECES + "\r\n"));
        ByteBuffer said = ByteBuffer.allocate(MOST_HEAD);
        int end = -1;
        while (end < 0) {
            if (!said.hasRemaining() || agent.read(said) < 0) {
                throw new IOException("the agent has ended the connection without an answer; its log says more");
            }
            end = text(said.duplicate().flip()).indexOf(END_OF_HEAD);
        }
        said.flip();
        if (!text(said.duplicate()).startsWith("HTTP/1.1 200 ")) {
            throw new IOException(body(agent, said, end));
        }
        return said.position(end + END_OF_HEAD.length());
    }

    private static String body(SocketChannel agent, ByteBuffer said, int end) throws IOException {
        ByteBuffer all = ByteBuffer.allocate(2 * MOST_HEAD).put(said.position(end + END_OF_HEAD.length()));
        while (all.hasRemaining() && agent.read(all) >= 0) {
            // more of it
        }
        return text(all.flip()).strip();
    }

    private static String text(ByteBuffer bytes) {
        return StandardCharsets.UTF_8.decode(bytes).toString();
    }

    private static void join(SocketChannel agent, ByteBuffer first) throws IOException {
        FutureTask<Void> sending = new FutureTask<>(() -> {
            try (var in = new FileInputStream(FileDescriptor.in).getChannel()) {
                copy(in, agent);
                agent.shutdownOutput();
                return null;
            }
        });
        new Thread(sending, "stdin").start();
        try (var out = new FileOutputStream(FileDescriptor.out).getChannel()) {
            copyPieces(agent, first, out);
        }
        try {
            sending.get(); // the target may go on listening when it has said all
        } catch (ExecutionException e) {
            throw new IOException(
                    "the connection was cut off, and not all of the input was taken; the agent's log says why", e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e); // nobody does
        }
    }

    /** To the empty piece, which is the end: see {@link HttpAnswer#IN_PIECES}. */
    private static void copyPieces(SocketChannel agent, ByteBuffer first, WritableByteChannel out) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER).put(first).flip();
        int left = 0; // of a piece
        while (true) {
            while (left > 0 ? buffer.hasRemaining() : buffer.remaining() >= Integer.BYTES) {
                if (left == 0) {
                    left = buffer.getInt();
                    if (left == 0) {
                        return;
                    }
                }
                ByteBuffer data = buffer.slice(buffer.position(), Math.min(left, buffer.remaining()));
                left -= data.remaining();
                buffer.position(buffer.position() + data.remaining());
                while (data.hasRemaining()) {
                    out.write(data);
                }
            }
            if (!fill(buffer.compact(), agent)) {
                throw new IOException(
                        "the connection was cut off, and not all of the answer has come; the agent's log says"
                                + " why, if it runs");
            }
            buffer.flip();
        }
    }

    /** False: there is no more. A socket that is closed before all was read from it has the kernel say so. */
    private static boolean fill(ByteBuffer buffer, SocketChannel agent) {
        try {
            return agent.read(buffer) >= 0;
        } catch (IOException e) {
            return false;
        }
    }

    private static void copy(ReadableByteChannel from, WritableByteChannel to) throws IOException {
        ByteBuffer buffer = ByteBuffer.allocateDirect(BUFFER);
        while (from.read(buffer) >= 0) {
            buffer.flip();
            while (buffer.hasRemaining()) {
                to.write(buffer);
            }
            buffer.clear();
        }
    }
}
