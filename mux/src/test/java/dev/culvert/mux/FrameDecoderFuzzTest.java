package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.MuxSession.Role;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.BitSet;
import java.util.SplittableRandom;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Millions of plausible, odd and broken frames, for both roles and all versions. {@code -Dfuzz.seed=} and
 * {@code -Dfuzz.frames=} choose others and more.
 */
class FrameDecoderFuzzTest {
    private static final long SEED = Long.getLong("fuzz.seed", 20_261_122);
    private static final long FRAMES = Long.getLong("fuzz.frames", 3_000_000L) / 6;
    private static final int BATCH = 128;

    /** Plausible commands, the frequent ones more than once. */
    private static final int[] STOCK = {
        Frame.SYN, Frame.FIN, Frame.PSH, Frame.PSH, Frame.PSH, Frame.PSH, Frame.NOP, Frame.UPD
    };

    private static final int[] CULVERT = {
        Frame.SYN,
        Frame.FIN,
        Frame.PSH,
        Frame.PSH,
        Frame.PSH,
        Frame.PSH,
        Frame.PSH,
        Frame.UPD,
        Frame.SYN,
        Frame.OPENED,
        Frame.RST,
        Frame.PING,
        Frame.PONG,
        Frame.ACK,
        Frame.PSH,
        Frame.PSH,
        Frame.UPD
    };

    @ParameterizedTest
    @CsvSource({
        "SERVER, SMUX_1",
        "SERVER, SMUX_2",
        "SERVER, CULVERT",
        "CLIENT, SMUX_1",
        "CLIENT, SMUX_2",
        "CLIENT, CULVERT"
    })
    void aSessionSurvivesWhateverIsSentToIt(Role role, ProtocolVersion version) {
        System.out.println("fuzz.seed=" + SEED);
        SplittableRandom random = new SplittableRandom(SEED);
        long frames = 0;
        long violations = 0;
        while (frames < FRAMES) {
            Sender sender = new Sender(random, role, version);
            try (FuzzTarget target = new FuzzTarget(role, version, random)) {
                while (!target.session.isClosed() && frames < FRAMES) {
                    frames += BATCH;
                    sender.send(target);
                }
                violations += target.session.isClosed() ? 1 : 0;
            }
        }
        System.out.println(role + " " + version + ": " + frames + " frames, " + violations + " sessions ended");
        // Or the frames were too good to find anything, or too bad to get anywhere.
        assertThat(frames / Math.max(1, violations)).isBetween(2L * BATCH, 100L * BATCH);
    }

    private static final class Sender {
        private final SplittableRandom random;
        private final Role role;
        private final ProtocolVersion version;
        private final int[] commands;
        /**
         * Streams that it has ended: in version 0x82 another PSH would be a violation, so there is one now and then.
         */
        private final BitSet ended = new BitSet();

        private int nextId;

        Sender(SplittableRandom random, Role role, ProtocolVersion version) {
            this.random = random;
            this.role = role;
            this.version = version;
            commands = version == ProtocolVersion.CULVERT ? CULVERT : STOCK;
            nextId = role == Role.SERVER ? 3 : 2;
        }

        /** A batch of frames, spoilt now and then, in up to three pieces. */
        void send(FuzzTarget target) {
            ByteBuf out = Unpooled.buffer(64 << 10);
            int spoilt = random.nextInt(16) == 0 ? random.nextInt(BATCH) : BATCH;
            for (int i = 0; i < BATCH; i++) {
                int start = out.writerIndex();
                frame(out, target.session.token().isPresent());
                if (i == spoilt) {
                    int end = random.nextBoolean() ? start + Frame.HEADER : out.writerIndex();
                    out.setByte(start + random.nextInt(end - start), random.nextInt(256));
                }
            }
            for (int pieces = random.nextInt(3); pieces > 0; pieces--) {
                target.receive(out.readRetainedSlice(random.nextInt(1 + out.readableBytes())));
                target.live();
            }
            target.receive(out);
            target.live();
        }

        private void frame(ByteBuf out, boolean kept) {
            int command = commands[random.nextInt(commands.length)];
            int id = anyId();
            if (random.nextInt(16) > 0 && (command == Frame.SYN || command == Frame.FIN || command == Frame.RST)) {
                command = Frame.PSH; // or no stream would live long
            }
            if (command == Frame.FIN) {
                ended.set(id);
            } else if (command == Frame.PSH && ended.get(id) && random.nextInt(1000) > 0) {
                command = Frame.NOP;
            }
            if (command == Frame.UPD && version == ProtocolVersion.SMUX_1) {
                command = Frame.NOP;
            }
            if (command == Frame.ACK && !kept) {
                command = Frame.NOP;
            }
            switch (command) {
                case Frame.ACK -> {
                    Frame.writeHeader(out, version, Frame.ACK, 8, 0);
                    out.writeLongLE(random.nextInt(1000) == 0 ? random.nextLong() : random.nextInt(200));
                }
                case Frame.SYN -> {
                    int length = version == ProtocolVersion.CULVERT && random.nextInt(4) == 0 ? 7 : 0;
                    Frame.writeHeader(out, version, Frame.SYN, length, newId());
                    if (length > 0) {
                        out.writeByte(3).writeShortLE(4).writeInt(0x61626364);
                    }
                }
                case Frame.PSH -> {
                    int length = random.nextInt(1 << random.nextInt(14));
                    Frame.writeHeader(out, version, Frame.PSH, length, id);
                    out.writeZero(length);
                }
                case Frame.UPD -> {
                    Frame.writeHeader(out, version, Frame.UPD, 8, id);
                    out.writeIntLE(random.nextInt(1000) == 0 ? random.nextInt() : 0);
                    out.writeIntLE(random.nextInt(1 << 20));
                }
                case Frame.RST -> {
                    Frame.writeHeader(out, version, Frame.RST, 7, id);
                    out.writeIntLE(random.nextInt(16)).writeMedium(0x616263);
                }
                case Frame.PING, Frame.PONG -> {
                    Frame.writeHeader(out, version, command, 8, 0);
                    out.writeLongLE(random.nextLong());
                }
                case Frame.OPENED ->
                    // of a stream that it opened itself this would be the end
                    Frame.writeHeader(out, version, Frame.OPENED, 0, role == Role.SERVER ? 2 : 3);
                default -> Frame.writeHeader(out, version, command, 0, id);
            }
        }

        private int newId() {
            if (version != ProtocolVersion.CULVERT && random.nextInt(2) == 0) {
                return (role == Role.SERVER ? 3 : 2) + 2 * random.nextInt(16);
            }
            int id = nextId;
            nextId += 2;
            return id;
        }

        /** One of its last streams, or one of ours. */
        private int anyId() {
            int back = random.nextInt(16);
            return random.nextInt(4) == 0 ? (role == Role.SERVER ? 2 : 3) + 2 * back : Math.max(1, nextId - 2 * back);
        }
    }
}
