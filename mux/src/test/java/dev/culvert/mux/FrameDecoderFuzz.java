package dev.culvert.mux;

import com.code_intelligence.jazzer.junit.FuzzTest;
import dev.culvert.mux.MuxSession.Role;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import java.util.SplittableRandom;

/**
 * The same as {@link FrameDecoderFuzzTest}, with frames that a coverage-guided fuzzer thinks of. Every build runs the
 * inputs under {@code FrameDecoderFuzzInputs}; to look for more, for a minute:
 *
 * <pre>
 * JAZZER_FUZZ=1 mvn -pl mux test-compile surefire:test@fuzz -Dfuzz=FrameDecoderFuzz
 * </pre>
 *
 * <p>An input is a byte for role and version, one for how the rest is cut and what the applications do, and then the
 * bytes that the session receives after a good beginning.
 */
class FrameDecoderFuzz {
    @FuzzTest(maxDuration = "60s")
    void aSessionSurvivesWhateverIsSentToIt(byte[] input) {
        if (input.length < 3) {
            return;
        }
        Role role = (input[0] & 1) == 0 ? Role.CLIENT : Role.SERVER;
        ProtocolVersion version = switch (input[0] & 6) {
            case 0 -> ProtocolVersion.SMUX_1;
            case 2 -> ProtocolVersion.SMUX_2;
            default -> ProtocolVersion.CULVERT;
        };
        SplittableRandom random = new SplittableRandom(input[1]);
        ByteBuf bytes = Unpooled.wrappedBuffer(input, 2, input.length - 2);
        try (FuzzTarget target = new FuzzTarget(role, version, random)) {
            int piece;
            while ((piece = 1 + random.nextInt(100)) < bytes.readableBytes()) {
                target.receive(bytes.readRetainedSlice(piece));
                target.live();
            }
            target.receive(bytes);
            target.live();
        }
    }
}
