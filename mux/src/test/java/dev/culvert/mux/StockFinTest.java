package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** When a stream of a stock peer ends: what the stock library does at a FIN decides it. */
class StockFinTest {
    private static final Duration DELAY = Duration.ofMillis(250);

    /** A stock client has half-closed, and the server has answered with so many bytes and shut down. */
    private static Recorder answered(Pair pair, boolean reads, int bytes) {
        Recorder client = pair.open("question");
        client.stream().shutdownOutput();
        client.consuming = reads;
        pair.pump();
        pair.tick(Duration.ofMillis(20)); // the hold of a greeting is over
        Recorder server = pair.server.recorders.get(0);
        server.write(bytes);
        server.stream().shutdownOutput();
        pair.pump();
        return client;
    }

    @ParameterizedTest
    @EnumSource(names = "CULVERT", mode = EnumSource.Mode.EXCLUDE)
    void theEndOfAnAnswerWaitsForWhoHasEndedFirst(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            Recorder client = answered(pair, false, 1000);
            client.data.skipBytes(1000);
            if (version == ProtocolVersion.SMUX_2) {
                client.stream().consumed(500); // the first UPD: the rest may not have been read
                client.unconsumed -= 500;
                pair.pump();
            }
            pair.tick(DELAY.minusMillis(1));
            assertThat(client.events).isEmpty();

            pair.tick(Duration.ofMillis(1));
            assertThat(client.events).hasToString("fin ");
        }
    }

    @Test
    void theEndOfAnAnswerDoesNotWaitOnceAllWasRead() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.SMUX_2))) {
            assertThat(answered(pair, true, 1000).events).hasToString("fin ");
        }
    }

    @Test
    void theEndOfAnAnswerWaitsForTheUpdateThatWillCome() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.SMUX_2))) {
            Recorder client = answered(pair, false, 150_000);
            pair.tick(Duration.ofSeconds(4));
            assertThat(client.events).isEmpty();

            client.consume();
            pair.pump();
            assertThat(client.events).hasToString("fin ");
        }
    }

    @Test
    void theEndOfAnAnswerWaitsInVainForFiveSeconds() {
        try (Pair pair = new Pair(Pair.settings(ProtocolVersion.SMUX_2))) {
            Recorder client = answered(pair, false, 150_000);
            pair.tick(Duration.ofSeconds(5));

            assertThat(client.events).hasToString("fin ");
        }
    }

    @ParameterizedTest
    @EnumSource(names = "CULVERT", mode = EnumSource.Mode.EXCLUDE)
    void nothingWaitsForAPeerThatKeepsWhatItHas(ProtocolVersion version) {
        MuxSettings.StockPeer stock = MuxSettings.StockPeer.DEFAULT;
        try (Pair pair = new Pair(Pair.settings(version)
                .with(new MuxSettings.StockPeer(
                        stock.receiveBuffer(), true, stock.stallTimeout(), stock.greetingHold(), Duration.ZERO)))) {
            assertThat(answered(pair, false, 1000).events).hasToString("fin ");
        }
    }

    @ParameterizedTest
    @EnumSource(names = "CULVERT", mode = EnumSource.Mode.EXCLUDE)
    void anEndWithoutAnAnswerDoesNotWait(ProtocolVersion version) {
        try (Pair pair = new Pair(Pair.settings(version))) {
            assertThat(answered(pair, true, 0).events).hasToString("fin ");
        }
    }

    /** Before smux 1.5.54 a FIN ends both directions, so ours has to wait while an answer may come. */
    @ParameterizedTest
    @EnumSource(names = "CULVERT", mode = EnumSource.Mode.EXCLUDE)
    void aPeerWithoutHalfCloseIsToldTheEndWhenItHasFallenSilent(ProtocolVersion version) {
        MuxSettings.StockPeer stock = MuxSettings.StockPeer.DEFAULT;
        Duration silence = Duration.ofSeconds(3);
        try (Pair pair = new Pair(
                Pair.settings(version)
                        .with(new MuxSettings.StockPeer(
                                stock.receiveBuffer(), false, silence, stock.greetingHold(), DELAY)),
                Pair.settings(version))) {
            Recorder client = pair.open("question");
            client.stream().shutdownOutput();
            pair.pump();
            Recorder server = pair.server.recorders.get(0);
            pair.tick(Duration.ofSeconds(2));
            server.write("answer");
            pair.pump();
            pair.tick(Duration.ofSeconds(2));
            assertThat(server.events).isEmpty();

            pair.tick(Duration.ofSeconds(1));
            assertThat(server.events).hasToString("fin ");
            assertThat(client.text()).isEqualTo("answer");
        }
    }

    @ParameterizedTest
    @EnumSource(names = "CULVERT", mode = EnumSource.Mode.EXCLUDE)
    void nothingWaitsForTheEndOfAStreamThatHasEnded(ProtocolVersion version) {
        MuxSettings.StockPeer stock = MuxSettings.StockPeer.DEFAULT;
        try (Pair pair = new Pair(
                Pair.settings(version)
                        .with(new MuxSettings.StockPeer(
                                stock.receiveBuffer(), false, stock.stallTimeout(), stock.greetingHold(), DELAY)),
                Pair.settings(version))) {
            pair.open("question").stream().shutdownOutput();
            pair.pump();
            assertThat(pair.client.session.accounts().alarms()).isEqualTo(1);
            pair.server.recorders.get(0).stream().shutdownOutput();
            pair.pump();

            assertThat(pair.client.session.accounts()).isEqualTo(Accounts.NONE);
        }
    }
}
