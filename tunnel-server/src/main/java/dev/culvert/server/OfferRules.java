package dev.culvert.server;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.Spelling;
import dev.culvert.common.net.ListenRule;
import dev.culvert.common.splice.Connection;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.OpenRequest;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Which listeners a client may offer to take the connections of.
 *
 * @param names of the server's listeners
 * @param own where it may ask for one of its own
 */
record OfferRules(List<String> names, List<ListenRule> own) {
    static final OfferRules NOTHING = new OfferRules(List.of(), List.of());

    /** Reads {@code offers}; an item with a colon is an address, any other has to be one of {@code listeners}. */
    static OfferRules read(Section section, List<ListenerConfig> listeners) {
        if (!section.has("offers")) {
            return NOTHING;
        }
        List<String> known = listeners.stream().map(ListenerConfig::name).toList();
        List<String> names = new ArrayList<>();
        List<ListenRule> own = new ArrayList<>();
        Kind<String> item =
                Kind.of("names of listeners, or ADDRESS:PORTS such as \"127.0.0.1:9000-9100\"", "127.0.0.1:1", text -> {
                    if (text.indexOf(':') >= 0) {
                        ListenRule.parse(text);
                    } else if (!known.contains(text)) {
                        throw new IllegalArgumentException("it is none of listeners" + advice(text, known));
                    }
                    return text;
                });
        for (String text : section.list("offers", item)) {
            if (text.indexOf(':') >= 0) {
                own.add(ListenRule.parse(text));
            } else {
                names.add(text);
            }
        }
        return new OfferRules(List.copyOf(names), List.copyOf(own));
    }

    private static String advice(String text, List<String> known) {
        Optional<String> nearest = Spelling.nearest(text, known);
        if (nearest.isPresent()) {
            return "; did you mean " + nearest.get() + "?";
        }
        return known.isEmpty()
                ? ", of which there are none; write listeners { " + text + " { listen = \"0.0.0.0:8080\" } }"
                : ", which are " + String.join(", ", known);
    }

    boolean isNothing() {
        return names.isEmpty() && own.isEmpty();
    }

    /**
     * Whether one of them covers an offer. What a client calls a listener of its own stands in our log, and is a word
     * there.
     */
    boolean covers(OpenRequest offer) {
        Address listen = offer.target();
        String name = offer.forward();
        if (listen == null) {
            return names.contains(name);
        }
        return !name.isEmpty()
                && name.equals(Connection.word(name))
                && listen instanceof HostPort address
                && own.stream().anyMatch(rule -> rule.covers(address));
    }

    /** As they were written. */
    @Override
    public String toString() {
        return Stream.concat(names.stream(), own.stream().map(ListenRule::toString))
                .collect(Collectors.joining(", "));
    }
}
