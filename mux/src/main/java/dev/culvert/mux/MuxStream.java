package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.ArrayDeque;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One stream of a {@link MuxSession}: two directions of bytes, each of which ends by itself.
 *
 * <p>Event loop only: every method is called on the event loop of the session.
 *
 * <p>A stream ends when both directions have ended in good order ({@link #shutdownOutput} here,
 * {@link StreamListener#onFin} from the peer), or at once by {@link #reset} here or {@link StreamListener#onReset} from
 * there.
 */
public final class MuxStream {
    /**
     * So many bytes in front of what is {@linkplain #write written}, if they are there, take the header of a frame,
     * bytes.
     */
    public static final int HEADROOM = Frame.HEADER;

    /**
     * A slice smaller than this part of its buffer is copied, see {@link MemoryBudget}. The frames of a download are,
     * with their headers, an eighth of a full read.
     */
    private static final int SMALL_SLICE = 16;

    private final MuxSession session;
    private final int id;
    private final OpenRequest request;
    private final Scheduler.Turn turn = new Scheduler.Turn();
    /** Null in smux version 1, which has no windows. */
    private final @Nullable SendWindow sendWindow;

    private final @Nullable ReceiveWindow receiveWindow;

    private @Nullable StreamListener listener;
    private @Nullable Runnable abandoned;
    /** What arrived before there was a listener. */
    private final ArrayDeque<ByteBuf> early = new ArrayDeque<>(0);

    private final SendQueue queue = new SendQueue();

    private boolean writable = true;
    private boolean queuesOneWrite;

    private final Unread unread = new Unread();
    /** When something last came, went or was taken by the peer. */
    private long progressAt;

    /** By the side that did not open it: an OPENED has gone, or has come. */
    private boolean accepted;

    private boolean held;
    private boolean updateDue;
    private boolean dataSent;
    private boolean outputShut;
    private boolean finSent;
    private boolean finReceived;
    /** The peer's FIN meant both directions: nobody will take what is written. */
    private boolean unwanted;
    /** Both directions were cut off. */
    private boolean reset;
    /** Reset here, but a stock peer cannot be told: its data is consumed and dropped until its FIN. */
    private boolean discarding;

    private ErrorCode resetCode = ErrorCode.CANCELLED;
    private String resetText = "";

    MuxStream(
            MuxSession session,
            int id,
            OpenRequest request,
            @Nullable SendWindow sendWindow,
            @Nullable ReceiveWindow receiveWindow) {
        this.session = session;
        this.id = id;
        this.request = request;
        this.sendWindow = sendWindow;
        this.receiveWindow = receiveWindow;
        progressAt = session.now();
    }

    /** The number of the stream in its session, an unsigned 32-bit number. */
    public int id() {
        return id;
    }

    public MuxSession session() {
        return session;
    }

    /** What the stream was opened for. */
    public OpenRequest request() {
        return request;
    }

    /** Names who hears of a stream that the peer opened, and hands over what has arrived so far. Once a stream. */
    public void attach(StreamListener newListener) {
        if (listener != null) {
            throw new IllegalStateException(this + " has a listener");
        }
        listener = newListener;
        if (reset) {
            newListener.onReset(this, resetCode, resetText);
            return;
        }
        ByteBuf data;
        while ((data = early.poll()) != null) {
            newListener.onData(this, data);
        }
        if (finReceived && !reset) {
            newListener.onFin(this);
        }
    }

    /** Whether data has come that waits for {@link #attach}. */
    public boolean hasEarlyData() {
        return !early.isEmpty();
    }

    /** Runs {@code action} if the stream is cut off before {@link #attach}: whoever prepares for it may stop. */
    public void ifAbandoned(Runnable action) {
        abandoned = action;
    }

    /** Tells the peer that its stream is accepted. A stock peer takes that for granted and is not told. */
    public void accept() {
        if (!reset && !isFinished() && !accepted && session.version() == ProtocolVersion.CULVERT) {
            accepted = true;
            session.outbound().empty(Frame.OPENED, id);
        }
    }

    /** Whether the peer has ended both directions, as its FIN does without half-close: what is written is dropped. */
    public boolean isUnwanted() {
        return unwanted;
    }

    /**
     * Queues data for the peer; it is sent in order, when window and turn allow. Takes {@code data}, including the
     * bytes before its reader index: with {@link #HEADROOM} there the frame's header goes in front of the payload and
     * nothing is copied. Data for a stream that was reset is dropped. Much data is sent at once, and the stream may be
     * reset before this returns.
     *
     * @throws IllegalStateException after {@link #shutdownOutput}
     */
    public void write(ByteBuf data) {
        int bytes = data.readableBytes();
        if (reset || unwanted || bytes == 0) {
            data.release();
            return;
        }
        if (outputShut) {
            data.release();
            throw new IllegalStateException(this + " was shut down for output");
        }
        if (queue.bytes() == 0) {
            progressAt = session.now();
        }
        queue.add(data);
        session.memory().queued(bytes);
        session.outbound().activate(this, bytes);
        writable = writable && queue.bytes() < sendQueueLimit();
    }

    /**
     * Whether there is room for more, and a use for it. Past that {@link #write} still takes data, but who goes on has
     * no bound on memory: stop reading the source, and go on at {@link StreamListener#onWritable}.
     */
    public boolean isWritable() {
        return writable && !reset;
    }

    /**
     * From now on there is room for one write, and for the next when all of it is sent: whoever has more keeps it, and
     * decides as late as that what is still worth sending.
     */
    public void queueOneWrite() {
        queuesOneWrite = true;
    }

    private int sendQueueLimit() {
        return queuesOneWrite ? 1 : session.memory().sendQueueLimit();
    }

    /** Ends this direction: a FIN follows the last byte. The peer may go on sending. */
    public void shutdownOutput() {
        if (!reset && !outputShut) {
            outputShut = true;
            session.outbound().activate(this);
        }
    }

    /**
     * Has the session send at once what it may send now, and not when the event loop has done all else; the stream may
     * be reset by that.
     */
    public void flush() {
        if (!reset && queue.bytes() > 0) {
            session.outbound().flush();
        }
    }

    /** Cuts off both directions. What waits to be sent is dropped; the listener hears no more of this stream. */
    public void reset(ErrorCode code, String text) {
        if (reset) {
            return;
        }
        boolean finished = isFinished();
        cutOff(code, text);
        if (!finished) {
            session.resetByUs(this, code, text);
        }
    }

    /**
     * The application is done with {@code bytes} of what it was given; the peer gets credit for them.
     *
     * @throws IllegalArgumentException for more than it was given
     */
    public void consumed(int bytes) {
        if (reset) {
            return; // the account was settled then
        }
        if (bytes < 0 || bytes > unread.bytes()) {
            throw new IllegalArgumentException(bytes + " bytes consumed of " + unread.bytes());
        }
        session.memory().consumed(unread.take(bytes));
        if (isFinished() && unread.bytes() == 0) {
            session.allConsumed(this);
        }
        if (receiveWindow != null && !finReceived && receiveWindow.consume(bytes, session.now())) {
            updateIsDue();
        }
    }

    /** Bytes that wait here to be sent. */
    public int queuedBytes() {
        return queue.bytes();
    }

    /** Bytes that have arrived and are not consumed. */
    public long unconsumedBytes() {
        return unread.bytes();
    }

    /** How much to {@link #write} at once, bytes: what the queue takes, or less while much waits in all. */
    public int maxWrite() {
        return session.memory().maxWrite(session.maxPayload());
    }

    /** What has come and is not consumed, as the memory that it takes. */
    long unreadMemory() {
        return unread.memory();
    }

    long heldMemory() {
        return unread.memory() + queue.bytes();
    }

    // ---- what the session does with its streams

    Scheduler.Turn turn() {
        return turn;
    }

    void listener(StreamListener newListener) {
        listener = newListener;
    }

    /** Holds back the first bytes until {@link #release}. */
    void hold() {
        held = true;
    }

    void release() {
        if (!held) {
            return;
        }
        held = false;
        if (discarding) {
            session.outbound().empty(Frame.FIN, id);
        } else {
            session.outbound().activate(this);
        }
    }

    /** A moment has come that {@link MuxSession#alarm} was told. */
    void onAlarm() {
        release();
        session.outbound().activate(this);
    }

    boolean isFinished() {
        return finSent && finReceived;
    }

    boolean isDiscarding() {
        return discarding;
    }

    boolean canSend() {
        if (held || reset) {
            return false;
        }
        return queue.bytes() > 0 ? allowance() > 0 : finIsReady() && session.now() >= finTime();
    }

    /** The scheduler has let go of the stream; {@link Outbound#activate} brings it back. */
    void parked() {
        if (queue.bytes() > 0 && sendWindow != null && sendWindow.available() > 0 && !held && !reset) {
            session.rules().waitForBuffer(this);
        } else if (finWaits()) {
            session.alarm(this, finTime());
        }
    }

    private boolean finIsReady() {
        return outputShut && !finSent;
    }

    private boolean finWaits() {
        return !held && !reset && queue.bytes() == 0 && finIsReady();
    }

    /** When a FIN that is ready may go. */
    private long finTime() {
        if (!finReceived) {
            return progressAt + session.rules().finPatience();
        }
        return dataSent ? progressAt + session.rules().finHold(sendWindow) : progressAt;
    }

    private int allowance() {
        return sendWindow == null ? Integer.MAX_VALUE : session.rules().allowance(sendWindow);
    }

    /** Sends one frame with at most so many bytes, by one or two buffers. Returns its size in bytes. */
    int send(int most, Consumer<ByteBuf> out) {
        progressAt = session.now();
        if (queue.bytes() == 0) {
            finSent = true;
            out.accept(Frame.empty(session.version(), Frame.FIN, id));
            session.finishIfBothEnded(this);
            return Frame.HEADER;
        }
        dataSent = true;
        int payload = Math.min(most, Math.min(session.maxPayload(), allowance()));
        int n = queue.send(payload, session.version(), id, out);
        session.memory().unqueued(n);
        if (sendWindow != null) {
            sendWindow.sent(n);
            session.rules().inFlight(n);
        }
        return Frame.HEADER + n;
    }

    /** Tells the listener if there is room again. */
    void checkWritable() {
        if (!writable && queue.bytes() <= sendQueueLimit() / 2) {
            writable = true;
            if (listener != null && !reset) {
                listener.onWritable(this);
            }
        }
    }

    /** Takes {@code data}. */
    void onData(ByteBuf data, int capacity) throws ProtocolViolation {
        int bytes = data.readableBytes();
        if (receiveWindow != null && !receiveWindow.receive(bytes, session.now())) {
            data.release();
            resetByLimit(ErrorCode.FLOW_CONTROL, "the peer sent more than its window");
        } else if (discarding) {
            data.release();
            progressAt = session.now();
            release();
            if (receiveWindow != null && receiveWindow.drop(bytes)) {
                updateIsDue();
            }
        } else if (finReceived) {
            data.release();
            // A stock peer that closes a stream while it writes may send a few frames more.
            if (!session.version().isStock()) {
                throw new ProtocolViolation("PSH after FIN on stream " + Integer.toUnsignedString(id));
            }
        } else {
            release();
            progressAt = session.now();
            session.memory().received(unread.add(bytes));
            ByteBuf kept = bytes < capacity / SMALL_SLICE ? copy(data) : data;
            if (listener == null) {
                early.add(kept);
            } else {
                listener.onData(this, kept);
            }
        }
    }

    private static ByteBuf copy(ByteBuf data) {
        ByteBuf copy = ByteBufAllocator.DEFAULT.ioBuffer(data.readableBytes());
        copy.writeBytes(data);
        data.release();
        return copy;
    }

    void onFin() {
        if (finReceived) {
            return;
        }
        finReceived = true;
        progressAt = session.now();
        if (receiveWindow != null) {
            receiveWindow.close();
        }
        release();
        if (discarding) {
            session.forget(this);
            return;
        }
        if (!session.rules().halfCloses()) {
            unwanted = true;
            outputShut = true;
            dropQueue();
            checkWritable();
        }
        if (listener != null) {
            listener.onFin(this);
        }
        if (finWaits()) { // for this one
            session.outbound().activate(this);
        }
        session.finishIfBothEnded(this);
    }

    void onOpened() {
        if (!accepted && listener != null && !reset) {
            accepted = true;
            listener.onOpened(this);
        }
    }

    void onUpdate(int consumedTotal, long window) throws ProtocolViolation {
        if (sendWindow == null) {
            return;
        }
        int progress = sendWindow.update(consumedTotal, window);
        session.rules().inFlight(-progress);
        progressAt = session.now();
        release();
        if (queue.bytes() > 0 || finWaits()) {
            session.outbound().activate(this);
        }
    }

    /** The peer, a limit, or the loss of the session cut the stream off. */
    void onReset(ErrorCode code, String text) {
        if (reset) {
            return;
        }
        cutOff(code, text);
        tellReset(code, text);
    }

    private void tellReset(ErrorCode code, String text) {
        if (listener != null) {
            listener.onReset(this, code, text);
        } else if (abandoned != null) {
            abandoned.run();
        }
    }

    /** Resets towards both sides. */
    void resetByLimit(ErrorCode code, String text) {
        if (!reset) {
            boolean finished = isFinished();
            onReset(code, text);
            if (!finished) {
                session.resetByUs(this, code, text);
            }
        }
    }

    private void cutOff(ErrorCode code, String text) {
        reset = true;
        session.allConsumed(this);
        resetCode = code;
        resetText = text;
        dropQueue();
        ByteBuf data;
        while ((data = early.poll()) != null) {
            data.release();
        }
        long dropped = unread.bytes();
        session.memory().consumed(unread.take(dropped));
        if (receiveWindow != null && receiveWindow.drop(dropped)) {
            updateIsDue();
        }
    }

    private void dropQueue() {
        session.memory().unqueued(queue.drop());
    }

    /** Goes on in the map of streams, without listener, until the peer's FIN. True: it should. */
    boolean discard() {
        discarding = !finReceived;
        progressAt = session.now();
        if (receiveWindow != null) {
            receiveWindow.close();
        }
        boolean finIsOwed = !finSent;
        finSent = true;
        if (finIsOwed && !held) {
            session.outbound().empty(Frame.FIN, id);
        }
        return discarding;
    }

    /** The stream has left the session: its window's share and what is in flight are free for others. */
    void close() {
        if (receiveWindow != null) {
            receiveWindow.close();
        }
        if (sendWindow != null) {
            session.rules().inFlight(-sendWindow.inFlight());
        }
    }

    /**
     * Whether the peer has ended its direction and takes nothing: with a stock peer that may mean that it never will.
     */
    boolean isStalled(long now, long timeoutNanos) {
        return (discarding || (finReceived && queue.bytes() > 0)) && now - progressAt > timeoutNanos;
    }

    void narrowIfIdle(long now) {
        if (receiveWindow != null && !finReceived && receiveWindow.narrowIfIdle(now)) {
            updateIsDue();
        }
    }

    private void updateIsDue() {
        if (!updateDue) {
            updateDue = true;
            session.outbound().update(this);
        }
    }

    /** The UPD that is due, with the numbers of this moment; null where the stream has ended meanwhile. */
    @Nullable ByteBuf update() {
        updateDue = false;
        if (receiveWindow == null || finReceived || (reset && !discarding)) {
            return null;
        }
        receiveWindow.updateSent(session.now());
        return Frame.update(session.version(), id, receiveWindow.consumedTotal(), receiveWindow.window());
    }

    @Override
    public String toString() {
        return "stream " + Integer.toUnsignedString(id);
    }
}
