package dev.culvert.client;

import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.tls.OfferedTls;
import dev.culvert.common.tls.TargetTls;
import dev.culvert.common.tls.WebTls;
import io.netty.channel.Channel;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The TLS between a tunnel and its applications. Immutable.
 *
 * @param offered to local applications, by the names of forwards
 * @param asked of targets, by what stands where, as in {@code reverse.web}
 * @param content of the files of what is offered
 */
record Edges(Map<String, OfferedTls> offered, Map<String, WebTls> asked, String content) {
    /** Reads the files. Blocks; throws with a sentence for the user. */
    static Edges of(ClientConfig config) throws IOException {
        Map<String, OfferedTls> offered = new HashMap<>();
        Map<String, WebTls> asked = new HashMap<>();
        for (ForwardConfig forward : config.forwards()) {
            if (forward.tls().isPresent()) {
                TlsConfig files = forward.tls().get();
                offered.put(forward.name(), OfferedTls.of(files.identity(), files.authority()));
            }
            if (forward.target().isPresent()) {
                TargetTlsConfig.to(forward.target().get(), forward.targetTls())
                        .ifPresent(tls -> asked.put(forward.place(), tls));
            }
        }
        for (ReverseConfig reverse : config.reverse()) {
            TargetTlsConfig.to(reverse.target(), reverse.targetTls()).ifPresent(tls -> asked.put(reverse.place(), tls));
        }
        return new Edges(offered, asked, content(config.forwards()));
    }

    /** Of the files as they are now; one that can not be read now has none. */
    static String content(List<ForwardConfig> forwards) {
        StringBuilder content = new StringBuilder();
        for (ForwardConfig forward : forwards) {
            content.append(forward.tls().flatMap(TlsConfig::content).orElse("")).append(' ');
        }
        return content.toString();
    }

    /** The same with other files, of which nothing could be made. */
    Edges insteadOf(String otherContent) {
        return new Edges(offered, asked, otherContent);
    }

    Optional<OfferedTls> of(ForwardConfig forward) {
        return Optional.ofNullable(offered.get(forward.name()));
    }

    /** How its target is spoken with; empty: without. */
    Optional<WebTls> of(ReverseConfig reverse) {
        return Optional.ofNullable(asked.get(reverse.place()));
    }

    /** From here on the channel's application speaks with a target that speaks TLS, if {@code forward} is of that kind. */
    void wrap(ForwardConfig forward, Channel channel) {
        WebTls tls = asked.get(forward.place());
        if (tls != null) {
            channel.pipeline().addLast(new TargetTls(tls, tls.newHandler(channel.alloc()), TargetTlsConfig.PATIENCE));
        }
    }
}
