package dev.culvert.common.net;

import dev.culvert.mux.UnixPath;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * Who may connect to a unix socket that is a file: whoever may write to it (unix(7)). Blocks: for start-up.
 *
 * @param permissions such as {@code rw-rw----}
 * @param owner a user; empty: this process's
 * @param group empty: as the directory and the process have it
 */
public record SocketFile(Set<PosixFilePermission> permissions, Optional<String> owner, Optional<String> group) {
    /** S_IFMT and S_IFSOCK, inode(7). */
    private static final int TYPE = 0170000;

    private static final int SOCKET = 0140000;

    /** For the user and the group that the agent runs as. */
    public static final SocketFile USUAL =
            new SocketFile(PosixFilePermissions.fromString("rw-rw----"), Optional.empty(), Optional.empty());

    /** What is not as usual, in brackets. */
    public String describeUnlessUsual() {
        List<String> parts = new ArrayList<>();
        if (!permissions.equals(USUAL.permissions)) {
            parts.add(PosixFilePermissions.toString(permissions));
        }
        owner.ifPresent(user -> parts.add("owner " + user));
        group.ifPresent(users -> parts.add("group " + users));
        return parts.isEmpty() ? "" : " (" + String.join(", ", parts) + ")";
    }

    /**
     * Makes room at a path: a socket that nobody listens on was left by a process that was killed.
     *
     * @throws IOException as {@link #check}
     */
    static void makeRoom(UnixPath path) throws IOException {
        check(path);
        remove(path);
    }

    static void remove(UnixPath path) throws IOException {
        if (!path.isAbstract()) {
            Files.deleteIfExists(Path.of(path.path()));
        }
    }

    /**
     * Whether one could listen there.
     *
     * @throws IOException with a sentence that says why not
     */
    public static void check(UnixPath path) throws IOException {
        if (path.isAbstract()) {
            return;
        }
        Path file = Path.of(path.path());
        Path directory = Objects.requireNonNull(file.getParent());
        if (!Files.isDirectory(directory)) {
            throw new IOException("there is no directory " + directory + "; make it, or listen elsewhere");
        }
        if (!Files.isWritable(directory)) {
            throw new IOException("this user may not write to " + directory + "; listen elsewhere");
        }
        if (Files.exists(file) && !isSocket(file)) {
            throw new IOException("there is a file that is no socket; remove it, or listen elsewhere");
        }
        if (isAnswered(file)) {
            throw new IOException("another program listens there, which `ss -lxp` names; end it, or listen elsewhere");
        }
    }

    /** Whether {@code file}, which is there, is one; what else is there is not ours to remove. */
    public static boolean isSocket(Path file) throws IOException {
        // "Other" are pipes and devices, too, and /dev/null would be gone.
        return ((int) Files.getAttribute(file, "unix:mode") & TYPE) == SOCKET;
    }

    /** Whether somebody listens there, who need not accept anybody at the moment. */
    public static boolean isAnswered(Path file) {
        try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
            channel.configureBlocking(false); // or it would wait for one that has stopped accepting, for ever
            channel.connect(UnixDomainSocketAddress.of(file));
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /** Gives the file, which is there, its owner and permissions; throws with a sentence. */
    void apply(UnixPath path) throws IOException {
        if (path.isAbstract()) {
            return;
        }
        Path at = Path.of(path.path());
        PosixFileAttributeView file = Files.getFileAttributeView(at, PosixFileAttributeView.class);
        UserPrincipalLookupService names = at.getFileSystem().getUserPrincipalLookupService();
        String asking = "";
        try {
            if (group.isPresent()) {
                asking = "group " + group.get();
                file.setGroup(names.lookupPrincipalByGroupName(group.get()));
            }
            if (owner.isPresent()) {
                asking = "user " + owner.get();
                file.setOwner(names.lookupPrincipalByName(owner.get()));
            }
        } catch (UserPrincipalNotFoundException e) { // whose name newer JDKs leave out
            throw new IOException("there is no " + asking + " on this machine", e);
        } catch (IOException e) {
            throw new IOException(
                    "it cannot be given away: " + e.getMessage() + ". Only root gives to other users, and anybody"
                            + " to groups of one's own",
                    e);
        }
        file.setPermissions(permissions);
    }
}
