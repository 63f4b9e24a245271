package dev.culvert.client;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Secret;
import dev.culvert.common.config.Section;
import java.util.Optional;

/** Who may use a proxy: {@code user}, and {@code password} or {@code password-file}. */
record Credentials(String user, Secret password) {
    private static final Kind<String> USER = Kind.text().except(String::isEmpty, "expected a name");

    /** RFC 7617, section 2. */
    private static final Kind<String> BASIC_USER = USER.except(
            user -> user.contains(":"), "expected one without a colon: with http-connect the password begins there");

    /** RFC 1929, section 2; other characters than these the RFC does not speak of. */
    private static final int MOST_OF_SOCKS5 = 255;

    private static final String LIKE_SOCKS5 = "expected 1 to " + MOST_OF_SOCKS5 + " characters of ASCII with socks5";
    private static final Kind<String> SOCKS5_USER =
            USER.except(user -> !Secret.of(user).isAscii(MOST_OF_SOCKS5), LIKE_SOCKS5);

    /** Empty: the section has none, and anybody may. */
    static Optional<Credentials> read(Section section, ForwardProtocol protocol) {
        if (section.has("user")) {
            boolean socks5 = protocol == ForwardProtocol.SOCKS5;
            String user = section.get("user", socks5 ? SOCKS5_USER : BASIC_USER);
            Secret password = Secret.read(section, "password");
            if (socks5 && !password.isAscii(MOST_OF_SOCKS5)) {
                section.error(section.has("password") ? "password" : "password-file", LIKE_SOCKS5);
            }
            return Optional.of(new Credentials(user, password));
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
