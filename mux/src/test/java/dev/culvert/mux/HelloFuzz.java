package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;

/**
 * HELLO payloads that a coverage-guided fuzzer thinks of: each is read or refused, and what was read can be sent on.
 */
class HelloFuzz {
    /** Every field at its longest. */
    private static final int LONGEST = 3 + 128 + 3 * (3 + 4) + 3 + 8 + 3 + Token.BYTES + 3 + Token.BYTES + 8;

    @FuzzTest(maxDuration = "60s")
    void aHelloIsReadOrRefused(byte[] input) throws ProtocolViolation {
        ByteBuf payload = ByteBufAllocator.DEFAULT.buffer().writeBytes(input);
        ByteBuf again = ByteBufAllocator.DEFAULT.buffer();
        try {
            Hello hello;
            try {
                hello = Hello.read(payload);
            } catch (ProtocolViolation refused) {
                assertThat(refused.text()).isNotBlank();
                return;
            }
            assertThat(payload.isReadable()).isFalse();
            assertThat(ByteBufUtil.utf8Bytes(hello.software())).isLessThanOrEqualTo(128);
            assertThat(hello.window()).isBetween(0L, 0xffff_ffffL);
            assertThat(hello.maxPayload()).isBetween(1024, Frame.MAX_PAYLOAD);
            assertThat(hello.streams()).isBetween(0L, 0xffff_ffffL);

            hello.write(again);
            assertThat(again.readableBytes()).isLessThanOrEqualTo(LONGEST);
            assertThat(Hello.read(again)).isEqualTo(hello);
        } finally {
            assertThat(payload.release()).isTrue();
            assertThat(again.release()).isTrue();
        }
    }
}
