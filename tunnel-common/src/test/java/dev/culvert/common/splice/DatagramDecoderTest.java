package dev.culvert.common.splice;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class DatagramDecoderTest {
    private final List<byte[]> found = new ArrayList<>();
    private final DatagramDecoder decoder = new DatagramDecoder(this::find);

    private void find(ByteBuf datagram) {
        found.add(ByteBufUtil.getBytes(datagram));
        datagram.release();
    }

    @AfterEach
    void nothingIsLeft() {
        decoder.close();
        assertThat(decoder.held()).isZero();
    }

    private static ByteBuf bytes(int... values) {
        ByteBuf bytes = Unpooled.buffer();
        for (int value : values) {
            bytes.writeByte(value);
        }
        return bytes;
    }

    @Test
    void aLengthIsLittleEndianAndMayBeZero() {
        assertThat(decoder.decode(bytes(0, 0, 2, 0, 7, 8, 0, 0))).isTrue();

        assertThat(found).containsExactly(new byte[0], new byte[] {7, 8}, new byte[0]);
    }

    @Test
    void datagramsAreTheSameHoweverTheirBytesAreSplit() {
        for (long seed = 1; seed <= 300; seed++) {
            found.clear();
            Random random = new Random(seed);
            List<byte[]> sent = new ArrayList<>();
            ByteBuf stream = Unpooled.buffer();
            for (int i = random.nextInt(20); i >= 0; i--) {
                byte[] datagram = new byte[random.nextInt(10) == 0 ? random.nextInt(65_508) : random.nextInt(40)];
                random.nextBytes(datagram);
                sent.add(datagram);
                ByteBuf framed = Flow.frame(Unpooled.wrappedBuffer(datagram));
                stream.writeBytes(framed);
                framed.release();
            }
            while (stream.isReadable()) {
                int n = 1 + random.nextInt(Math.min(stream.readableBytes(), random.nextBoolean() ? 3 : 40_000));
                assertThat(decoder.decode(stream.readBytes(n)))
                        .as("seed %d", seed)
                        .isTrue();
            }
            stream.release();
            assertThat(found).as("seed %d", seed).containsExactlyElementsOf(sent);
        }
    }

    @Test
    void theLargestLengthIsThatOfUdpOverIpv4() {
        assertThat(decoder.decode(bytes(0xe3, 0xff))).isTrue();
        decoder.close();
        DatagramDecoder other = new DatagramDecoder(this::find);

        assertThat(other.decode(bytes(1, 0, 5, 0xe4, 0xff, 1, 2))).isFalse();
        assertThat(found).containsExactly(new byte[] {5});
    }

    @Test
    void nothingIsHeldButWhatHasComeOfOneThatIsNotWhole() {
        decoder.decode(bytes(0xe3, 0xff));
        assertThat(decoder.held()).isZero();
        decoder.decode(bytes(1, 2, 3));
        assertThat(decoder.held()).isEqualTo(3);
        decoder.decode(Unpooled.buffer().writeZero(65_504));
        assertThat(decoder.held()).isZero();
        assertThat(found).hasSize(1);
    }
}
