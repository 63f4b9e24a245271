package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SendWindowTest {
    @Test
    void theExampleOfTheJavadocHolds() throws ProtocolViolation {
        SendWindow window = new SendWindow(100);
        check(window, 0, 100);
        window.sent(80);
        check(window, 80, 20);
        window.sent(20);
        check(window, 100, 0);
        assertThat(window.update(60, 100)).isEqualTo(60);
        check(window, 40, 60);
        assertThat(window.update(60, 30)).isZero();
        check(window, 40, 0);
        assertThat(window.update(100, 30)).isEqualTo(40);
        check(window, 0, 30);
    }

    @Test
    void sentAndConsumedWrapAround() throws ProtocolViolation {
        SendWindow window = new SendWindow(1 << 30);
        long total = 0;
        for (int i = 0; i < 9; i++) { // 4.5 GiB in all
            window.sent(1 << 29);
            total += 1 << 29;
            check(window, 1 << 29, 1 << 29);
            assertThat(window.update((int) total, 1 << 30)).isEqualTo(1 << 29);
        }
        check(window, 0, 1 << 30);
    }

    @Test
    void anUpdateAcrossTheWrapIsNoViolation() throws ProtocolViolation {
        SendWindow window = new SendWindow(1000);
        forward(window, 0xffff_ff00L);
        window.sent(1000);

        assertThat(window.update((int) (0xffff_ff00L + 600), 1000)).isEqualTo(600);
        check(window, 400, 600);
    }

    @Test
    void moreConsumedThanSentIsAViolation() {
        SendWindow window = new SendWindow(100);
        window.sent(80);

        assertThatThrownBy(() -> window.update(81, 100))
                .isInstanceOf(ProtocolViolation.class)
                .hasMessage("UPD tells 81 bytes consumed, after 0 and with 80 sent");
    }

    @Test
    void anUpdateThatIsOlderThanTheLastChangesNothing() throws ProtocolViolation {
        SendWindow window = new SendWindow(100);
        window.sent(80);
        window.update(50, 100);

        assertThat(window.update(49, 1000)).isZero();
        check(window, 30, 70);
    }

    @Test
    void anUpdateFromBeforeTheWrapIsOlder() throws ProtocolViolation {
        SendWindow window = new SendWindow(1000);
        forward(window, 0xffff_ff00L);
        window.sent(1000);
        window.update(100, 1000);

        assertThat(window.update(0xffff_ffff, 1000)).isZero();
        check(window, 644, 356);
    }

    @Test
    void aViolationChangesNothing() throws ProtocolViolation {
        SendWindow window = new SendWindow(100);
        window.sent(80);
        assertThatThrownBy(() -> window.update(81, 1000)).isInstanceOf(ProtocolViolation.class);

        check(window, 80, 20);
    }

    @Test
    void aWindowBeyondWhatTheArithmeticCanTellIsClamped() throws ProtocolViolation {
        assertThat(new SendWindow(0xffff_ffffL).available()).isEqualTo(Integer.MAX_VALUE);
        SendWindow window = new SendWindow(0);
        window.update(0, 0xffff_ffffL);
        assertThat(window.available()).isEqualTo(Integer.MAX_VALUE);
    }

    @Test
    void itIsUpdatedFromTheFirstUpdateOn() throws ProtocolViolation {
        SendWindow window = new SendWindow(100);
        assertThat(window.updated()).isFalse();
        window.update(0, 100);
        assertThat(window.updated()).isTrue();
    }

    private static void forward(SendWindow window, long bytes) throws ProtocolViolation {
        long total = 0;
        while (total < bytes) {
            int step = (int) Math.min(1 << 30, bytes - total);
            window.sent(step);
            total += step;
            window.update((int) total, 1000);
        }
    }

    private static void check(SendWindow window, int inFlight, int available) {
        assertThat(window.inFlight()).isEqualTo(inFlight);
        assertThat(window.available()).isEqualTo(available);
    }
}
