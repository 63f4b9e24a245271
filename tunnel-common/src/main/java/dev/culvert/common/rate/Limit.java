package dev.culvert.common.rate;

import dev.culvert.common.config.RateConfig;
import io.netty.util.concurrent.Ticker;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A section {@code rate} of the configuration, as it is now: a bucket for each direction, or none. Any thread. */
public final class Limit {
    private final Ticker ticker;
    private volatile @Nullable Bucket up;
    private volatile @Nullable Bucket down;

    /** Off so far. */
    public Limit(Ticker ticker) {
        this.ticker = ticker;
    }

    /** What it is from now on, for those who look. A rate that stays keeps its bucket, and who waits there. */
    public void set(RateConfig rate) {
        up = bucket(up, rate.up());
        down = bucket(down, rate.down());
    }

    private @Nullable Bucket bucket(@Nullable Bucket present, Optional<Long> rate) {
        if (rate.isEmpty()) {
            return null;
        }
        return present != null && present.rate() == rate.get() ? present : new Bucket(rate.get(), ticker);
    }

    @Nullable Bucket up() {
        return up;
    }

    @Nullable Bucket down() {
        return down;
    }
}
