package dev.culvert.client;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Secret;
import dev.culvert.common.config.Section;
import java.util.Optional;

/** Who may use a proxy: {@code user}, and {@code password} or {@code password-file}. */
record Credentials(String user, Secret password) {
    /** Empty: the section has none, and anybody may. */
    static Optional<Credentials> read(Section section) {
        if (section.has("user")) {
            return Optional.of(new Credentials(section.get("user", Kind.text()), Secret.read(section, "password")));
        }
        for (String key : new String[] {"password", "password-file"}) {
            if (section.has(key)) {
                section.error(key, "is of nobody: add user");
            }
        }
        return Optional.empty();
    }

    boolean are(String otherUser, String otherPassword) {
        boolean knowsPassword = password.is(otherPassword); // first: how long it takes tells nothing of the user
        return knowsPassword && user.equals(otherUser);
    }
}
