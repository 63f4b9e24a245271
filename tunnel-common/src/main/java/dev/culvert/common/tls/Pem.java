package dev.culvert.common.tls;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** The blocks of a PEM file (RFC 7468); text around them is ignored. */
final class Pem {
    private static final Pattern BLOCK =
            Pattern.compile("-----BEGIN ([A-Z0-9 ]{1,64})-----([A-Za-z0-9+/=\\s]*+)-----END \\1-----");

    /** One block: what it says it is, and its content. */
    record Block(String label, String base64) {
        /** Throws {@link IllegalArgumentException} if it is not base64. */
        byte[] bytes() {
            return Base64.getMimeDecoder().decode(base64);
        }
    }

    private Pem() {}

    static List<Block> read(String text) {
        List<Block> blocks = new ArrayList<>();
        Matcher matcher = BLOCK.matcher(text);
        while (matcher.find()) {
            blocks.add(new Block(matcher.group(1), matcher.group(2)));
        }
        return blocks;
    }

    static String write(String label, byte[] bytes) {
        Base64.Encoder encoder = Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII));
        return "-----BEGIN " + label + "-----\n" + encoder.encodeToString(bytes) + "\n-----END " + label + "-----\n";
    }
}
