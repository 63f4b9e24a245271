package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.rate.Limits;
import dev.culvert.common.splice.Connections;
import dev.culvert.mux.ErrorCode;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxConnection;
import dev.culvert.mux.MuxSession;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.MuxStream;
import dev.culvert.mux.OpenRequest;
import dev.culvert.mux.ProtocolVersion;
import dev.culvert.mux.SessionListener;
import dev.culvert.mux.StreamListener;
import io.netty.buffer.ByteBuf;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.util.concurrent.Ticker;
import java.util.Optional;
import java.util.function.Consumer;
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
    private final EmbeddedChannel far = new EmbeddedChannel();
    private final SessionOffers offers = new SessionOffers(
            far.eventLoop(),
            account,
            Limits.NONE,
            new Offers(far.eventLoop(), new Connections(ticker), ticker, new OffersTest.FakeSockets()));
    private final MuxSession client = session(MuxSession.Role.CLIENT, stream -> {});
    private final EmbeddedChannel near = new EmbeddedChannel(new MuxConnection(client));

    private static MuxSession session(MuxSession.Role role, Consumer<MuxStream> onStream) {
        return new MuxSession(role, MuxSettings.of(ProtocolVersion.CULVERT), new SessionListener() {
            @Override
            public void onStream(MuxSession session, MuxStream stream) {
                onStream.accept(stream);
            }

            @Override
            public void onClosed(MuxSession session, ErrorCode code, String text) {}
        });
    }

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
        far.pipeline()
                .addLast(new MuxConnection(session(
                        MuxSession.Role.SERVER,
                        stream -> offers.take(stream.session(), stream, laptop, Optional.empty(), PEER))));
        pump();
    }

    @AfterEach
    void end() {
        logger.detachAppender(lines);
        near.finishAndReleaseAll();
        far.finishAndReleaseAll();
    }

    private void pump() {
        boolean moved = true;
        while (moved) {
            near.runPendingTasks();
            far.runPendingTasks();
            moved = move(near, far);
            moved |= move(far, near);
        }
    }

    private static boolean move(EmbeddedChannel from, EmbeddedChannel to) {
        boolean moved = false;
        for (ByteBuf bytes = from.readOutbound(); bytes != null; bytes = from.readOutbound()) {
            to.writeInbound(bytes);
            moved = true;
        }
        return moved;
    }

    private void offer(String name) {
        client.open(OpenRequest.offer(name, null, 1, false), NOBODY);
        pump();
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
