package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.culvert.mux.MuxSession.Role;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** A peer that breaks the protocol is told how and loses its session; one that is merely odd is not. */
class ViolationsTest {
    private static final MuxSettings V1 = MuxSettings.of(ProtocolVersion.SMUX_1);
    private static final MuxSettings V2 = MuxSettings.of(ProtocolVersion.SMUX_2);
    private static final MuxSettings CULVERT = MuxSettings.of(ProtocolVersion.CULVERT);

    @ParameterizedTest
    @ValueSource(
            ints = {
                Frame.SYN,
                Frame.FIN,
                Frame.PSH,
                Frame.NOP,
                Frame.UPD,
                Frame.OPENED,
                Frame.RST,
                Frame.PING,
                Frame.PONG
            })
    void nothingMayComeBeforeHello(int command) {
        int[] payload = switch (command) {
            case Frame.PSH, Frame.UPD, Frame.RST, Frame.PING, Frame.PONG -> new int[8];
            default -> new int[0];
        };
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT, false)) {
            peer.raw(command, 3, payload);

            String sentence = "protocol error: " + Frame.name(command) + " before HELLO";
            assertThat(peer.us.closed).isEqualTo(sentence);
            assertThat(peer.read()).containsExactly("CLOSE 0 " + sentence);
        }
    }

    static final List<Arguments> OPENING = List.of(
            violation("a second HELLO", RawPeer::hello),
            violation("the peer opened stream 4, which is not one of its ids", peer -> peer.syn(4)),
            violation("the peer opened stream 0, which is not one of its ids", peer -> peer.syn(0)),
            violation("the peer opened stream 5 after stream 5", peer -> {
                peer.syn(5);
                peer.syn(5);
            }),
            violation("the peer opened stream 3 after stream 5", peer -> {
                peer.syn(5);
                peer.syn(3);
            }),
            violation("the peer opened stream 3 after stream 4294967295", peer -> {
                peer.syn(-1);
                peer.syn(3);
            }),
            violation("OPENED on stream 3, which the peer itself opened", peer -> {
                peer.syn(3);
                peer.empty(Frame.OPENED, 3);
            }));

    static final List<Arguments> STREAM = List.of(
            violation("PSH after FIN on stream 3", peer -> {
                peer.syn(3);
                peer.fin(3);
                peer.psh(3, 1);
            }),
            violation("UPD tells 1 bytes consumed, after 0 and with 0 sent", peer -> {
                peer.syn(3);
                peer.upd(3, 1, 1000);
            }),
            violation("UPD tells 4 bytes consumed, after 0 and with 3 sent", peer -> {
                sent(peer, 3);
                peer.upd(3, 4, 1000);
            }));

    static final List<Arguments> LENGTHS = List.of(
            length(Frame.SYN, Frame.MAX_TLVS + 1),
            length(Frame.FIN, 1),
            length(Frame.NOP, 1),
            length(Frame.UPD, 7),
            length(Frame.UPD, 9),
            length(Frame.HELLO, Frame.MAX_TLVS + 1),
            length(Frame.OPENED, 1),
            length(Frame.RST, 3),
            length(Frame.RST, 5 + Frame.MAX_TEXT),
            length(Frame.GOAWAY, 3),
            length(Frame.GOAWAY, 5 + Frame.MAX_TEXT),
            length(Frame.CLOSE, 3),
            length(Frame.ACK, 7),
            length(Frame.PING, 7),
            length(Frame.PONG, 9),
            violation("command 0x5 of 0 bytes is not legal in culvert (0x82)", peer -> peer.raw(5, 3)),
            violation("command 0x18 of 0 bytes is not legal in culvert (0x82)", peer -> peer.raw(0x18, 3)),
            violation("command 0xff of 2 bytes is not legal in culvert (0x82)", peer -> peer.raw(0xff, 3, 1, 2)));

    static final List<Arguments> OPEN_REQUESTS = List.of(
            syn("a TLV is cut short", 3),
            syn("a TLV is cut short", 3, 1),
            syn("TLV 3 tells of 2 bytes, but 1 are there", 3, 2, 0, 'a'),
            syn("TLV 9 tells of 65535 bytes, but 0 are there", 9, 0xff, 0xff),
            syn("TLV 3 has at most 64 bytes, not 65", tlv(3, 65)),
            syn("TLV 4 has at most 64 bytes, not 65", tlv(4, 65)),
            syn("TLV 3 is not UTF-8", 3, 1, 0, 0xff),
            syn("TLV 3 holds control characters", 3, 1, 0, '\n'),
            syn("TLV 4 holds control characters", 4, 2, 0, 0xc2, 0x9b),
            syn("TLV 1 has the unknown address type 0", 1, 0, 0),
            syn("TLV 1 has the unknown address type 2", 1, 7, 0, 2, 127, 0, 0, 1, 0, 80),
            syn("TLV 1 is an address of the wrong length", 1, 6, 0, 1, 127, 0, 0, 1, 0),
            syn("TLV 2 is an address of the wrong length", 2, 8, 0, 1, 127, 0, 0, 1, 0, 80, 0),
            syn("TLV 2 is an address of the wrong length", 2, 7, 0, 4, 127, 0, 0, 1, 0, 80),
            syn("TLV 1 is an address of the wrong length", 1, 5, 0, 3, 9, 'a', 0, 80),
            syn("TLV 1 is an address of the wrong length", 1, 1, 0, 3),
            syn("TLV 1: a host has 1 to 255 characters, not 0", 1, 4, 0, 3, 0, 0, 80),
            syn("TLV 1: a host is printable ASCII", 1, 5, 0, 3, 1, ' ', 0, 80),
            syn("TLV 1: a host is printable ASCII", 1, 5, 0, 3, 1, 0xe4, 0, 80),
            syn("TLV 1: 'a:b' is neither a host name nor an IPv6 address", 1, 7, 0, 3, 3, 'a', ':', 'b', 0, 80));

    @ParameterizedTest(name = "{0}")
    @FieldSource({"OPENING", "STREAM", "LENGTHS", "OPEN_REQUESTS"})
    void endTheSessionAndAreNamed(String sentence, Consumer<RawPeer> act) {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            act.accept(peer);

            assertThat(peer.us.closed).startsWith("protocol error: " + sentence);
            assertThat(peer.read()).last().asString().startsWith("CLOSE 0 protocol error: " + sentence);
            assertThat(peer.us.wire.closed).isTrue();
            assertThat(peer.us.session.accounts()).isEqualTo(Accounts.NONE);
        }
    }

    static final List<Arguments> HELLOS = List.of(
            hello("TLV 1 has at most 128 bytes, not 129", tlv(1, 129)),
            hello("TLV 1 holds control characters", 1, 1, 0, 7),
            hello("TLV 2 has 4 bytes, not 3", 2, 3, 0, 0, 0, 0),
            hello("TLV 4 has 4 bytes, not 0", 4, 0, 0),
            hello("HELLO names a largest payload of 0 bytes", 3, 4, 0, 0, 0, 0, 0),
            hello("HELLO names a largest payload of 1023 bytes", 3, 4, 0, 0xff, 3, 0, 0),
            hello("HELLO names a largest payload of 65536 bytes", 3, 4, 0, 0, 0, 1, 0),
            hello("HELLO names a largest payload of 4294967295 bytes", 3, 4, 0, 0xff, 0xff, 0xff, 0xff),
            hello("a TLV is cut short", 1, 2));

    @ParameterizedTest(name = "{0}")
    @FieldSource("HELLOS")
    void inAHelloEndTheSessionAndAreNamed(String sentence, Consumer<RawPeer> act) {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT, false)) {
            act.accept(peer);

            assertThat(peer.us.closed).isEqualTo("protocol error: " + sentence);
            assertThat(peer.read()).containsExactly("CLOSE 0 protocol error: " + sentence);
        }
    }

    static List<Arguments> stock() {
        return List.of(
                arguments("SYN of 1 bytes is not legal in smux version 1", V1, act(peer -> peer.raw(Frame.SYN, 3, 0))),
                arguments("SYN of 1 bytes is not legal in smux version 2", V2, act(peer -> peer.raw(Frame.SYN, 3, 0))),
                arguments("FIN of 2 bytes is not legal", V2, act(peer -> peer.raw(Frame.FIN, 3, 0, 0))),
                arguments("NOP of 1 bytes is not legal", V1, act(peer -> peer.raw(Frame.NOP, 0, 0))),
                arguments("UPD of 8 bytes is not legal in smux version 1", V1, act(peer -> peer.upd(3, 0, 0))),
                arguments("UPD of 0 bytes is not legal", V2, act(peer -> peer.raw(Frame.UPD, 3))),
                arguments("command 0x5 of 0 bytes is not legal", V2, act(peer -> peer.raw(5, 3))),
                arguments("HELLO of 0 bytes is not legal in smux", V2, act(peer -> peer.raw(Frame.HELLO, 0))),
                arguments("PING of 8 bytes is not legal in smux", V1, act(peer -> peer.ping(1))),
                arguments("RST of 4 bytes is not legal in smux", V2, act(peer -> peer.raw(Frame.RST, 3, 0, 0, 0, 0))),
                arguments("the peer opened stream 2, which is not one", V1, act(peer -> peer.syn(2))),
                arguments(
                        "a frame begins with 0x1, but this session speaks smux version 2 (0x2)",
                        V2,
                        act(peer -> peer.send(Frame.empty(ProtocolVersion.SMUX_1, Frame.NOP, 0)))));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("stock")
    void ofAStockPeerEndTheSessionAndAreNamed(String sentence, MuxSettings settings, Consumer<RawPeer> act) {
        try (RawPeer peer = new RawPeer(Role.SERVER, settings)) {
            act.accept(peer);

            assertThat(peer.us.closed).startsWith("protocol error: " + sentence);
            assertThat(peer.us.wire.closed).isTrue();
        }
    }

    @Test
    void aServerMayNotOpenOddStreams() {
        try (RawPeer peer = new RawPeer(Role.CLIENT, CULVERT)) {
            peer.syn(3);
            assertThat(peer.us.closed)
                    .isEqualTo("protocol error: the peer opened stream 3, which is not one of its ids");
        }
    }

    @Test
    void whatFollowsAViolationIsIgnored() {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(4);
            peer.read();
            peer.syn(5);
            peer.psh(5, 100);
            peer.ping(1);

            assertThat(peer.us.accepted).isEmpty();
            assertThat(peer.read()).isEmpty();
        }
    }

    static Stream<Arguments> odd() {
        return Stream.of(
                violation("an unknown TLV in a SYN", peer -> peer.raw(Frame.SYN, 5, 200, 2, 0, 1, 2)),
                violation("a SYN that leaves out an id", peer -> peer.syn(7)),
                violation("an empty PSH", peer -> peer.raw(Frame.PSH, 3)),
                violation("PSH on an unknown stream", peer -> peer.psh(99, 10)),
                violation("FIN on an unknown stream", peer -> peer.fin(99)),
                violation("UPD on an unknown stream", peer -> peer.upd(99, 5, 5)),
                violation("RST on an unknown stream", peer -> peer.rst(99, ErrorCode.INTERNAL, "")),
                violation("OPENED on an unknown stream", peer -> peer.empty(Frame.OPENED, 99)),
                violation("a second FIN", peer -> {
                    peer.fin(3);
                    peer.fin(3);
                }),
                violation("a PONG that nobody asked for", peer -> peer.raw(Frame.PONG, 0, 1, 2, 3, 4, 5, 6, 7, 8)),
                violation("a UPD that is older than the last", peer -> {
                    peer.us.accepted.get(0).write(RawPeer.zeros(3));
                    peer.read();
                    peer.upd(3, 2, 1000);
                    peer.upd(3, 1, 1000);
                }),
                violation("a window of 0", peer -> peer.upd(3, 0, 0)),
                violation("a window of 4 GiB", peer -> peer.upd(3, 0, -1)),
                violation("an unknown code in a RST", peer -> peer.raw(Frame.RST, 3, 99, 0, 0, 0)));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("odd")
    void areNotWhatIsMerelyOdd(String what, Consumer<RawPeer> act) {
        try (RawPeer peer = new RawPeer(Role.SERVER, CULVERT)) {
            peer.syn(3);
            act.accept(peer);
            peer.syn(101);
            peer.psh(101, 10);

            assertThat(peer.us.session.isUp()).as(what).isTrue();
            assertThat(peer.us.recorders.get(peer.us.recorders.size() - 1).data.readableBytes())
                    .isEqualTo(10);
        }
    }

    @Test
    void aSynForAnOpenStockStreamIsIgnored() {
        try (RawPeer peer = new RawPeer(Role.SERVER, V2)) {
            peer.syn(3);
            peer.psh(3, 5);
            peer.syn(3);
            peer.psh(3, 5);

            assertThat(peer.us.accepted).hasSize(1);
            assertThat(peer.us.recorders.get(0).data.readableBytes()).isEqualTo(10);
        }
    }

    private static Arguments violation(String sentence, Consumer<RawPeer> act) {
        return arguments(sentence, act);
    }

    private static Arguments length(int command, int length) {
        return violation(
                Frame.name(command) + " of " + length + " bytes is not legal in culvert (0x82)",
                peer -> peer.raw(command, 3, new int[length]));
    }

    private static Arguments syn(String sentence, int... tlvs) {
        return violation(sentence, peer -> peer.raw(Frame.SYN, 3, tlvs));
    }

    private static Arguments hello(String sentence, int... tlvs) {
        return violation(sentence, peer -> peer.raw(Frame.HELLO, 0, tlvs));
    }

    /** A text of so many letters. */
    private static int[] tlv(int type, int length) {
        int[] tlv = new int[3 + length];
        java.util.Arrays.fill(tlv, 'a');
        tlv[0] = type;
        tlv[1] = length;
        tlv[2] = 0;
        return tlv;
    }

    /** Has the session open a stream, id 2, and the peer take so many bytes on it. */
    private static void sent(RawPeer peer, int bytes) {
        peer.syn(3);
        peer.us.accepted.get(0).write(RawPeer.zeros(bytes));
        peer.read();
    }

    private static Consumer<RawPeer> act(Consumer<RawPeer> act) {
        return act;
    }
}
