package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.culvert.mux.MuxConnection;
import io.netty.channel.MaxMessagesRecvByteBufAllocator;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SessionSocketTest {
    @TempDir
    private Path sysctl;

    private void write(String name, String content) throws IOException {
        Path file = sysctl.resolve(name);
        Files.createDirectories(file.getParent());
        Files.writeString(file, content);
    }

    @ParameterizedTest
    @CsvSource({
        "212992, 4096 16384 4194304, false", // a kernel that nobody has tuned
        "2097152, 4096 16384 4194304, false",
        "4194304, 4096 16384 4194304, true",
        "4194304, 4096\t16384\t33554432, false",
        "many, 4096 16384 4194304, false",
        "4194304, '', false",
    })
    void aBufferOfOurOwnIsChosenWhereItCanBeTheLargerOne(String most, String own, boolean mayGrow) throws IOException {
        write("net/core/wmem_max", most + "\n");
        write("net/ipv4/tcp_wmem", own + "\n");

        assertThat(SessionSocket.mayGrow(new Sysctl(sysctl))).isEqualTo(mayGrow);
    }

    @Test
    void whereTheKernelDoesNotTellNothingIsChosen() {
        assertThat(SessionSocket.mayGrow(new Sysctl(sysctl))).isFalse();
    }

    @ParameterizedTest
    @CsvSource({
        "0, 1",
        "12_500_000, 1", // 100 Mbit/s
        "125_000_000, 7",
        "1_250_000_000, 64",
        "9_223_372_036_854_775_807, 64",
    })
    void whatTheKernelIsGivenAheadGrowsWithThePath(String bytesPerSecond, int lowWaters) {
        assertThat(SessionSocket.unsent(Long.parseLong(bytesPerSecond.replace("_", ""))))
                .isEqualTo(lowWaters * MuxConnection.UNSENT_LOW_WATER);
    }

    @ParameterizedTest
    @CsvSource({
        "0, 2147483647", // nobody knows the rate
        "60_000, 4_096", // 0.5 Mbit/s
        "2_500_000, 12_500", // 20 Mbit/s
        "12_500_000, 62_500", // 100 Mbit/s
        "25_000_000, 2147483647", // 200 Mbit/s: the kernel does not take as much by itself
    })
    void onASlowPathTheKernelIsGivenLittleAtATime(String bytesPerSecond, String ahead) {
        assertThat(SessionSocket.ahead(Long.parseLong(bytesPerSecond.replace("_", ""))))
                .isEqualTo(Integer.parseInt(ahead.replace("_", "")));
    }

    @Test
    void aSocketIsFitted() {
        assumeTrue(Epoll.isAvailable());
        EpollSocketChannel channel = new EpollSocketChannel();
        try {
            int before = channel.config().getSendBufferSize();
            new SessionSocket(Duration.ofSeconds(20)).fit(channel);

            assertThat(channel.config().getOption(EpollChannelOption.TCP_USER_TIMEOUT))
                    .isEqualTo(20_000);
            assertThat(channel.config().getOption(EpollChannelOption.TCP_NOTSENT_LOWAT))
                    .isEqualTo(MuxConnection.UNSENT_LOW_WATER);
            MaxMessagesRecvByteBufAllocator reads = channel.config().getRecvByteBufAllocator();
            assertThat(reads.maxMessagesPerRead()).isEqualTo(2);
            if (SessionSocket.mayGrow(Sysctl.KERNEL)) {
                assertThat(channel.config().getSendBufferSize()).isGreaterThan(before);
            } else {
                assertThat(channel.config().getSendBufferSize()).isEqualTo(before);
            }
        } finally {
            channel.unsafe().closeForcibly();
        }
    }

    /** Without a bound on what is unsent, a large buffer would make streams wait for each other. */
    @Test
    void aSocketThatHasNoLowWaterMarkKeepsItsBuffer() {
        NioSocketChannel channel = new NioSocketChannel();
        try {
            int before = channel.config().getSendBufferSize();
            new SessionSocket(Duration.ofSeconds(20)).fit(channel);

            assertThat(channel.config().getSendBufferSize()).isEqualTo(before);
        } finally {
            channel.unsafe().closeForcibly();
        }
    }
}
