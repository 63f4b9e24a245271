package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * How a session begins: which version is spoken, and what the two sides tell of themselves by HELLO. The client speaks
 * first, and its first byte is the version. A stock peer says no HELLO, and what it can do is taken for granted.
 *
 * <p>A client that has lost another session asks for that one in its HELLO. A server that has it answers with a HELLO
 * which names it, too, and the connection is that one's; any other HELLO begins this session.
 */
final class Handshake {
    private final MuxSession.Role role;
    private final MuxSettings settings;

    private @Nullable ProtocolVersion version;
    private OptionalInt unexpectedVersion = OptionalInt.empty();
    private boolean helloReceived;
    private Hello peer = Hello.NONE;
    /** Names the session; the server gives it, if both sides can keep a session. */
    private @Nullable Token token;

    /** What a client would rather have carried by its connection than this session. */
    private @Nullable MuxSession preferred;
    /** Bytes of that one which we had when the server was asked. */
    private long toldTotal;

    Handshake(MuxSession.Role role, MuxSettings settings) {
        this.role = role;
        this.settings = settings;
    }

    /**
     * How long the peer may take to begin. A stock client that has nothing to say yet speaks only with its first
     * keepalive.
     */
    Duration timeout() {
        boolean stock = settings.versions().stream().anyMatch(ProtocolVersion::isStock);
        Duration handshake = settings.handshakeTimeout();
        Duration silence = settings.keepalive().timeout();
        return stock && silence.compareTo(handshake) > 0 ? silence : handshake;
    }

    // ---- the version

    /** @throws IllegalStateException on a server before the client's first byte */
    ProtocolVersion version() {
        if (version == null) {
            throw new IllegalStateException("the peer has not spoken yet");
        }
        return version;
    }

    boolean hasVersion() {
        return version != null;
    }

    /** Whether both sides speak our own version, as far as is known. */
    boolean isCulvert() {
        return version == ProtocolVersion.CULVERT;
    }

    /** The first byte of a peer that speaks a version which this session does not take. */
    OptionalInt unexpectedVersion() {
        return unexpectedVersion;
    }

    /** A client speaks the one version that it has. */
    void chooseVersion() {
        version = settings.versions().iterator().next();
    }

    /** The peer's first byte has come. A client's decides, a server's has to be the same. */
    ProtocolVersion recognizeVersion(int firstByte) throws ProtocolViolation {
        ProtocolVersion spoken = ProtocolVersion.of(firstByte);
        if (spoken == null || !(version == null ? settings.versions().contains(spoken) : spoken == version)) {
            unexpectedVersion = OptionalInt.of(firstByte);
            throw new ProtocolViolation("the peer's first byte is 0x" + Integer.toHexString(firstByte)
                    + (spoken == null ? ", which is no smux" : ": it speaks " + spoken) + "; expected "
                    + (version == null ? settings.versions() : version));
        }
        version = spoken;
        return spoken;
    }

    // ---- what the peer tells

    Hello read(ByteBuf payload) throws ProtocolViolation {
        if (helloReceived) {
            throw new ProtocolViolation("a second HELLO");
        }
        helloReceived = true;
        return Hello.read(payload);
    }

    /** The session begins with this one. */
    void accept(Hello hello) {
        peer = hello;
        token = role == MuxSession.Role.SERVER && keeping(hello) != null ? Token.next() : hello.token();
    }

    /** As it was accepted; before that, and for a stock peer, what is taken for granted. */
    Hello peer() {
        return peer;
    }

    /**
     * What lets the session outlive its link, from the next byte on; null where one of the two sides does not do that.
     */
    @Nullable Resumption resumption(MemoryBudget budget, long sentBytes) {
        Hello.Keeping byPeer = keeping(peer);
        if (byPeer == null || token == null) {
            return null;
        }
        MuxSettings.Resume ours = settings.resume();
        return new Resumption(
                token,
                Math.min(ours.window().toNanos(), TimeUnit.MILLISECONDS.toNanos(byPeer.millis())),
                ours.buffer(),
                byPeer.buffer(),
                budget,
                sentBytes);
    }

    private Hello.@Nullable Keeping keeping(Hello hello) {
        return settings.resume().isOff() ? null : hello.keeping();
    }

    // ---- another session

    void prefer(MuxSession other) {
        preferred = other;
    }

    /** Whether another session is asked for. */
    boolean asks() {
        return preferred != null;
    }

    /** The peer wants another session to be carried: a client's peer only the one that it was asked for. */
    void check(Hello.Resume resume) throws ProtocolViolation {
        if (role == MuxSession.Role.CLIENT
                && (preferred == null || !preferred.token().equals(Optional.of(resume.token())))) {
            throw new ProtocolViolation("the server resumes a session that nobody has asked for");
        }
    }

    /** Whether the session that was asked for has gone on by another connection meanwhile, or has ended. */
    boolean isOvertaken() {
        return preferred != null && (!preferred.isLost() || preferred.receivedBytes() != toldTotal);
    }

    // ---- what we tell

    /** A client's first frame. */
    ByteBuf question() {
        if (preferred == null) {
            return hello(null, null);
        }
        toldTotal = preferred.receivedBytes();
        return hello(null, new Hello.Resume(preferred.token().orElseThrow(), toldTotal));
    }

    /** A server's first frame, to a HELLO that it has accepted. */
    ByteBuf answer() {
        return hello(token, null);
    }

    /** A server's first frame on the connection that carries an older session from now on. */
    ByteBuf answer(Hello.Resume older) {
        return hello(null, older);
    }

    private ByteBuf hello(@Nullable Token named, Hello.@Nullable Resume resume) {
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
                            named,
                            resume)
                    .write(tlvs);
            return Frame.withTlvs(version(), Frame.HELLO, 0, tlvs);
        } finally {
            tlvs.release();
        }
    }
}
