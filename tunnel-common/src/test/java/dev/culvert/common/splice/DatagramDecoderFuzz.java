package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * What a coverage-guided fuzzer thinks of as the bytes of a flow, decoded once more by the book. The first byte says in
 * what pieces they come.
 */
class DatagramDecoderFuzz {
    @FuzzTest(maxDuration = "60s")
    void whatIsFoundIsWhatIsThereAndNothingIsKept(byte[] input) {
        if (input.length == 0) {
            return;
        }
        byte[] stream = Arrays.copyOfRange(input, 1, input.length);
        int piece = 1 + (input[0] & 0xff);
        List<byte[]> found = new ArrayList<>();
        DatagramDecoder decoder = new DatagramDecoder(datagram -> {
            found.add(ByteBufUtil.getBytes(datagram));
            datagram.release();
        });
        boolean good = true;
        for (int at = 0; at < stream.length && good; at += piece) {
            good = decoder.decode(Unpooled.copiedBuffer(stream, at, Math.min(piece, stream.length - at)));
            assertThat(decoder.held()).isBetween(0, DatagramDecoder.MOST - 1);
        }
        decoder.close();

        assertThat(decoder.held()).isZero();
        assertThat(good).isEqualTo(expected(stream, found));
    }

    /** Compares; returns whether all lengths can be. */
    private static boolean expected(byte[] stream, List<byte[]> found) {
        int at = 0;
        int n = 0;
        while (at + 2 <= stream.length) {
            int length = (stream[at] & 0xff) + 256 * (stream[at + 1] & 0xff);
            if (length > 65_507) {
                assertThat(found).hasSize(n);
                return false;
            }
            at += 2;
            if (at + length > stream.length) {
                break;
            }
            assertThat(found.get(n++)).isEqualTo(Arrays.copyOfRange(stream, at, at + length));
            at += length;
        }
        assertThat(found).hasSize(n);
        return true;
    }
}
