package dev.culvert.server;

import dev.culvert.common.rate.Limit;
import dev.culvert.common.splice.DatagramMemory;
import dev.culvert.mux.RateLimit;
import dev.culvert.mux.SharedBudget;
import io.netty.util.concurrent.Ticker;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;

/**
 * What somebody has of the server, and the most it may have: one client with all its sessions, as a part of the whole.
 * What is asked for is taken from both, or from neither. Any thread.
 *
 * <p>Who asks for something gets null, or a sentence that says why not.
 */
final class Account {
    /** Each takes a moment of the thread that accepts. A session begins with as many as it may have. */
    private static final int OFFERS_PER_SECOND = 1_000;

    private final String whose;
    private final @Nullable Account whole;
    private final Ticker ticker;
    private final AtomicInteger sessions = new AtomicInteger();
    private final AtomicInteger lostSessions = new AtomicInteger();
    private final AtomicInteger streams = new AtomicInteger();
    private final AtomicBoolean probing = new AtomicBoolean();
    private final RateLimit opens;
    private final RateLimit dials;
    private final RateLimit offers;
    private final SharedBudget memory;
    private final Limit rate;
    private final DatagramMemory datagrams = new DatagramMemory();
    private final Refusals refusals;
    private volatile Quota quota;

    /** @param whose for people: "client laptop", "this server" */
    Account(String whose, Quota quota, @Nullable Account whole, Ticker ticker) {
        this.whose = whose;
        this.quota = quota;
        this.whole = whole;
        this.ticker = ticker;
        opens = new RateLimit(ticker.nanoTime());
        dials = new RateLimit(ticker.nanoTime());
        offers = new RateLimit(ticker.nanoTime());
        memory = new SharedBudget(quota.buffer(), whole == null ? null : whole.memory);
        rate = new Limit(ticker);
        refusals = new Refusals(ticker);
    }

    /** From now on this much; what is more already stays. */
    void quota(Quota newQuota) {
        quota = newQuota;
        memory.limit(newQuota.buffer());
    }

    Quota quota() {
        return quota;
    }

    /** What its sessions hold. */
    SharedBudget memory() {
        return memory;
    }

    /** How fast its connections may be. */
    Limit rate() {
        return rate;
    }

    /** What its datagrams may take while they wait: one who has many does not hurt the others. */
    DatagramMemory datagrams() {
        return datagrams;
    }

    /** What is refused to it, for the log: one who asks too often does not hide the others. */
    Refusals refusals() {
        return refusals;
    }

    /** Asks for a session; {@link #closeSession} gives it back. */
    @Nullable String openSession() {
        return take(account -> account.sessions, Quota::sessions, "sessions");
    }

    void closeSession() {
        giveBack(account -> account.sessions);
    }

    /** A session that it has has lost its link, and waits for another; {@link #takeSession} ends that. */
    @Nullable String keepSession() {
        closeSession();
        return take(account -> account.lostSessions, Quota::sessions, "sessions that have lost their link");
    }

    /** A session that waited has a link again; or the wait is over, then {@link #forgetSession} is enough. */
    @Nullable String takeSession() {
        forgetSession();
        return openSession();
    }

    void forgetSession() {
        giveBack(account -> account.lostSessions);
    }

    /** Asks for a stream; {@link #closeStream} gives it back. */
    @Nullable String openStream() {
        String refusal = spend(account -> account.opens, Quota::opensPerSecond, "streams opened in a second");
        return refusal != null ? refusal : take(account -> account.streams, Quota::streams, "streams");
    }

    void closeStream() {
        giveBack(account -> account.streams);
    }

    /** Asks to have a session measured, which takes the whole line: one at a time; {@link #endProbe} ends it. */
    @Nullable String probe() {
        return probing.compareAndSet(false, true) ? null : whose + " is being measured already";
    }

    void endProbe() {
        probing.set(false);
    }

    /** Asks for a dial. */
    @Nullable String dial() {
        return spend(account -> account.dials, Quota::dialsPerSecond, "dials in a second");
    }

    /** Asks whether it may offer something; others do not count. */
    @Nullable String offer() {
        return offers.tryTake(OFFERS_PER_SECOND, ticker.nanoTime())
                ? null
                : refusal(OFFERS_PER_SECOND, "offers in a second");
    }

    private @Nullable String take(Function<Account, AtomicInteger> count, ToIntFunction<Quota> most, String what) {
        int limit = most.applyAsInt(quota);
        String refusal = null;
        if (count.apply(this).incrementAndGet() > limit) {
            refusal = refusal(limit, what);
        } else if (whole != null) {
            refusal = whole.take(count, most, what);
        }
        if (refusal != null) {
            count.apply(this).decrementAndGet();
        }
        return refusal;
    }

    private void giveBack(Function<Account, AtomicInteger> count) {
        count.apply(this).decrementAndGet();
        if (whole != null) {
            whole.giveBack(count);
        }
    }

    private @Nullable String spend(Function<Account, RateLimit> rate, ToIntFunction<Quota> most, String what) {
        int limit = most.applyAsInt(quota);
        if (!rate.apply(this).tryTake(limit, ticker.nanoTime())) {
            return refusal(limit, what);
        }
        return whole == null ? null : whole.spend(rate, most, what);
    }

    private String refusal(int limit, String what) {
        return whose + " has " + limit + " " + what + ", the most it may have";
    }
}
