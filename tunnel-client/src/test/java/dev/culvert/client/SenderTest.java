package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

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
                .mapToObj(i -> new Sender(new InetSocketAddress("127.0.0." + i, 50_000 - i)))
                .toList();
        assertThat(alike).extracting(Sender::hashCode).containsOnly(alike.get(0).hashCode());

        Set<Sender> inOrder = new TreeSet<>(alike);
        assertThat(inOrder).hasSize(200).isEqualTo(new HashSet<>(alike));
    }

    @Test
    void familiesAreTold() {
        Sender four = new Sender(new InetSocketAddress("0.0.0.1", 53));
        Sender six = new Sender(new InetSocketAddress("::1", 53));
        assertThat(four).isNotEqualByComparingTo(six).isEqualByComparingTo(four);
    }
}
