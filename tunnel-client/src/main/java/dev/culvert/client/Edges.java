package dev.culvert.client;

import static java.util.stream.Collectors.joining;

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
 * @param offered to local applications
 * @param asked of targets, by the forward or the reverse forward
 * @param content of the files of what is offered
 */
record Edges(Map<ForwardConfig, OfferedTls> offered, Map<Record, WebTls> asked, String content) {
    /** Reads the files. Blocks; throws with a sentence for the user. */
    static Edges of(ClientConfig config) throws IOException {
        // First: what changes from here on is seen to have changed.
        String content = content(config.forwards()).orElse("");
        Map<ForwardConfig, OfferedTls> offered = new HashMap<>();
        Map<Record, WebTls> asked = new HashMap<>();
        for (ForwardConfig forward : config.forwards()) {
            if (forward.tls().isPresent()) {
                TlsConfig files = forward.tls().get();
                offered.put(forward, OfferedTls.of(files.identity(), files.authority()));
            }
            if (forward.target().isPresent()) {
                TargetTlsConfig.to(forward.target().get(), forward.targetTls())
                        .ifPresent(tls -> asked.put(forward, tls));
            }
        }
        for (ReverseConfig reverse : config.reverse()) {
            TargetTlsConfig.to(reverse.target(), reverse.targetTls()).ifPresent(tls -> asked.put(reverse, tls));
        }
        return new Edges(offered, asked, content);
    }

    /** Of the files as they are now; empty: nobody can say. Blocks. */
    static Optional<String> content(List<ForwardConfig> forwards) {
        List<Optional<String>> all = forwards.stream()
                .flatMap(forward -> forward.tls().stream())
                .map(TlsConfig::content)
                .toList();
        return all.stream().allMatch(Optional::isPresent)
                ? Optional.of(all.stream().map(Optional::get).collect(joining(" ")))
                : Optional.empty();
    }

    /** Both, for as long as it is not known which configuration a connection comes by. */
    Edges and(Edges other) {
        Map<ForwardConfig, OfferedTls> allOffered = new HashMap<>(offered);
        allOffered.putAll(other.offered);
        Map<Record, WebTls> allAsked = new HashMap<>(asked);
        allAsked.putAll(other.asked);
        return new Edges(allOffered, allAsked, content);
    }

    /** What its applications speak; empty: plain text. */
    Optional<OfferedTls> offeredBy(ForwardConfig forward) {
        return Optional.ofNullable(offered.get(forward));
    }

    /** What the target of a forward or of a reverse forward speaks; empty: what it is sent. */
    Optional<WebTls> askedBy(Record config) {
        return Optional.ofNullable(asked.get(config));
    }

    /** From here on the channel's application speaks with a target that speaks TLS. */
    static void wrap(Channel channel, WebTls tls) {
        channel.pipeline().addLast(new TargetTls(tls, tls.newHandler(channel.alloc()), TargetTlsConfig.PATIENCE));
    }
}
