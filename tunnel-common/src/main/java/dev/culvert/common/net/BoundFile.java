package dev.culvert.common.net;

import io.netty.channel.Channel;
import io.netty.channel.unix.UnixChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.Promise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The file by which a unix socket that listens is found. It goes with its socket; but who removes it and listens by its
 * name has a file of one's own there, which stays. As long as the socket is open no other file has its inode. Blocks as
 * long as a look at a directory takes.
 */
public final class BoundFile {
    private static final Logger LOG = LoggerFactory.getLogger(BoundFile.class);

    private final Path path;
    /** Device and inode; null: it was gone at once. */
    private final @Nullable Object key;

    private volatile boolean ours;

    /**
     * The one that is there now.
     *
     * @param ours whether this process has made it; else it is the one's that has, until it is {@link #take taken}
     */
    public BoundFile(Path path, boolean ours) {
        this.path = path;
        this.key = keyOf(path);
        this.ours = ours;
    }

    /** From now on it is this process's. */
    public void take() {
        ours = true;
    }

    /** Whether it is still there, and who connects to the path comes to its socket. */
    public boolean isThere() {
        return key != null && Objects.equals(key, keyOf(path));
    }

    /** Removes it, if it is this process's and still there: while its socket is open. */
    public void remove() {
        try {
            if (ours && isThere()) {
                Files.deleteIfExists(path);
            }
        } catch (IOException e) {
            LOG.warn("cannot remove {}: {}", path, e.toString());
        }
    }

    private static @Nullable Object keyOf(Path path) {
        try {
            return Files.readAttributes(path, BasicFileAttributes.class, LinkOption.NOFOLLOW_LINKS)
                    .fileKey();
        } catch (IOException e) {
            return null;
        }
    }

    /**
     * Closes a listening socket, and leaves what is at its path: a channel that is closed removes the file of whoever
     * has it.
     *
     * @param listening is registered with its event loop
     * @return done when nothing is accepted any more
     */
    public static Future<?> closeOnly(Channel listening) {
        if (!(listening instanceof UnixChannel unix)) {
            return listening.close();
        }
        Promise<Void> closed = listening.eventLoop().newPromise();
        listening.deregister().addListener(left -> {
            try {
                unix.fd().close();
            } finally {
                closed.setSuccess(null);
            }
        });
        return closed;
    }
}
