package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.net.ListenRule;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.SessionPair;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.MockTicker;
import io.netty.util.concurrent.Ticker;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What becomes of an offer that may not be; OffersTest has the others. */
class SessionOffersTest {
    private static final Quota MUCH = new Quota(1000, 10_000, 10_000, 1000, 1 << 30);
    private static final OfferRules LOOPBACK = new OfferRules(List.of(), List.of(ListenRule.parse("127.0.0.1:*")));
    private static final HostPort PEER = new HostPort("192.0.2.1", 1);

    private final MockTicker ticker = Ticker.newMockTicker();
    private final Account account = new Account("client laptop", MUCH, null, ticker);
    private final Client laptop = new Client("laptop", AllowList.NOTHING, LOOPBACK, account);
    private final Logger logger = (Logger) LoggerFactory.getLogger(Refusals.class);
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
    private final SessionPair sessions =
            new SessionPair(stream -> this.offers.take(stream.session(), stream, laptop, Optional.empty(), PEER));
    private final SessionOffers offers = new SessionOffers(
            sessions.far.eventLoop(),
            account,
            Limits.NONE,
            new Offers(sessions.far.eventLoop(), new Connections(ticker), ticker, new OffersTest.FakeSockets()));

    private final List<String> refusals = new ArrayList<>();
    private final StreamListener client = new StreamListener() {
        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            data.release();
        }

        @Override
        public void onFin(MuxStream stream) {}

        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {
            refusals.add(code + ": " + text);
        }
    };
    private int port;

    @BeforeEach
    void begin() {
        lines.start();
        logger.addAppender(lines);
    }

    @AfterEach
    void end() {
        logger.detachAppender(lines);
        sessions.close();
    }

    private void offer(String name) {
        offer(name, null);
    }

    private void offer(String name, @Nullable HostPort listen) {
        sessions.client.open(OpenRequest.offer(name, listen, 1, false), client);
        sessions.pump();
    }

    /** Something else each time. */
    private void offerMore(int count) {
        for (int i = 0; i < count; i++) {
            port++;
            offer("web" + port, new HostPort("127.0.0.1", port));
        }
    }

    @Test
    void aRefusalThatRepeatsIsLoggedOnce() {
        offer("web");
        offer("web");
        offer("mail");
        offer("web");

        String refused =
                "listen: refused a stream of laptop@192.0.2.1:1: forbidden: nothing in offers of laptop covers ";
        assertThat(lines.list)
                .extracting(ILoggingEvent::getFormattedMessage)
                .containsExactly(refused + "web", refused + "mail");
        assertThat(offers.size()).isZero();
    }

    @Test
    void aSessionHasAThousandOffers() {
        offerMore(1_000);
        assertThat(refusals).isEmpty();
        offerMore(1);
        assertThat(refusals).containsExactly("limit reached: this session has 1000 offers, the most it may have");
        assertThat(offers.size()).isEqualTo(1_000);
    }

    @Test
    void aClientOffersAThousandTimesInASecondWhateverBecomesOfIt() {
        for (int i = 0; i < 1_000; i++) {
            assertThat(account.offer()).isNull();
        }
        offerMore(1);
        assertThat(refusals)
                .containsExactly("limit reached: client laptop has 1000 offers in a second, the most it may have");
        ticker.advance(1, TimeUnit.MILLISECONDS);
        offerMore(1);
        assertThat(refusals).hasSize(1);
        assertThat(offers.size()).isOne();
    }
}
