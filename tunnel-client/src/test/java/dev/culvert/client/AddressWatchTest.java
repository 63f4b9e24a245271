package dev.culvert.client;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.Future;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class AddressWatchTest {
    private final MockTicker ticker = Ticker.newMockTicker();
    private final EmbeddedChannel loop =
            EmbeddedChannel.builder().ticker(ticker).build();
    private final List<String> told = new ArrayList<>();

    private Future<?> watch(String address) throws Exception {
        return AddressWatch.begin(loop.eventLoop(), InetAddress.getByName(address), told::add);
    }

    private void pass() {
        ticker.advance(AddressWatch.PERIOD_MILLIS, TimeUnit.MILLISECONDS);
        loop.runScheduledPendingTasks();
    }

    @Test
    void anAddressThatIsNotHereIsNoticed() throws Exception {
        Future<?> looking = watch("203.0.113.5"); // of a block for documentation, RFC 5737

        pass();
        looking.cancel(false);
        pass();

        assertThat(told).containsExactly("this machine does not have the address 203.0.113.5 any more");
    }

    @Test
    void anAddressThatIsHereIsLeftAlone() throws Exception {
        watch("127.0.0.1");

        pass();

        assertThat(told).isEmpty();
    }
}
