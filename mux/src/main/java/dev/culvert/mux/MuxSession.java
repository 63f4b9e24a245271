package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.util.concurrent.Ticker;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.PriorityQueue;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The state of one session: its streams, their ids, windows and turns. Has no I/O of its own: a {@link MuxConnection} brings
 * it the bytes of a channel, asks it for frames when the channel can take them, and lets it {@link #tick} when its time has
 * come.
 *
 * <p>Event loop only: every method is called on the event loop of the connection, and so is every listener.
 *
 * <p>A session may outlive its connection, where both sides are ready for that: when the link is lost it waits, with all its streams, until
 * another connection {@link MuxConnection#carry carries} it, and then nothing has been lost; see {@link Resumption}.
 *
 * <p>Nothing that a peer does ends more than its session: a broken rule ends it with {@link ErrorCode#PROTOCOL_ERROR}, a
 * passed limit with the code that says so.
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

    /** Writes need not be shorter, however many streams there are, bytes. */
    private static final int MIN_WRITE = 1024;
    /** So many new bytes are sent at once, while the processor has them in its cache. */
    private static final int HOT = 256 << 10;

    private final Role role;
    private final MuxSettings settings;
    private final SessionListener listener;
    private final Ticker ticker;
    private final Inbound inbound = new Inbound();

    private final StreamTable streams;
    private final Scheduler scheduler;
    private final ControlQueue control;
    private final MemoryBudget budget;
    private final RoundTrip roundTrip = new RoundTrip();
    private final RateLimit opens;
    private final StockRules rules;
    private final Liveness liveness;
    private final GoAway goAway = new GoAway();

    /** Streams that wait for a moment: with their first bytes, or with their FIN. */
    private final PriorityQueue<Alarm> alarms = new PriorityQueue<>(Comparator.comparingLong(Alarm::at));

    /** The connection that carries the session; while the link is lost, the one that did. */
    private @Nullable Wire wire;
    /** What the connection to come has to begin with; no part of the session's own bytes. */
    private @Nullable ByteBuf greeting;
    /** Null: the session ends with its link. */
    private @Nullable Resumption resumption;
    /** What a client would rather have carried by its connection than this session. */
    private @Nullable MuxSession preferred;
    /** Bytes of that one which we had when the server was asked. */
    private long toldTotal;

    private boolean gaveWay;
    private boolean dismissed;
    private @Nullable FrameDecoder decoder;
    private @Nullable ProtocolVersion version;
    private OptionalInt unexpectedVersion = OptionalInt.empty();
    private Hello peer = Hello.NONE;

    private boolean up;
    private boolean closed;
    private boolean reading = true;

    private long receivedBytes;
    private long sentBytes;
    /** Bytes that streams were given since the last frame was sent. */
    private int fresh;

    /** What a session keeps account of; all of it is zero when nothing is open and nothing waits. */
    record Accounts(
            int streams,
            int own,
            int peers,
            int discarded,
            long unconsumed,
            long promised,
            long queued,
            long kept,
            long inFlight) {
        static final Accounts NONE = new Accounts(0, 0, 0, 0, 0, 0, 0, 0, 0);

        Accounts keeping(long bytes) {
            return new Accounts(streams, own, peers, discarded, unconsumed, promised, queued, bytes, inFlight);
        }
    }

    private record Alarm(long at, MuxStream stream) {}

    /** A session that waits for its connection. A client speaks the first of {@code settings.versions()}. */
    public MuxSession(Role role, MuxSettings settings, SessionListener listener) {
        this(role, settings, listener, SharedBudget.unbounded());
    }

    /** The same, for a session that shares its memory with others; it does until it is closed. */
    public MuxSession(Role role, MuxSettings settings, SessionListener listener, SharedBudget shared) {
        this(role, settings, listener, shared, Ticker.systemTicker());
    }

    MuxSession(Role role, MuxSettings settings, SessionListener listener, SharedBudget shared, Ticker ticker) {
        this.role = role;
        this.settings = settings;
        this.listener = listener;
        this.ticker = ticker;
        streams = new StreamTable(role);
        scheduler = new Scheduler(settings.flow().frameSize() + Frame.HEADER);
        control = new ControlQueue(settings.limits().replies());
        budget = new MemoryBudget(settings.flow().budget(), shared);
        opens = new RateLimit(now());
        rules = new StockRules(settings.stockPeer(), this::activate);
        liveness = new Liveness(settings.keepalive(), firstWordTimeout(), now());
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
        if (version == null) {
            throw new IllegalStateException("the peer has not spoken yet");
        }
        return version;
    }

    /** What the peer calls itself; empty for a stock peer. */
    public String peerSoftware() {
        return peer.software();
    }

    /** The first byte of a peer that speaks a version which this session does not take. */
    public OptionalInt unexpectedVersion() {
        return unexpectedVersion;
    }

    /** Whether {@link #open} may be called now. */
    public boolean isOpenable() {
        return isUp() && !isLost() && goAway.letsUsOpen() && streams.idsLeft() > 0 && streams.ours() < peer.streams();
    }

    /** How many streams our side may still open before its ids are used up; then another session is needed. */
    public long idsLeft() {
        return streams.idsLeft();
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
        return resumption != null && resumption.isLost();
    }

    /** What names the session to who resumes it; empty where it ends with its link. */
    public Optional<Token> token() {
        return Optional.ofNullable(resumption).map(Resumption::token);
    }

    /**
     * Asks the server to have {@code other} carried by this session's connection, instead of this session; as a client, before there is
     * a connection. See {@link SessionListener#onResume}; a server that knows nothing of {@code other} begins this one.
     *
     * @param other has lost its link, and belongs to the same event loop
     */
    public void prefer(MuxSession other) {
        if (!other.isLost()) {
            throw new IllegalArgumentException("it has its link");
        }
        preferred = other;
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
        control.add(syn(id, request));
        wake();
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
        return budget.used();
    }

    /** Bytes that wait here to be sent, over all streams. */
    public long queuedBytes() {
        return budget.queued();
    }

    /** Bytes that have come from the peer, frames and all. */
    public long receivedBytes() {
        return receivedBytes;
    }

    /** Bytes that have gone to the peer, frames and all. */
    public long sentBytes() {
        return sentBytes;
    }

    /** What the windows of all streams let the peer send beyond its first ones, bytes. */
    public long widenedBytes() {
        return budget.promised();
    }

    /** How long a PING takes there and back, the least of the last half minute, ns; 0 while unknown, as with a stock peer. */
    public long roundTripNanos() {
        return roundTrip.nanos();
    }

    /**
     * Whether the peer answers: false where it has said nothing since a PING that it should have answered by now. A session that is not
     * is not over, but others are better. Always true with a stock peer.
     */
    public boolean isResponsive() {
        return !liveness.isSilent(now(), roundTrip.patience());
    }

    /**
     * Takes no new streams from now on, and tells a peer that can be told; the open ones go on, and so do those that the peer has opened
     * before it could know.
     */
    public void goAway(ErrorCode code, String text) {
        if (!closed && !goAway.isSaid()) {
            goAway.say();
            if (version == ProtocolVersion.CULVERT) {
                control.add(Frame.farewell(ByteBufAllocator.DEFAULT, version, Frame.GOAWAY, 0, code, text));
                if (up && (role == Role.SERVER || streams.hasPeerOpened())) {
                    long question = goAway.call(now(), roundTrip.patience());
                    control.add(Frame.number(ByteBufAllocator.DEFAULT, version, Frame.PING, question));
                }
                wake();
            }
            tellIfDrained();
        }
    }

    /** Leaves the link that the session has, and waits for another, if it can be resumed; else nothing happens. */
    public void leaveLink(String text) {
        if (!closed && !isLost() && resumption != null && resumption.isPossible() && wire != null) {
            lose(resumption, text);
            wire.drop();
        }
    }

    /** Ends the session: open streams are reset, the peer is told why if it can be told. */
    public void close(ErrorCode code, String text) {
        end(code, text);
    }

    // ---- for the connection

    boolean isCarriedBy(Wire some) {
        return wire == some;
    }

    void attach(Wire newWire) {
        wire = newWire;
        liveness.connected(now());
        if (role == Role.CLIENT) {
            version = settings.versions().iterator().next();
            begin();
        }
        wake();
    }

    /** Bytes have arrived. Takes {@code in}. */
    void receive(ByteBuf in) {
        try {
            if (!closed && in.isReadable()) {
                liveness.heard(now());
                count(in.readableBytes());
                if (decoder == null) {
                    decoder = tellVersion(in.getUnsignedByte(in.readerIndex()));
                }
                inbound.capacity = in.capacity();
                decoder.decode(in, inbound);
                if (gaveWay && in.isReadable() && wire != null) {
                    wire.pass(in.readRetainedSlice(in.readableBytes()));
                }
            }
        } catch (ProtocolViolation e) {
            end(e.code(), e.text());
        } finally {
            in.release();
        }
    }

    private void count(int bytes) {
        receivedBytes += bytes;
        if (resumption != null) {
            resumption.receive(bytes);
            if (resumption.owesAck(false)) {
                wake();
            }
        }
    }

    /** Bytes of the session that have come, however often each was sent; 0 where it ends with its link. */
    private long receivedTotal() {
        return resumption == null ? 0 : resumption.received();
    }

    /** The connection is gone. */
    void disconnected(String text) {
        if (isLost()) {
            return;
        }
        if (!closed && resumption != null && resumption.isPossible()) {
            lose(resumption, text);
            return;
        }
        wire = null;
        GoAway.Heard heard = goAway.heard();
        if (heard != null) {
            end(heard.code(), heard.text());
        } else {
            end(ErrorCode.CONNECTION_RESET, text);
        }
        releaseFrames();
    }

    private void releaseFrames() {
        control.release();
        if (resumption != null) {
            resumption.end();
        }
        if (greeting != null) {
            greeting.release();
            greeting = null;
        }
    }

    /** From here on the connection that is gone only keeps the time. */
    private void lose(Resumption by, String text) {
        by.lose(text, now());
        listener.onLost(this, text);
        wake();
    }

    /** {@code newWire} carries the session from now on, if it can; the peer has so many bytes of it. */
    void resume(Wire newWire, long peerHas) {
        if (closed || resumption == null || !resumption.resume(peerHas)) {
            newWire.drop(); // it came too late, by a second or by a connection
            return;
        }
        Wire before = wire;
        wire = newWire;
        if (before != null) {
            before.drop(); // not sooner: what still waited in it fails, which is no loss of the link any more
        }
        if (greeting != null) {
            greeting.release();
        }
        greeting =
                role == Role.CLIENT ? null : hello(null, new Hello.Resume(resumption.token(), resumption.received()));
        liveness.connected(now());
        goAway.callAgain(now());
        listener.onResumed(this);
        wake();
    }

    /** Hands the next frame to {@code out}, which takes its one or two buffers. False: there is nothing to send now. */
    boolean transmit(Consumer<ByteBuf> out) {
        fresh = 0;
        ByteBuf again = nextAgain();
        if (again != null) {
            sentBytes += again.readableBytes();
            out.accept(again);
            return true;
        }
        Consumer<ByteBuf> kept = resumption == null ? out : resumption.keeping(out);
        ByteBuf frame = nextControl();
        if (frame != null) {
            sentBytes += frame.readableBytes();
            kept.accept(frame);
            return true;
        }
        boolean mayGo = up && !closed && (resumption == null || !resumption.isFull());
        MuxStream stream = mayGo ? scheduler.next() : null;
        if (stream == null) {
            return false;
        }
        int sent = stream.send(kept);
        sentBytes += sent;
        scheduler.sent(stream, sent);
        stream.checkWritable();
        return true;
    }

    /** What comes before anything new where the connection is not the session's first. */
    private @Nullable ByteBuf nextAgain() {
        if (greeting != null) {
            ByteBuf first = greeting;
            greeting = null;
            return first;
        }
        return resumption == null ? null : resumption.nextAgain();
    }

    private @Nullable ByteBuf nextControl() {
        if (resumption != null && resumption.owesAck(control.hasUpdates())) {
            return resumption.ack(version());
        }
        return control.next();
    }

    /** When to call {@link #tick} next, on the clock of {@link #now}. */
    long nextTick() {
        if (resumption != null && resumption.isLost()) {
            return Math.min(
                    resumption.deadline(),
                    now() + settings.keepalive().interval().toNanos());
        }
        long next = liveness.nextTick(up);
        Alarm first = alarms.peek();
        next = first != null && first.at < next ? first.at : next;
        return Math.min(next, goAway.deadline());
    }

    /** Does what is due. */
    void tick() {
        if (closed) {
            return;
        }
        long now = now();
        if (resumption != null && resumption.isLost()) {
            if (now >= resumption.deadline()) {
                end(ErrorCode.TIMEOUT, resumption.verdict());
            } else if (budget.isOwed()) {
                end(ErrorCode.LIMIT_REACHED, "the link is lost, and others need the memory of what waits for it");
            }
            return;
        }
        Alarm first;
        while ((first = alarms.peek()) != null && first.at <= now) {
            alarms.remove();
            first.stream.onAlarm();
        }
        if (goAway.isUnanswered(now)) {
            tellIfDrained();
        }
        switch (liveness.tick(now, up, reading)) {
            case WAIT -> {}
            case PROVE -> {
                sendProbe(now);
                if (resumption != null && resumption.hasNews()) {
                    control.add(resumption.ack(version()));
                }
                lookAfterStreams(now);
                keepToBudget();
            }
            case DEAD -> die(liveness.verdict(up));
        }
    }

    private void die(String verdict) {
        leaveLink(verdict);
        if (!isLost()) {
            end(ErrorCode.TIMEOUT, verdict);
        }
    }

    long now() {
        return ticker.nanoTime();
    }

    // ---- for the streams

    StockRules rules() {
        return rules;
    }

    int maxPayload() {
        return Math.min(settings.flow().frameSize(), peer.maxPayload());
    }

    /** While much waits in all, a stream may only queue one write at a time. */
    int sendQueueLimit() {
        return budget.isCongested() ? 1 : settings.flow().sendQueue();
    }

    /** As many whole frames as the queue takes, or less while much waits in all. */
    int maxWrite() {
        int frame = maxPayload();
        int most = Math.max(frame, settings.flow().sendQueue() / frame * frame);
        return (int) Math.min(most, Math.max(MIN_WRITE, budget.share(streams.size())));
    }

    /** A stream has been given bytes to send. */
    void queued(MuxStream stream, int bytes) {
        budget.queue(bytes);
        scheduler.activate(stream);
        fresh += bytes;
        if (fresh >= HOT && wire != null) {
            wire.send();
        } else {
            wake();
        }
    }

    /** Queued bytes were sent or dropped. */
    void unqueued(int bytes) {
        budget.queue(-bytes);
    }

    void received(int bytes) {
        budget.use(bytes);
    }

    void consumed(int bytes) {
        budget.free(bytes);
        if (!reading && wire != null && budget.isHalfFree()) {
            reading = true;
            wire.reading(true);
        }
    }

    /** Lets a stream hear of this moment; it may have become pointless by then. */
    void alarm(MuxStream stream, long at) {
        alarms.add(new Alarm(at, stream));
        wake();
    }

    void activate(MuxStream stream) {
        scheduler.activate(stream);
        wake();
    }

    void sendControl(int command, MuxStream stream) {
        control.add(Frame.empty(ByteBufAllocator.DEFAULT, version(), command, stream.id()));
        wake();
    }

    void updateIsDue(MuxStream stream) {
        control.update(stream);
        wake();
    }

    void resetByUs(MuxStream stream, ErrorCode code, String text) {
        if (closed) {
            return;
        }
        if (version == ProtocolVersion.CULVERT) {
            control.add(Frame.farewell(ByteBufAllocator.DEFAULT, version, Frame.RST, stream.id(), code, text));
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
            forget(stream);
        }
    }

    void forget(MuxStream stream) {
        if (streams.remove(stream)) {
            leave(stream);
            if (streams.isOurs(stream.id()) && streams.ours() == peer.streams() - 1 && isOpenable()) {
                listener.onOpenable(this);
            }
            tellIfDrained();
        }
    }

    private void tellIfDrained() {
        if (!closed && goAway.isDraining() && streamCount() == 0) {
            listener.onDrained(this);
        }
    }

    private void leave(MuxStream stream) {
        rules.forget(stream);
        stream.close();
    }

    // ---- inside

    /** A stock client that has nothing to say yet speaks only with its first keepalive. */
    private Duration firstWordTimeout() {
        boolean stock = settings.versions().stream().anyMatch(ProtocolVersion::isStock);
        Duration handshake = settings.handshakeTimeout();
        Duration silence = settings.keepalive().timeout();
        return stock && silence.compareTo(handshake) > 0 ? silence : handshake;
    }

    private MuxStream newStream(int id, OpenRequest request) {
        SendWindow sendWindow = null;
        ReceiveWindow receiveWindow = null;
        if (version().hasWindows()) {
            sendWindow = new SendWindow(peer.window());
            receiveWindow = new ReceiveWindow(
                    firstWindow(), settings.flow().maxWindow(), version().isStock(), budget, roundTrip);
        }
        MuxStream stream = new MuxStream(this, id, request, sendWindow, receiveWindow);
        streams.add(stream);
        return stream;
    }

    private int firstWindow() {
        return version == ProtocolVersion.CULVERT ? settings.flow().window() : SendWindow.STOCK_INITIAL;
    }

    private ByteBuf syn(int id, OpenRequest request) {
        if (version().isStock()) {
            return Frame.empty(ByteBufAllocator.DEFAULT, version(), Frame.SYN, id);
        }
        ByteBuf tlvs = ByteBufAllocator.DEFAULT.heapBuffer();
        try {
            request.write(tlvs);
            return Frame.withTlvs(ByteBufAllocator.DEFAULT, version(), Frame.SYN, id, tlvs);
        } finally {
            tlvs.release();
        }
    }

    private ByteBuf hello(@Nullable Token token, Hello.@Nullable Resume resume) {
        MuxSettings.Resume keeping = settings.resume();
        ByteBuf tlvs = ByteBufAllocator.DEFAULT.heapBuffer();
        try {
            new Hello(
                            settings.software(),
                            settings.flow().window(),
                            Frame.MAX_PAYLOAD,
                            settings.limits().streams(),
                            keeping.isOff()
                                    ? null
                                    : new Hello.Keeping(keeping.window().toMillis(), keeping.buffer()),
                            token,
                            resume)
                    .write(tlvs);
            return Frame.withTlvs(ByteBufAllocator.DEFAULT, version(), Frame.HELLO, 0, tlvs);
        } finally {
            tlvs.release();
        }
    }

    /** From the next byte on the session can be resumed. */
    private void keep(Token token, Hello.Keeping byPeer) {
        MuxSettings.Resume ours = settings.resume();
        resumption = new Resumption(
                token,
                Math.min(ours.window().toNanos(), TimeUnit.MILLISECONDS.toNanos(byPeer.millis())),
                ours.buffer(),
                byPeer.buffer(),
                budget,
                sentBytes,
                receivedBytes);
    }

    private void sendProbe(long now) {
        if (version == ProtocolVersion.CULVERT) {
            liveness.asked(now);
            control.add(Frame.number(ByteBufAllocator.DEFAULT, version, Frame.PING, now));
        } else {
            control.add(Frame.empty(ByteBufAllocator.DEFAULT, version(), Frame.NOP, 0));
        }
        wake();
    }

    private void lookAfterStreams(long now) {
        for (MuxStream stream : streams.snapshot()) {
            stream.narrowIfIdle(now);
            if (stream.isStalled(now, rules.stallTimeout())) {
                stream.resetByLimit(ErrorCode.TIMEOUT, "the peer has ended its direction and takes no more data");
                forget(stream);
            }
        }
    }

    private FrameDecoder tellVersion(int firstByte) throws ProtocolViolation {
        ProtocolVersion spoken = ProtocolVersion.of(firstByte);
        if (spoken == null || !(version == null ? settings.versions().contains(spoken) : spoken == version)) {
            unexpectedVersion = OptionalInt.of(firstByte);
            throw new ProtocolViolation("the peer's first byte is 0x" + Integer.toHexString(firstByte)
                    + (spoken == null ? ", which is no smux" : ": it speaks " + spoken) + "; expected "
                    + (version == null ? settings.versions() : version));
        }
        if (version == null) {
            version = spoken;
            begin();
        }
        return new FrameDecoder(spoken);
    }

    /** The version is known. A stock session is up at once, ours when the peer's HELLO arrives. */
    private void begin() {
        if (version != ProtocolVersion.CULVERT) {
            rules.apply();
            goUp();
        } else if (role == Role.CLIENT) {
            toldTotal = preferred == null ? 0 : preferred.receivedTotal();
            control.add(hello(
                    null,
                    preferred == null
                            ? null
                            : new Hello.Resume(preferred.token().orElseThrow(), toldTotal)));
            wake();
        } // a server speaks second
    }

    private void goUp() {
        up = true;
        liveness.up(now());
        listener.onUp(this);
        wake();
    }

    private void reply(ByteBuf frame) throws ProtocolViolation {
        control.reply(frame);
        wake();
    }

    private void keepToBudget() {
        if (budget.isOverdrawn()) {
            if (version != ProtocolVersion.SMUX_1) {
                endLargest("the session holds " + budget.used() + " bytes, more than its budget");
            } else if (reading && wire != null) {
                reading = false; // without windows, this is all there is
                wire.reading(false);
            }
        }
        if (budget.isOwed() && resumption != null) {
            resumption.giveUp();
        }
        boolean progress = true;
        while (progress && budget.isOwed()) {
            progress = endLargest("all sessions together hold more memory than they may");
        }
    }

    /** Ends the stream that holds the most. False: none holds any. */
    private boolean endLargest(String why) {
        MuxStream largest = streams.largest();
        if (largest == null) {
            return false;
        }
        largest.resetByLimit(ErrorCode.LIMIT_REACHED, why + ", and this stream the most of it");
        return true;
    }

    private void end(ErrorCode code, String text) {
        if (closed) {
            return;
        }
        closed = true;
        boolean linkIsLost = isLost();
        if (resumption != null) {
            resumption.giveUp();
        }
        List<MuxStream> lost = streams.removeAll();
        lost.forEach(this::leave);
        Set<Integer> unsent = control.withdrawOpens();
        lost.forEach(stream -> {
            if (unsent.contains(stream.id())) {
                tellReset(stream, ErrorCode.REFUSED, "the session ended before it was asked: " + code + ": " + text);
            } else {
                tellReset(stream, code, text);
            }
        });
        control.dropUpdates();
        alarms.clear();
        budget.close();
        if (linkIsLost) {
            releaseFrames();
        } else if (wire != null) {
            sayFarewell(code, text);
            wire.close();
        }
        listener.onClosed(this, code, text);
    }

    /** Whatever this one's listener does, the others hear of the end, too. */
    private void tellReset(MuxStream stream, ErrorCode code, String text) {
        try {
            stream.onReset(code, text);
        } catch (RuntimeException e) {
            LOG.error("{}: the listener of {} failed", this, stream, e);
        }
    }

    private void sayFarewell(ErrorCode code, String text) {
        boolean asks =
                preferred != null && !up; // by now it may be the other session that would take this for its own end
        if (version == ProtocolVersion.CULVERT && !dismissed && !asks) {
            control.add(Frame.farewell(ByteBufAllocator.DEFAULT, version, Frame.CLOSE, 0, code, text));
        }
    }

    private void wake() {
        if (wire != null) {
            wire.wake();
        }
    }

    /** For tests: no account may drift. */
    Accounts accounts() {
        return new Accounts(
                streams.size(),
                streams.ours(),
                streams.peers(),
                streams.discarded(),
                budget.used(),
                budget.promised(),
                budget.queued(),
                budget.kept(),
                rules.inFlight());
    }

    /** For tests of what happens when they run out. */
    void nextId(long id) {
        streams.nextId(id);
    }

    @Override
    public String toString() {
        return role + " session, " + (version == null ? "no version yet" : version) + ", " + streamCount()
                + " streams, " + budget.used() + " bytes unconsumed, " + budget.queued() + " queued, "
                + budget.kept() + " kept" + (isLost() ? ", waits for a connection" : "");
    }

    /** What the peer sends. */
    private final class Inbound implements FrameHandler {
        /** Of the buffer that is being decoded, bytes. */
        private int capacity;

        private boolean helloReceived;

        @Override
        public void onData(int id, ByteBuf data) throws ProtocolViolation {
            if (!up && !closed) {
                data.release();
                throw new ProtocolViolation("PSH before HELLO");
            }
            MuxStream stream = streams.get(id);
            if (stream == null) {
                data.release(); // of a stream that has ended
                return;
            }
            stream.onData(data, capacity);
            keepToBudget();
        }

        @Override
        public void onControl(int command, int id, ByteBuf payload) throws ProtocolViolation {
            if (closed) {
                return;
            }
            if (!up && command != Frame.HELLO && command != Frame.CLOSE) {
                throw new ProtocolViolation(Frame.name(command) + " before HELLO");
            }
            MuxStream stream = streams.get(id);
            switch (command) {
                case Frame.HELLO -> onHello(payload);
                case Frame.SYN -> onSyn(id, stream, payload);
                case Frame.NOP -> {} // has proved that the peer lives, as any byte does
                case Frame.PING ->
                    reply(Frame.number(ByteBufAllocator.DEFAULT, version(), Frame.PONG, payload.readLongLE()));
                case Frame.PONG -> onPong(payload.readLongLE());
                case Frame.ACK -> onAck(payload.readLongLE());
                case Frame.GOAWAY -> onGoAway(ErrorCode.of(payload.readUnsignedIntLE()), text(payload));
                case Frame.CLOSE -> {
                    dismissed = true;
                    end(ErrorCode.of(payload.readUnsignedIntLE()), text(payload));
                }
                default -> {
                    if (stream != null) { // else it has ended
                        onStreamControl(command, stream, payload);
                    }
                }
            }
        }

        private void onStreamControl(int command, MuxStream stream, ByteBuf payload) throws ProtocolViolation {
            switch (command) {
                case Frame.FIN -> stream.onFin();
                case Frame.UPD -> stream.onUpdate(payload.readIntLE(), payload.readUnsignedIntLE());
                case Frame.OPENED -> {
                    if (!streams.isOurs(stream.id())) {
                        throw new ProtocolViolation("OPENED on " + stream + ", which the peer itself opened");
                    }
                    stream.onOpened();
                }
                case Frame.RST -> {
                    stream.onReset(ErrorCode.of(payload.readUnsignedIntLE()), text(payload));
                    forget(stream);
                }
                default -> throw new ProtocolViolation("unexpected " + Frame.name(command));
            }
        }

        private void onHello(ByteBuf payload) throws ProtocolViolation {
            if (helloReceived) {
                throw new ProtocolViolation("a second HELLO");
            }
            helloReceived = true;
            Hello hello = Hello.read(payload);
            if (hello.resume() != null && giveWay(hello.resume())) {
                return;
            }
            peer = hello;
            Hello.Keeping keeping = settings.resume().isOff() ? null : hello.keeping();
            Token token = keeping == null || role == Role.CLIENT ? hello.token() : Token.next();
            if (keeping != null && token != null) {
                keep(token, keeping);
            }
            goUp();
            if (!closed && role == Role.SERVER) { // who is refused by the listener gets no HELLO
                control.addFirst(hello(token, null));
            }
            if (!closed) {
                sendProbe(now()); // the first round trip, before windows need it
            }
        }

        /** Whether the connection carries another session from now on. */
        private boolean giveWay(Hello.Resume resume) throws ProtocolViolation {
            if (role == Role.CLIENT && (preferred == null || !preferred.token().equals(Optional.of(resume.token())))) {
                throw new ProtocolViolation("the server resumes a session that nobody has asked for");
            }
            if (preferred != null && (!preferred.isLost() || preferred.receivedTotal() != toldTotal)) {
                dismissed = true; // for the server the connection carries the other one already: no last word
                end(ErrorCode.CANCELLED, "another connection was faster");
                return true;
            }
            closed = listener.onResume(MuxSession.this, resume.token(), resume.received());
            if (closed) {
                gaveWay = true;
                budget.close();
                if (decoder != null) {
                    decoder.stop();
                }
            }
            return closed;
        }

        private void onAck(long total) throws ProtocolViolation {
            if (resumption == null) {
                throw new ProtocolViolation("ACK in a session that is not kept");
            }
            boolean full = resumption.isFull();
            resumption.acknowledge(total);
            if (full) {
                wake();
            }
        }

        private void onSyn(int id, @Nullable MuxStream existing, ByteBuf payload) throws ProtocolViolation {
            if (existing != null && version().isStock()) {
                return; // as the stock library does
            }
            streams.checkPeerId(id, !version().isStock());
            OpenRequest request = version().isStock() ? OpenRequest.EMPTY : OpenRequest.read(payload);
            if (!goAway.letsPeerOpen()) {
                refuse(id, ErrorCode.REFUSED, "this session takes no new streams");
            } else if (control.size()
                    > settings.limits().streams() + settings.limits().replies()) {
                refuse(id, ErrorCode.LIMIT_REACHED, control.size() + " frames wait for the peer to read them");
            } else if (streams.peers() >= settings.limits().streams()) {
                refuse(id, ErrorCode.LIMIT_REACHED, "more than " + streams.peers() + " streams in a session");
            } else if (!opens.tryTake(settings.limits().opensPerSecond(), now())) {
                refuse(
                        id,
                        ErrorCode.LIMIT_REACHED,
                        "more than " + settings.limits().opensPerSecond() + " streams opened in a second");
            } else {
                MuxStream stream = newStream(id, request);
                holdGreeting(stream);
                listener.onStream(MuxSession.this, stream);
            }
        }

        private void refuse(int id, ErrorCode code, String text) throws ProtocolViolation {
            listener.onRefused(MuxSession.this, code, text);
            reply(
                    version().isStock()
                            ? Frame.empty(ByteBufAllocator.DEFAULT, version(), Frame.FIN, id)
                            : Frame.farewell(ByteBufAllocator.DEFAULT, version(), Frame.RST, id, code, text));
        }

        private void holdGreeting(MuxStream stream) {
            long hold = rules.greetingHold();
            if (hold > 0) {
                stream.hold();
                alarm(stream, now() + hold);
            }
        }

        private void onPong(long payload) {
            long now = now();
            if (liveness.isAnswer(payload)) {
                roundTrip.sample(now - payload, now);
            }
            if (goAway.isAnswered(payload)) {
                tellIfDrained();
            }
        }

        private void onGoAway(ErrorCode code, String text) {
            if (goAway.hear(code, text)) {
                listener.onGoAway(MuxSession.this, code, text);
                tellIfDrained();
            }
        }

        /** What a peer writes into our logs: no control characters. */
        private String text(ByteBuf payload) {
            return payload.toString(StandardCharsets.UTF_8).replaceAll("\\p{Cc}", "?");
        }
    }
}
