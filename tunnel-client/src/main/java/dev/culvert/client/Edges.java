package dev.culvert.client;

import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.tls.OfferedTls;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The TLS that local applications are offered, by the names of forwards. Immutable.
 *
 * @param content of the files that it was made of
 */
record Edges(Map<String, OfferedTls> offered, String content) {
    /** Reads the files. Blocks; throws with a sentence for the user. */
    static Edges of(List<ForwardConfig> forwards) throws IOException {
        Map<String, OfferedTls> offered = new HashMap<>();
        for (ForwardConfig forward : forwards) {
            if (forward.tls().isPresent()) {
                TlsConfig files = forward.tls().get();
                offered.put(forward.name(), OfferedTls.of(files.identity(), files.authority()));
            }
        }
        return new Edges(offered, content(forwards));
    }

    /** Of the files as they are now; one that can not be read now has none. */
    static String content(List<ForwardConfig> forwards) {
        StringBuilder content = new StringBuilder();
        for (ForwardConfig forward : forwards) {
            content.append(forward.tls().flatMap(TlsConfig::content).orElse("")).append(' ');
        }
        return content.toString();
    }

    Optional<OfferedTls> of(ForwardConfig forward) {
        return Optional.ofNullable(offered.get(forward.name()));
    }
}
