package dev.culvert.common.config;

import dev.culvert.common.net.SocketFile;
import dev.culvert.mux.Address;
import dev.culvert.mux.UnixPath;
import java.io.IOException;
import java.nio.file.FileSystems;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.UserPrincipal;
import java.nio.file.attribute.UserPrincipalLookupService;
import java.nio.file.attribute.UserPrincipalNotFoundException;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;

/** The keys {@code mode}, {@code owner} and {@code group} of a section that has a {@code listen}. */
public final class SocketFileConfig {
    private static final Pattern OCTAL = Pattern.compile("0?[0-7]{3}");
    /** In the order of the bits, the lowest first. */
    private static final List<PosixFilePermission> BITS = List.of(
            PosixFilePermission.OTHERS_EXECUTE,
            PosixFilePermission.OTHERS_WRITE,
            PosixFilePermission.OTHERS_READ,
            PosixFilePermission.GROUP_EXECUTE,
            PosixFilePermission.GROUP_WRITE,
            PosixFilePermission.GROUP_READ,
            PosixFilePermission.OWNER_EXECUTE,
            PosixFilePermission.OWNER_WRITE,
            PosixFilePermission.OWNER_READ);

    private static final Kind<Set<PosixFilePermission>> MODE =
            Kind.plain("a mode such as \"0660\"", SocketFile.USUAL.permissions(), SocketFileConfig::permissions);

    private static final Kind<String> OWNER = known("user", UserPrincipalLookupService::lookupPrincipalByName);
    private static final Kind<String> GROUP = known("group", UserPrincipalLookupService::lookupPrincipalByGroupName);

    private SocketFileConfig() {}

    /** Reads them; they are for files, so {@code listen} has to be one. */
    public static SocketFile read(Section section, Address listen) {
        boolean isFile = listen instanceof UnixPath path && !path.isAbstract();
        for (String key : List.of("mode", "owner", "group")) {
            if (section.has(key) && !isFile) {
                section.error(
                        key, "is for a unix socket that is a file, as in listen = \"unix:/run/app.sock\"; remove it");
            }
        }
        return new SocketFile(
                section.get("mode", MODE, SocketFile.USUAL.permissions()),
                section.find("owner", OWNER),
                section.find("group", GROUP));
    }

    private static Kind<String> known(String what, Lookup lookup) {
        return Kind.text().except(name -> !isKnown(name, lookup), "and there is no such " + what + " on this machine");
    }

    /** Blocks where the system asks a directory service. */
    private static boolean isKnown(String name, Lookup lookup) {
        try {
            lookup.find(FileSystems.getDefault().getUserPrincipalLookupService(), name);
            return true;
        } catch (UserPrincipalNotFoundException e) {
            return false;
        } catch (IOException e) {
            return true; // who knows? to give the file away shows it
        }
    }

    private interface Lookup {
        UserPrincipal find(UserPrincipalLookupService names, String name) throws IOException;
    }

    private static Set<PosixFilePermission> permissions(String text) {
        if (!OCTAL.matcher(text).matches()) {
            throw new IllegalArgumentException();
        }
        int mode = Integer.parseInt(text, 8);
        Set<PosixFilePermission> permissions = EnumSet.noneOf(PosixFilePermission.class);
        for (int bit = 0; bit < BITS.size(); bit++) {
            if ((mode & 1 << bit) != 0) {
                permissions.add(BITS.get(bit));
            }
        }
        return permissions;
    }
}
