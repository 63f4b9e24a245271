package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.Ticker;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The state of one session: its streams, their ids, windows and turns. Has no I/O of its own: a {@link MuxConnection}
 * brings it the bytes of a channel, asks it for frames when the channel can take them, and lets it {@link #tick} when
 * its time has come.
 *
 * <p>Event loop only: every method is called on the event loop of the connection, and so is every listener.
 *
 * <p>A session may outlive its connection, where both sides are ready for that: when the link is lost it waits, with
 * all its streams, until another connection {@link MuxConnection#carry carries} it, and then nothing has been lost; see
 * {@link Resumption}.
 *
 * <p>Each of its parts knows one thing:
 *
 * <ul>
 *   <li>{@link Link}: what carries the session
 *   <li>{@link Handshake}: how it begins
 *   <li>{@link StreamTable}: which streams there are
 *   <li>{@link Outbound}: what goes to the peer, and when
 *   <li>{@link Memory}: how much memory is held
 *   <li>{@link Liveness}: whether the peer lives
 *   <li>{@link GoAway}: who takes no new streams
 *   <li>{@link Admission}: which of the peer's streams are taken
 *   <li>{@link Delivery}: whether the peer has all of those that have ended
 *   <li>{@link Alarms}: who waits for a moment
 * </ul>
 *
 * <p>Here stands what they do together when something happens: when a frame comes ({@link Inbound}) or may go, when a
 * stream or the application wants something, when time has passed.
 *
 * <p>Nothing that a peer does ends more than its session: a broken rule ends it with {@link ErrorCode#PROTOCOL_ERROR},
 * a passed limit with the code that says so.
 */
public final class MuxSession {
    /** Who dialled. */
    public enum Role {
        /** Speaks first; opens streams with odd ids. */
        CLIENT,
        /** Tells the version from the client's first byte; opens streams with even ids. */
        SERVER
    }

    private static final Logger LOG = LoggerFactory.getLogger(MuxSession.class);

    /** With so few ids left the session needs a successor: more than are used while that is begun. */
    private static final long FEW_IDS = 1 << 20;

    private final Role role;
    private final MuxSettings settings;
    private final SessionListener listener;
    private final Ticker ticker;

    private final Link link = new Link();
    private final Handshake handshake;
    private final Inbound inbound;
    private final StreamTable streams;
    private final Outbound outbound;
    private final Memory memory;
    private final StockRules rules;
    private final Liveness liveness;
    private final RoundTrip roundTrip = new RoundTrip();
    private final GoAway goAway = new GoAway();
    private final Admission admission;
    private final Delivery delivery = new Delivery();
    private final Alarms alarms = new Alarms();

    /** Null before the peer's first byte. */
    private @Nullable FrameDecoder decoder;

    private boolean up;
    private boolean closed;
    /** The connection carries another session. */
    private boolean gaveWay;
    /** The session ends without a CLOSE: the peer has sent one, or would take ours for the end of another session. */
    private boolean dismissed;

    /**
     * A session that waits for its connection. A client has one version in {@code settings.versions()}, which it
     * speaks.
     */
    public MuxSession(Role role, MuxSettings settings, SessionListener listener) {
        this(role, settings, listener, SharedBudget.unbounded(), Ticker.systemTicker());
    }

    /**
     * The same, for a session that shares its memory with others.
     *
     * @param shared until the session is closed
     * @param ticker that of its event loop
     */
    public MuxSession(Role role, MuxSettings settings, SessionListener listener, SharedBudget shared, Ticker ticker) {
        this.role = role;
        this.settings = settings;
        this.listener = listener;
        this.ticker = ticker;
        handshake = new Handshake(role, settings);
        streams = new StreamTable(role);
        inbound = new Inbound(this, streams);
        MemoryBudget budget = new MemoryBudget(settings.flow().budget(), shared);
        outbound = new Outbound(link, handshake, settings.limits().replies(), budget);
        memory = new Memory(settings.flow(), budget, streams, link);
        admission = new Admission(settings.limits(), streams, outbound, goAway, now());
        rules = new StockRules(settings.stockPeer(), outbound::activate);
        liveness = new Liveness(settings.keepalive(), handshake.timeout(), now());
    }

    // ---- for the application

    public Role role() {
        return role;
    }

    /**
     * The version that is spoken.
     *
     * @throws IllegalStateException on a server before the client's first byte
     */
    public ProtocolVersion version() {
        return handshake.version();
    }

    /** What the peer calls itself; empty for a stock peer. */
    public String peerSoftware() {
        return handshake.peer().software();
    }

    /** The first byte of a peer that speaks a version which this session does not take. */
    public OptionalInt unexpectedVersion() {
        return handshake.unexpectedVersion();
    }

    /** Whether {@link #open} may be called now. */
    public boolean isOpenable() {
        return mayOpen() && streams.ours() < handshake.peer().streams();
    }

    /**
     * Whether only the peer's limit of streams keeps us from {@link #open}: when one ends,
     * {@link SessionListener#onOpenable} tells.
     */
    public boolean isFull() {
        return mayOpen() && streams.ours() >= handshake.peer().streams();
    }

    private boolean mayOpen() {
        return isUp() && !isLost() && goAway.letsUsOpen() && streams.idsLeft() > 0;
    }

    /** How many streams our side may still open before its ids are used up; then another session is needed. */
    long idsLeft() {
        return streams.idsLeft();
    }

    /** Whether so few ids are left to our side that it is time to begin another session. */
    public boolean isNearlyUsedUp() {
        return idsLeft() < FEW_IDS;
    }

    /** Whether the peer has answered and the session is not over. */
    public boolean isUp() {
        return up && !closed;
    }

    public boolean isClosed() {
        return closed;
    }

    /** Whether the session waits for another connection. */
    public boolean isLost() {
        return link.isLost();
    }

    /** What names the session to who resumes it; empty where it ends with its link. */
    public Optional<Token> token() {
        return link.token();
    }

    /**
     * Asks the server to have {@code other} carried by this session's connection, instead of this session; as a client,
     * before there is a connection. See {@link SessionListener#onResume}; a server that knows nothing of {@code other}
     * begins this one.
     *
     * @param other has lost its link, and belongs to the same event loop
     */
    public void prefer(MuxSession other) {
        if (!other.isLost()) {
            throw new IllegalArgumentException("it has its link");
        }
        handshake.prefer(other);
    }

    /**
     * Opens a stream. Data may be written at once; it does not wait for the peer to accept.
     *
     * @throws IllegalStateException when not {@link #isOpenable()}
     */
    public MuxStream open(OpenRequest request, StreamListener streamListener) {
        if (!isOpenable()) {
            throw new IllegalStateException("this session takes no new streams");
        }
        int id = streams.takeId();
        // Registered before the SYN can be on its way: the peer may speak first.
        MuxStream stream = newStream(id, request);
        stream.listener(streamListener);
        outbound.open(id, request);
        return stream;
    }

    /** Streams that are open, whoever opened them. */
    public int streamCount() {
        return streams.open();
    }

    /** Calls {@code action} for every open stream; it may end streams. */
    public void forEachStream(Consumer<MuxStream> action) {
        for (MuxStream stream : streams.snapshot()) {
            if (!stream.isDiscarding()) {
                action.accept(stream);
            }
        }
    }

    /** Bytes that have arrived and that applications have not consumed, over all streams. */
    public long unconsumedBytes() {
        return memory.budget().used();
    }

    /** Bytes that wait here to be sent, over all streams. */
    public long queuedBytes() {
        return memory.budget().queued();
    }

    /** Bytes that have come from the peer, frames and all. */
    public long receivedBytes() {
        return link.receivedBytes();
    }

    /** Bytes that have gone to the peer, frames and all. */
    public long sentBytes() {
        return link.sentBytes();
    }

    /** What the windows of all streams let the peer send beyond its first ones, bytes. */
    public long widenedBytes() {
        return memory.budget().promised();
    }

    /**
     * How long a PING takes there and back, the least of the last half minute, ns; 0 while unknown, as with a stock
     * peer.
     */
    public long roundTripNanos() {
        return roundTrip.nanos();
    }

    /**
     * Whether the peer answers: false where it has said nothing since a PING that it should have answered by now. A
     * session that is not is not over, but others are better. Always true with a stock peer.
     */
    public boolean isResponsive() {
        return !liveness.isSilent(now(), roundTrip.patience());
    }

    /**
     * Takes no new streams from now on, and tells a peer that can be told; the open ones go on, and so do those that
     * the peer has opened before it could know.
     */
    public void goAway(ErrorCode code, String text) {
        if (!closed && !goAway.isSaid()) {
            goAway.say();
            if (handshake.isCulvert()) {
                outbound.farewell(Frame.GOAWAY, 0, code, text);
                if (up && (role == Role.SERVER || streams.hasPeerOpened())) {
                    delivery.ended(); // a stream that does not know may come until the answer, however late
                    ping(goAway.call(now(), roundTrip.patience()));
                }
            }
            tellIfDrained();
        }
    }

    /** Leaves the link that the session has, and waits for another, if it can be resumed; else nothing happens. */
    public void leaveLink(String text) {
        if (!closed && !isLost() && link.mayBeLost() && link.isAttached()) {
            lose(text);
            link.drop();
        }
    }

    // ---- for the connection

    boolean isCarriedBy(Wire some) {
        return link.isCarriedBy(some);
    }

    void attach(Wire wire) {
        if (closed) {
            wire.drop();
            return;
        }
        link.attach(wire);
        liveness.connected(now());
        if (role == Role.CLIENT) {
            handshake.chooseVersion();
            begin();
        }
        wake();
    }

    /** Bytes have arrived. Takes {@code in}. */
    void receive(ByteBuf in) {
        try {
            if (!closed && in.isReadable()) {
                liveness.heard(now());
                link.receive(in.readableBytes());
                if (decoder == null) {
                    decoder = beginDecoding(in.getUnsignedByte(in.readerIndex()));
                }
                inbound.begin(in);
                decoder.decode(in, inbound);
                if (gaveWay && in.isReadable()) {
                    link.pass(in.readRetainedSlice(in.readableBytes()));
                }
            }
        } catch (ProtocolViolation e) {
            close(e.code(), e.text());
        } finally {
            in.release();
        }
    }

    /** The connection is gone. */
    void disconnected(String text) {
        if (isLost()) {
            return;
        }
        if (!closed && link.mayBeLost()) {
            lose(text);
            return;
        }
        link.detach();
        GoAway.Heard heard = goAway.heard();
        try {
            if (heard != null) {
                close(heard.code(), heard.text());
            } else {
                close(ErrorCode.CONNECTION_RESET, text);
            }
        } finally {
            releaseFrames();
        }
    }

    /** From here on the connection that is gone only keeps the time. */
    private void lose(String text) {
        link.lose(text, now());
        listener.onLost(this, text);
        wake();
    }

    /**
     * {@code wire} carries the session from now on, if it can; the peer has so many bytes of it.
     *
     * @param carried run if it does, before anybody hears of it
     */
    void resume(Wire wire, long peerHas, Runnable carried) {
        Hello.Resume resumed = closed ? null : link.resume(wire, peerHas);
        if (resumed == null) {
            wire.drop(); // it came too late, by a second or by a connection
            if (!closed && !link.mayBeLost()) { // and the peer would ask for it until we see that its link is dead
                close(ErrorCode.CONNECTION_RESET, "the link is lost, and what was sent by it is not kept any more");
            }
            return;
        }
        carried.run();
        if (role == Role.SERVER) {
            link.greet(handshake.answer(resumed));
        }
        liveness.connected(now());
        boolean answers = roundTrip.isKnown();
        roundTrip.relinked(now());
        if (answers) { // else the last question waits still, and one more would with each connection
            sendProbe(now());
        }
        goAway.callAgain(now());
        listener.onResumed(this);
        wake();
    }

    /** Hands the next frame to {@code out}, which takes its one or two buffers. False: there is nothing to send now. */
    boolean transmit(Consumer<ByteBuf> out) {
        return transmit(false, Integer.MAX_VALUE, out);
    }

    /**
     * The same in a moment in which streams may not send all that they have.
     *
     * @param bulkWaits whether only those send that have little to send
     * @param most bytes of a stream; 0: none sends
     */
    boolean transmit(boolean bulkWaits, int most, Consumer<ByteBuf> out) {
        return outbound.transmit(isUp() && most > 0, bulkWaits, most, out);
    }

    /** When to call {@link #tick} next, on the clock of {@link #now}. */
    long nextTick() {
        Link.Loss loss = link.loss();
        if (loss != null) {
            return Math.min(
                    loss.deadline(), now() + settings.keepalive().interval().toNanos());
        }
        return Math.min(
                Math.min(liveness.nextTick(up), goAway.deadline()), Math.min(alarms.next(), rules.nextRefusal()));
    }

    /** Does what is due. */
    void tick() {
        if (closed) {
            return;
        }
        long now = now();
        Link.Loss loss = link.loss();
        if (loss != null) {
            if (now >= loss.deadline()) {
                close(ErrorCode.TIMEOUT, loss.verdict());
            } else if (memory.budget().isOwedInAll()) {
                close(ErrorCode.LIMIT_REACHED, "the link is lost, and others need the memory of what waits for it");
            }
            return;
        }
        MuxStream due;
        while ((due = alarms.due(now)) != null) {
            due.onAlarm();
        }
        refuseWhoIsDue(now);
        if (goAway.isUnanswered(now)) {
            tellIfDrained();
        }
        if (closed) {
            return;
        }
        switch (liveness.tick(now, up, link.isReading())) {
            case WAIT -> {}
            case PROVE -> {
                if (!outbound.hasOwn()) { // else the peer does not read, and what waits will tell it as much
                    sendProbe(now);
                    outbound.news();
                }
                lookAfterStreams(now);
                try {
                    memory.keepToBudget();
                } catch (ProtocolViolation e) {
                    close(e.code(), e.text());
                }
            }
            case DEAD -> die(liveness.verdict(up));
        }
    }

    private void die(String verdict) {
        leaveLink(verdict);
        if (!isLost()) {
            close(ErrorCode.TIMEOUT, verdict);
        }
    }

    long now() {
        return ticker.nanoTime();
    }

    // ---- for the streams

    StockRules rules() {
        return rules;
    }

    Memory memory() {
        return memory;
    }

    Outbound outbound() {
        return outbound;
    }

    int maxPayload() {
        return Math.min(settings.flow().frameSize(), handshake.peer().maxPayload());
    }

    /** Lets a stream hear of this moment, or of an earlier one. */
    void alarm(MuxStream stream, long at) {
        alarms.set(stream, at);
        wake();
    }

    void resetByUs(MuxStream stream, ErrorCode code, String text) {
        if (closed) {
            return;
        }
        if (handshake.isCulvert()) {
            outbound.farewell(Frame.RST, stream.id(), code, text);
            forget(stream);
        } else if (stream.discard()) {
            streams.discarding();
            tellIfDrained();
        } else {
            forget(stream);
        }
        wake();
    }

    void finishIfBothEnded(MuxStream stream) {
        if (stream.isFinished()) {
            if (stream.unconsumedBytes() > 0) {
                streams.addUnread(stream);
            }
            forget(stream);
        }
    }

    /** What has come by a stream that has ended is consumed, or dropped. */
    void allConsumed(MuxStream stream) {
        streams.removeUnread(stream);
    }

    void forget(MuxStream stream) {
        if (streams.remove(stream)) {
            delivery.ended();
            leave(stream);
            if (streams.isOurs(stream.id())
                    && streams.ours() == handshake.peer().streams() - 1
                    && isOpenable()) {
                listener.onOpenable(this);
            }
            tellIfDrained();
        }
    }

    // ---- what the peer says

    void onHello(ByteBuf payload) throws ProtocolViolation {
        Hello hello = handshake.read(payload);
        if (hello.resume() != null && giveWay(hello.resume())) {
            return;
        }
        handshake.accept(hello);
        link.keep(handshake.resumption(memory.budget(), link.sentBytes()));
        goUp();
        if (!closed && role == Role.SERVER) { // who is refused by the listener gets no HELLO
            outbound.hello(handshake.answer());
        }
        if (!closed) {
            outbound.letFollow();
            sendProbe(now()); // the first round trip, before windows need it
        }
    }

    /** Whether the session is over, since the connection carries another one from now on. */
    private boolean giveWay(Hello.Resume resume) throws ProtocolViolation {
        handshake.check(resume);
        if (handshake.isOvertaken()) {
            // No last word: for the server the connection carries the other one already, maybe amid a frame.
            dismissed = true;
            close(ErrorCode.CANCELLED, "the session that was asked for has another connection, or has ended");
            return true;
        }
        boolean accepted = listener.onResume(this, resume.token(), resume.received());
        if (!accepted && role == Role.CLIENT) {
            dismissed = true;
            close(ErrorCode.CANCELLED, "the session that was asked for is not wanted any more");
        }
        if (closed || !accepted) {
            return closed; // the listener may have ended it
        }
        closed = true;
        gaveWay = true;
        outbound.release();
        memory.budget().close();
        if (decoder != null) {
            decoder.stop();
        }
        return true;
    }

    void onOpen(int id, OpenRequest request) throws ProtocolViolation {
        Admission.Refusal refusal = admission.check(now());
        if (refusal != null) {
            listener.onRefused(this, refusal.code(), refusal.text());
            if (closed) { // after a last word there is none
                return;
            }
            if (rules.holdRefusal(id, now(), settings.limits().replies())) {
                wake();
            } else {
                outbound.refuse(id, refusal.code(), refusal.text());
            }
            return;
        }
        MuxStream stream = newStream(id, request);
        holdGreeting(stream);
        listener.onStream(this, stream);
    }

    private void refuseWhoIsDue(long now) {
        try {
            for (OptionalInt id = rules.dueRefusal(now); id.isPresent() && !closed; id = rules.dueRefusal(now)) {
                outbound.refuse(id.getAsInt(), ErrorCode.REFUSED, "");
            }
        } catch (ProtocolViolation e) { // it does not read
            close(e.code(), e.text());
        }
    }

    private void holdGreeting(MuxStream stream) {
        long hold = rules.greetingHold();
        if (hold > 0) {
            stream.hold();
            alarm(stream, now() + hold);
        }
    }

    void onPing(long payload) throws ProtocolViolation {
        outbound.pong(payload);
    }

    void onPong(long payload) {
        long now = now();
        if (liveness.isAnswer(payload)) {
            roundTrip.sample(now - payload, now);
        }
        boolean hasAll = delivery.answer();
        if (goAway.isAnswered(payload) || hasAll) {
            tellIfDrained();
        }
    }

    void onAck(long total) throws ProtocolViolation {
        link.acknowledge(total);
    }

    void onGoAway(ErrorCode code, String text) {
        if (goAway.hear(code, text)) {
            listener.onGoAway(this, code, text);
            tellIfDrained();
        }
    }

    void onClose(ErrorCode code, String text) {
        dismissed = true;
        close(code, text);
    }

    // ---- inside

    private FrameDecoder beginDecoding(int firstByte) throws ProtocolViolation {
        boolean first = !handshake.hasVersion();
        ProtocolVersion spoken = handshake.recognizeVersion(firstByte);
        if (first) {
            begin();
        }
        return new FrameDecoder(spoken);
    }

    /** The version is known. A stock session is up at once, ours when the peer's HELLO arrives. */
    private void begin() {
        if (!handshake.isCulvert()) {
            rules.apply();
            if (!version().hasWindows()) {
                memory.withoutWindows();
            }
            outbound.letFollow();
            goUp();
        } else if (role == Role.CLIENT) {
            outbound.hello(handshake.question());
        } // a server speaks second
    }

    private void goUp() {
        up = true;
        liveness.up(now());
        listener.onUp(this);
        wake();
    }

    private MuxStream newStream(int id, OpenRequest request) {
        SendWindow sendWindow = null;
        ReceiveWindow receiveWindow = null;
        if (version().hasWindows()) {
            sendWindow = new SendWindow(handshake.peer().window());
            receiveWindow = new ReceiveWindow(
                    firstWindow(), settings.flow().maxWindow(), version().isStock(), memory.budget(), roundTrip);
        }
        MuxStream stream = new MuxStream(this, id, request, sendWindow, receiveWindow);
        streams.add(stream);
        return stream;
    }

    private int firstWindow() {
        return handshake.isCulvert() ? settings.flow().window() : SendWindow.STOCK_INITIAL;
    }

    private void sendProbe(long now) {
        if (handshake.isCulvert()) {
            liveness.asked(now);
            ping(now);
        } else {
            outbound.empty(Frame.NOP, 0);
        }
    }

    private void ping(long payload) {
        delivery.ask();
        outbound.ping(payload);
    }

    private void lookAfterStreams(long now) {
        for (MuxStream stream : streams.snapshot()) {
            stream.narrowIfIdle(now);
            if (!stream.isStalled(now, rules.stallTimeout())) {
                continue;
            }
            if (stream.isDiscarding()) {
                forget(stream);
            } else {
                stream.resetByLimit(ErrorCode.TIMEOUT, "the peer has ended its direction and takes no more data");
            }
        }
    }

    private void wake() {
        link.wake();
    }

    // ---- its end

    /**
     * It has a use until the peer has the last of its bytes: a link that is lost before that is found again, if the
     * session is kept.
     */
    private void tellIfDrained() {
        if (closed || !goAway.isDraining() || streamCount() > 0) {
            return;
        }
        if (!handshake.isCulvert() || delivery.isKnown()) {
            listener.onDrained(this);
        } else if (!delivery.isAsked()) {
            sendProbe(now());
        }
    }

    /** Ends the session: open streams are reset, the peer is told why if it can be told. */
    public void close(ErrorCode code, String text) {
        if (closed) {
            return;
        }
        closed = true;
        boolean linkIsLost = isLost();
        link.giveUp();
        List<MuxStream> lost = streams.removeAll();
        lost.forEach(this::leave);
        Set<Integer> unsent = outbound.withdrawOpens();
        lost.forEach(stream -> {
            if (unsent.contains(stream.id())) {
                tellReset(stream, ErrorCode.REFUSED, "the session ended before it was asked: " + code + ": " + text);
            } else {
                tellReset(stream, code, text);
            }
        });
        outbound.dropUpdates();
        memory.budget().close();
        if (linkIsLost) {
            releaseFrames();
        } else if (link.isAttached()) {
            sayFarewell(code, text);
            link.close();
        }
        listener.onClosed(this, code, text);
    }

    private void leave(MuxStream stream) {
        rules.forget(stream);
        alarms.cancel(stream);
        stream.close();
    }

    /** Whatever this one's listener does, the others hear of the end, too. */
    private void tellReset(MuxStream stream, ErrorCode code, String text) {
        try {
            stream.onReset(code, text);
        } catch (OutOfMemoryError e) {
            throw e;
        } catch (RuntimeException | Error e) {
            LOG.error("{}: the listener of {} failed", this, stream, e);
        }
    }

    private void sayFarewell(ErrorCode code, String text) {
        boolean asks =
                handshake.asks() && !up; // by now it may be the other session that would take this for its own end
        if (handshake.isCulvert() && !dismissed && !asks) {
            outbound.lastWord(code, text);
        }
    }

    private void releaseFrames() {
        outbound.release();
        link.end();
    }

    @Override
    public String toString() {
        return role + " session, " + (handshake.hasVersion() ? version() : "no version yet") + ", " + streamCount()
                + " streams, " + memory.budget().used() + " bytes unconsumed, "
                + memory.budget().queued() + " queued, "
                + memory.budget().kept() + " kept" + (isLost() ? ", waits for a connection" : "");
    }

    // ---- for tests

    /** No account may drift. */
    Accounts accounts() {
        return new Accounts(
                streams.size(),
                streams.ours(),
                streams.peers(),
                streams.discarded(),
                memory.budget().used(),
                memory.budget().promised(),
                memory.budget().queued(),
                memory.budget().said() - outbound.waitingMemory(),
                memory.budget().kept(),
                rules.inFlight(),
                alarms.size());
    }

    /** For what happens when they run out. */
    void nextId(long id) {
        streams.nextId(id);
    }
}
