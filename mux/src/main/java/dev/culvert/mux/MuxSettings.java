package dev.culvert.mux;

import java.time.Duration;
import java.util.EnumSet;
import java.util.Set;

/**
 * How a session behaves. Immutable; one instance serves any number of sessions.
 *
 * @param versions as a client, the one version to speak; as a server, those to accept
 * @param software name and version that a HELLO tells; at most 128 bytes
 * @param handshakeTimeout how long the peer's HELLO may take; a stock client may take as long as the keepalive's
 *     timeout to begin, since one that opens no stream is silent until its first keepalive
 */
public record MuxSettings(
        Set<ProtocolVersion> versions,
        String software,
        Flow flow,
        Limits limits,
        Keepalive keepalive,
        StockPeer stockPeer,
        Resume resume,
        Duration handshakeTimeout) {

    public MuxSettings {
        require(!versions.isEmpty(), "a session speaks at least one version");
        versions = Set.copyOf(versions);
        require(Hello.isSoftware(software), "software has at most 128 bytes and no control characters");
        require(isPositive(handshakeTimeout), "the handshake timeout is positive");
    }

    /** The defaults, for sessions of these versions. */
    public static MuxSettings of(ProtocolVersion first, ProtocolVersion... more) {
        return new MuxSettings(
                EnumSet.of(first, more),
                "culvert",
                Flow.DEFAULT,
                Limits.DEFAULT,
                Keepalive.DEFAULT,
                StockPeer.DEFAULT,
                Resume.OFF,
                Duration.ofSeconds(10));
    }

    /** The same for sessions of these versions. */
    public MuxSettings speaking(ProtocolVersion first, ProtocolVersion... more) {
        return new MuxSettings(
                EnumSet.of(first, more), software, flow, limits, keepalive, stockPeer, resume, handshakeTimeout);
    }

    public MuxSettings with(String newSoftware, Duration newHandshakeTimeout) {
        return new MuxSettings(versions, newSoftware, flow, limits, keepalive, stockPeer, resume, newHandshakeTimeout);
    }

    public MuxSettings with(Flow newFlow) {
        return new MuxSettings(versions, software, newFlow, limits, keepalive, stockPeer, resume, handshakeTimeout);
    }

    public MuxSettings with(Limits newLimits) {
        return new MuxSettings(versions, software, flow, newLimits, keepalive, stockPeer, resume, handshakeTimeout);
    }

    public MuxSettings with(Keepalive newKeepalive) {
        return new MuxSettings(versions, software, flow, limits, newKeepalive, stockPeer, resume, handshakeTimeout);
    }

    public MuxSettings with(StockPeer newStockPeer) {
        return new MuxSettings(versions, software, flow, limits, keepalive, newStockPeer, resume, handshakeTimeout);
    }

    public MuxSettings with(Resume newResume) {
        return new MuxSettings(versions, software, flow, limits, keepalive, stockPeer, newResume, handshakeTimeout);
    }

    /**
     * Windows and buffers, all in bytes.
     *
     * @param window what a peer may send on a stream before it hears of consumption, at first; 0x82 only, a stock peer
     *     takes {@value SendWindow#STOCK_INITIAL}
     * @param maxWindow how far a window may be widened
     * @param budget most that a session holds for its applications, over all streams
     * @param sendQueue what a stream takes from its application before it is no longer writable
     * @param frameSize largest payload to send in a frame; 1 to 65535
     */
    public record Flow(int window, int maxWindow, long budget, int sendQueue, int frameSize) {
        /**
         * Frames of 32 KiB with their header fill two TLS records. A quarter of the budget is the widest window that
         * one stream alone can get.
         */
        public static final Flow DEFAULT =
                new Flow(256 << 10, 16 << 20, 64 << 20, 256 << 10, (32 << 10) - Frame.HEADER);

        public Flow {
            require(window > 0 && maxWindow >= window, "0 < window <= maxWindow");
            require(budget >= window, "the budget holds at least one window");
            require(sendQueue > 0, "the send queue is positive");
            require(frameSize > 0 && frameSize <= Frame.MAX_PAYLOAD, "a frame has 1 to 65535 bytes of payload");
        }
    }

    /**
     * What a peer may ask for.
     *
     * @param streams open at once that the peer opened; more are reset
     * @param opensPerSecond streams opened in a second, with a burst of as many; more are reset
     * @param replies frames that the peer made us queue (PONG, refusals) and does not read; more end the session
     */
    public record Limits(int streams, int opensPerSecond, int replies) {
        public static final Limits DEFAULT = new Limits(20_000, 10_000, 4_096);

        public Limits {
            require(streams >= 0 && opensPerSecond > 0 && replies > 0, "limits are positive");
        }
    }

    /**
     * How a dead peer is noticed.
     *
     * @param interval between two PING or NOP frames
     * @param timeout without any byte from the peer after which it is dead
     */
    public record Keepalive(Duration interval, Duration timeout) {
        public static final Keepalive DEFAULT = new Keepalive(Duration.ofSeconds(5), Duration.ofSeconds(15));

        public Keepalive {
            require(isPositive(interval) && interval.compareTo(timeout) < 0, "0 < interval < timeout");
        }
    }

    /**
     * How a session outlives its link, where the peer does the same.
     *
     * @param window how long a session waits for another connection, at most; zero for not at all
     * @param buffer most that is kept of what the peer has not acknowledged, bytes; then nothing new is sent
     */
    public record Resume(Duration window, int buffer) {
        /** A session ends with its link. */
        public static final Resume OFF = new Resume(Duration.ZERO, 64 << 10);

        public Resume {
            require(!window.isNegative() && buffer >= 1 << 10, "0 <= window, 1 KiB <= buffer");
        }

        boolean isOff() {
            return window.isZero();
        }
    }

    /**
     * What has to be known of a peer that runs the stock smux library, since smux does not tell it.
     *
     * @param receiveBuffer the peer's session-wide receive budget, bytes; beyond it the peer stops reading altogether.
     *     We fill three quarters of it, and the rest only by what a stream needs to make itself heard
     * @param halfClose whether the peer goes on sending after our FIN, as the stock library does since 1.5.54
     * @param stallTimeout how long data may wait for a peer that has ended its own direction: it may have closed both
     * @param greetingHold how long our first bytes on a stream that the peer opened wait for the peer's, which may not
     *     have registered the stream yet
     * @param finDelay how long our FIN waits after the last data, if the peer has ended its own direction: before
     *     1.5.58 the stock library drops at that FIN what its application has not read; zero for not at all
     */
    public record StockPeer(
            long receiveBuffer, boolean halfClose, Duration stallTimeout, Duration greetingHold, Duration finDelay) {
        public static final StockPeer DEFAULT =
                new StockPeer(4 << 20, true, Duration.ofSeconds(60), Duration.ofMillis(10), Duration.ofMillis(250));

        public StockPeer {
            require(receiveBuffer > 0 && isPositive(stallTimeout), "values are positive");
            require(!greetingHold.isNegative() && !finDelay.isNegative(), "delays are not negative");
        }
    }

    private static boolean isPositive(Duration duration) {
        return !duration.isZero() && !duration.isNegative();
    }

    private static void require(boolean condition, String otherwise) {
        if (!condition) {
            throw new IllegalArgumentException(otherwise);
        }
    }
}
