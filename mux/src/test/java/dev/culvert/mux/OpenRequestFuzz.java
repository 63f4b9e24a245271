package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import io.netty.buffer.ByteBufUtil;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * SYN payloads that a coverage-guided fuzzer thinks of: each is read or refused, and what was read can be sent on. The
 * same bytes are an address in text, too.
 */
class OpenRequestFuzz {
    /** Every field at its longest. */
    private static final int LONGEST = 2 * (3 + 2 + 255 + 2) + 2 * (3 + 64) + 3;

    @FuzzTest(maxDuration = "60s")
    void aRequestIsReadOrRefused(byte[] input) throws ProtocolViolation {
        ByteBuf payload = ByteBufAllocator.DEFAULT.buffer().writeBytes(input);
        try {
            OpenRequest request = OpenRequest.read(payload);
            assertThat(payload.isReadable()).isFalse();
            assertThat(ByteBufUtil.utf8Bytes(request.connectionId())).isLessThanOrEqualTo(64);
            assertThat(ByteBufUtil.utf8Bytes(request.forward())).isLessThanOrEqualTo(64);
            travels(request);
        } catch (ProtocolViolation refused) {
            assertThat(refused.text()).isNotBlank();
        } finally {
            assertThat(payload.release()).isTrue();
        }
        parse(new String(input, StandardCharsets.UTF_8));
    }

    private static void parse(String text) {
        Address address;
        try {
            address = Address.parse(text);
        } catch (IllegalArgumentException refused) {
            assertThat(refused).hasMessageMatching("(?s).+");
            return;
        }
        travels(new OpenRequest(address, null, "", ""));
        if (address instanceof HostPort source) {
            travels(new OpenRequest(null, source, "", ""));
        }
    }

    private static void travels(OpenRequest request) {
        if (request.target() instanceof HostPort tcp) {
            isWhole(tcp);
        } else if (request.target() instanceof UnixPath unix) {
            assertThat(Address.parse(unix.toString())).isEqualTo(unix);
        }
        isWhole(request.source());
        ByteBuf payload = ByteBufAllocator.DEFAULT.buffer();
        try {
            request.write(payload);
            assertThat(payload.readableBytes()).isLessThanOrEqualTo(LONGEST);
            assertThat(OpenRequest.read(payload)).isEqualTo(request);
        } catch (ProtocolViolation e) {
            throw new AssertionError("what was read cannot be sent on", e);
        } finally {
            assertThat(payload.release()).isTrue();
        }
    }

    private static void isWhole(@Nullable HostPort address) {
        if (address != null) {
            assertThat(address.host()).hasSizeBetween(1, 255);
            assertThat(address.port()).isBetween(0, 65535);
            assertThat(HostPort.parse(address.toString())).isEqualTo(address);
        }
    }
}
