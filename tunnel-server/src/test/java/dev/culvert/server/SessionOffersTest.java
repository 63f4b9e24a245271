package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Connections;
import dev.culvert.common.splice.SessionPair;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.util.concurrent.Ticker;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** What becomes of an offer that may not be; OffersTest has the others. */
class SessionOffersTest {
    private static final Quota MUCH = new Quota(1000, 1000, 1000, 1000, 1 << 30);
    private static final HostPort PEER = new HostPort("192.0.2.1", 1);

    private final Ticker ticker = Ticker.newMockTicker();
    private final Account account = new Account("client laptop", MUCH, null, ticker);
    private final Client laptop = new Client("laptop", AllowList.NOTHING, OfferRules.NOTHING, account);
    private final Logger logger = (Logger) LoggerFactory.getLogger(Refusals.class);
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();
    private final SessionPair sessions =
            new SessionPair(stream -> this.offers.take(stream.session(), stream, laptop, Optional.empty(), PEER));
    private final SessionOffers offers = new SessionOffers(
            sessions.far.eventLoop(),
            account,
            Limits.NONE,
            new Offers(sessions.far.eventLoop(), new Connections(ticker), ticker, new OffersTest.FakeSockets()));

    private static final StreamListener NOBODY = new StreamListener() {
        @Override
        public void onData(MuxStream stream, ByteBuf data) {
            data.release();
        }

        @Override
        public void onFin(MuxStream stream) {}

        @Override
        public void onReset(MuxStream stream, ErrorCode code, String text) {}
    };

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
        sessions.client.open(OpenRequest.offer(name, null, 1, false), NOBODY);
        sessions.pump();
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
}
