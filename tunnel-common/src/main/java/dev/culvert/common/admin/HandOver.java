package dev.culvert.common.admin;

import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValueFactory;
import dev.culvert.common.net.ListeningSocket;
import dev.culvert.common.net.Transport;
import io.netty.channel.Channel;
import io.netty.channel.epoll.EpollDomainSocketChannel;
import io.netty.channel.unix.FileDescriptor;
import io.netty.handler.timeout.ReadTimeoutHandler;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * This agent's side of a change of processes, on one connection of the process that takes over ({@link Predecessor}):
 * it asks for the list of the sockets, then for one after the other (SCM_RIGHTS, unix(7)), and says that it is ready
 * for their connections. Until then nothing here has changed, and nothing does if it goes. It stays connected to see
 * this process end. Event loop only.
 */
final class HandOver {
    static final String LIST = "/hand-over";
    static final String NEXT = "/hand-over/next";
    static final String READY = "/hand-over/ready";
    static final String END = "/hand-over/end";

    private final AdminServer server;
    private final Backend backend;
    private List<ListeningSocket> listed = List.of();
    private final Queue<ListeningSocket> sockets = new ArrayDeque<>();
    private Backend.@Nullable Heir heir;

    HandOver(AdminServer server, Backend backend) {
        this.server = server;
        this.backend = backend;
    }

    /**
     * What there is to be had, as JSON.
     *
     * @throws IOException with a sentence: nothing
     */
    String list(Channel from) throws IOException {
        if (!(from instanceof EpollDomainSocketChannel channel)) {
            throw new IOException("it cannot give its sockets away: " + Transport.whyNoEpoll());
        }
        heir = backend.announce(channel.peerCredentials().pid());
        listed = listening(heir);
        sockets.addAll(listed);
        List<Map<String, String>> list = sockets.stream()
                .map(socket -> Map.of("place", socket.place(), "address", socket.address()))
                .toList();
        return ConfigValueFactory.fromMap(Map.of("sockets", list)).render(ConfigRenderOptions.concise());
    }

    /** Whether there is a process that is about to take over. */
    boolean isBegun() {
        return heir != null;
    }

    /** Sends the next socket of the list. One at a time: Netty does not wait until there is room for another. */
    void sendNext(Channel to) {
        ListeningSocket next = sockets.poll();
        if (next == null) {
            to.close();
        } else {
            to.writeAndFlush(new FileDescriptor(next.descriptor()));
        }
    }

    /** The other process is ready. Fails, with a sentence, if it is not to take over any more. */
    CompletableFuture<Void> letGo() {
        if (heir == null) {
            return CompletableFuture.failedFuture(new IOException("ask for the list first"));
        }
        if (!listening(heir).containsAll(listed)) {
            // An offer has ended. Its descriptor may have been something else's by the time that it was sent.
            return CompletableFuture.failedFuture(
                    new IOException("one of the sockets that it gave away is closed by now; try again"));
        }
        return heir.ready();
    }

    private List<ListeningSocket> listening(Backend.Heir heir) {
        return Stream.concat(heir.sockets().stream(), server.sockets().stream()).toList();
    }

    /** The other process has taken over, and is about to hear so. */
    void leave(Channel to) {
        server.leave();
        to.pipeline().remove(ReadTimeoutHandler.class);
    }

    /** The other process is told to end, and so is this one, which still drains. That it has ended is the answer. */
    void end() {
        if (heir != null) {
            backend.end();
        }
    }

    /** The other process has gone. */
    void gone() {
        if (heir != null) {
            heir.gone();
        }
    }
}
