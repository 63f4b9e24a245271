package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.util.NetUtil;
import java.net.InetSocketAddress;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class SenderTest {
    @Test
    void thoseOfOneHashHaveAnOrder() {
        List<Sender> alike = IntStream.range(0, 200)
                .mapToObj(i -> sender("127.0.0." + i, 50_000 - i))
                .toList();
        assertThat(alike).extracting(Sender::hashCode).containsOnly(alike.get(0).hashCode());

        Set<Sender> inOrder = new TreeSet<>(alike);
        assertThat(inOrder).hasSize(200).isEqualTo(new HashSet<>(alike));
    }

    @Test
    void familiesAreTold() {
        Sender four = sender("0.0.0.1", 53);
        Sender six = sender("::1", 53);
        assertThat(four).isNotEqualByComparingTo(six).isEqualByComparingTo(four);
    }

    private static Sender sender(String address, int port) {
        return new Sender(new InetSocketAddress(NetUtil.createInetAddressFromIpAddressString(address), port));
    }
}
