package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.common.lifecycle.OfferStatus;
import dev.culvert.mux.HostPort;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** Who offers what; OffersTest has what becomes of it. */
class OffersByClientTest {
    private static final HostPort OWN = new HostPort("127.0.0.1", 9001);

    private final OffersByClient offers = new OffersByClient();

    private static Offer offer(String listener, @Nullable HostPort own, String client, long process) {
        return new FakeOffer(listener, own, client, process, false, ended -> {});
    }

    private static Offer web(String client, long process) {
        return offer("web", null, client, process);
    }

    private Offer added(Offer offer) {
        offers.add(offer);
        return offer;
    }

    @Test
    void anotherProcessOfTheClientOffersTheSameByNameOrByAddress() {
        Offer name = added(offer("web", null, "a", 1));
        Offer address = added(offer("old", OWN, "a", 1));
        added(offer("rest", new HostPort("127.0.0.1", 9002), "a", 1));
        added(web("a", 2));
        added(web("b", 1));

        assertThat(offers.ofOtherProcesses(offer("web", OWN, "a", 2))).containsExactly(name, address);
    }

    @Test
    void whereTheServerListensIsNoAddressThatTwoNamesShare() {
        added(offer("mail", null, "a", 1));
        assertThat(offers.ofOtherProcesses(web("a", 2))).isEmpty();
    }

    @Test
    void whatIsOverIsNeitherFoundNorCounted() {
        Offer old = added(web("a", 1));
        offers.remove(old);

        assertThat(offers.ofOtherProcesses(web("a", 2))).isEmpty();
        assertThat(offers.status(Set.of())).isEmpty();
    }

    @Test
    void theyAreCountedByListenerAndClientInOrder() {
        added(web("b", 1));
        added(web("a", 1));
        added(web("a", 2));
        added(offer("own", OWN, "a", 1));

        assertThat(offers.status(Set.of("web", "mail")))
                .containsExactly(
                        new OfferStatus("mail", "", 0, false),
                        new OfferStatus("own", "a", 1, true),
                        new OfferStatus("web", "a", 2, false),
                        new OfferStatus("web", "b", 1, false));
    }
}
