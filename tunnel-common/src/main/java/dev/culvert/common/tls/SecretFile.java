package dev.culvert.common.tls;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Optional;
import java.util.Set;

/**
 * Small files that the configuration names: keys, passwords, certificates. Blocks; errors are sentences that never hold
 * any of the content.
 */
public final class SecretFile {
    private static final long MAX_FILE = 1 << 20;
    private static final Set<PosixFilePermission> FOR_OTHERS =
            Set.of(PosixFilePermission.OTHERS_READ, PosixFilePermission.OTHERS_WRITE, PosixFilePermission.GROUP_WRITE);

    private SecretFile() {}

    /**
     * The text of a file which nobody but the owner and the group may read; ISO 8859-1.
     *
     * @param what it holds, such as {@code a password}
     * @param advice what else is said where there is no such file; may be nothing
     */
    public static String read(Path file, String what, String advice) throws IOException {
        String text = readText(file, advice);
        checkPermissions(file, what);
        return text;
    }

    /**
     * What a file holds and who may read it, or that it cannot be read: another text when that has changed. Empty:
     * nobody can say now, for want of file descriptors, say.
     */
    public static Optional<String> state(Path file) {
        try {
            boolean isReadable = Files.isRegularFile(file) && Files.size(file) <= MAX_FILE;
            return Optional.of(
                    isReadable ? permissions(file) + Files.readString(file, StandardCharsets.ISO_8859_1) : "no file");
        } catch (NoSuchFileException | AccessDeniedException e) {
            return Optional.of(e.toString());
        } catch (IOException e) {
            return Optional.empty();
        }
    }

    /** The text of a file that everybody may read; ISO 8859-1. */
    static String readText(Path file, String advice) throws IOException {
        try {
            if (Files.exists(file) && !Files.isRegularFile(file)) {
                throw new IOException("it is no file"); // a device may never end
            }
            if (Files.size(file) > MAX_FILE) {
                throw new IOException("it is too large for what it should hold");
            }
            return Files.readString(file, StandardCharsets.ISO_8859_1);
        } catch (NoSuchFileException e) {
            throw new IOException(file + ": no such file" + advice, e);
        } catch (IOException e) {
            throw new IOException("cannot read " + file + ": " + reason(e), e);
        }
    }

    /** The JDK's exceptions of files often hold only the name of the file. */
    static String reason(IOException e) {
        if (e instanceof AccessDeniedException) {
            return "permission denied";
        }
        if (e instanceof FileSystemException failure && failure.getReason() != null) {
            return failure.getReason();
        }
        return e.getClass() == IOException.class
                ? String.valueOf(e.getMessage())
                : e.getClass().getSimpleName();
    }

    private static void checkPermissions(Path file, String what) throws IOException {
        Set<PosixFilePermission> permissions = permissions(file);
        if (permissions.stream().anyMatch(FOR_OTHERS::contains)) {
            throw new IOException(file + " can be read or written by others ("
                    + PosixFilePermissions.toString(permissions) + "); it holds " + what + ": chmod 600 " + file);
        }
    }

    /** None on a file system that has no permissions. */
    private static Set<PosixFilePermission> permissions(Path file) throws IOException {
        try {
            return Files.getPosixFilePermissions(file);
        } catch (UnsupportedOperationException e) {
            return Set.of();
        }
    }
}
