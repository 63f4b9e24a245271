package dev.culvert.server;

import dev.culvert.common.lifecycle.OfferStatus;
import dev.culvert.mux.HostPort;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The offers there are, by the client that makes them: how many, and which of them another process of it makes.
 * {@link #status} from any thread, the rest on the event loop that accepts.
 */
final class OffersByClient {
    /** Whoever makes many is not to be a burden to others. */
    private final Map<String, Set<Offer>> offers = new HashMap<>();

    /** How many there are, by listener and client, for whoever asks. */
    private final Map<Map.Entry<String, String>, Integer> counts = new ConcurrentHashMap<>();

    void add(Offer offer) {
        offers.computeIfAbsent(offer.maker().client(), client -> new LinkedHashSet<>())
                .add(offer);
        count(offer, 1);
    }

    /** One that has been added, and once only. */
    void remove(Offer offer) {
        offers.computeIfPresent(offer.maker().client(), (client, its) -> {
            its.remove(offer);
            return its.isEmpty() ? null : its;
        });
        count(offer, -1);
    }

    private void count(Offer offer, int more) {
        counts.merge(Map.entry(offer.listener(), offer.maker().client()), more, (before, added) -> {
            int now = before + added;
            return now == 0 ? null : now;
        });
    }

    /** What they offer of the same client by the same name, or at the same address. */
    List<Offer> ofOtherProcesses(Offer offer) {
        return offers.getOrDefault(offer.maker().client(), Set.of()).stream()
                .filter(other -> offer.maker().isOtherProcessThan(other.maker()))
                .filter(other -> other.listener().equals(offer.listener()) || isSame(other.own(), offer.own()))
                .toList();
    }

    private static boolean isSame(@Nullable HostPort one, @Nullable HostPort other) {
        return one != null && one.equals(other);
    }

    /** How many there are, with those listeners of {@code configured} that nobody offers. */
    List<OfferStatus> status(Set<String> configured) {
        List<OfferStatus> all = new ArrayList<>();
        counts.forEach((key, count) ->
                all.add(new OfferStatus(key.getKey(), key.getValue(), count, !configured.contains(key.getKey()))));
        configured.stream()
                .filter(name -> all.stream().noneMatch(offer -> offer.listener().equals(name)))
                .forEach(name -> all.add(new OfferStatus(name, "", 0, false)));
        all.sort(Comparator.comparing(OfferStatus::listener).thenComparing(OfferStatus::client));
        return all;
    }
}
