package dev.culvert.common.rate;

import dev.culvert.common.config.RateConfig;
import io.netty.util.concurrent.Ticker;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** A limit for each name, such as that of a forward. Any thread. */
public final class NamedLimits {
    private final Ticker ticker;
    private final Map<String, Limit> limits = new ConcurrentHashMap<>();

    public NamedLimits(Ticker ticker) {
        this.ticker = ticker;
    }

    /** That of {@code name}: off where the configuration has none, or has not been {@link #set} so far. */
    public Limit of(String name) {
        return limits.computeIfAbsent(name, missing -> new Limit(ticker));
    }

    /** What they are from now on. Who has one that is not among them any more keeps it as it was. */
    public void set(Map<String, RateConfig> rates) {
        rates.forEach((name, rate) -> of(name).set(rate));
        limits.keySet().retainAll(rates.keySet());
    }
}
