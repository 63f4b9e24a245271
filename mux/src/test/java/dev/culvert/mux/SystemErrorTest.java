package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import org.junit.jupiter.api.Test;

class SystemErrorTest {
    @Test
    void wordsAreThoseOfTheSystem() {
        assertThat(SystemError.words(new IOException("bind(..) failed with error(-98): Address already in use")))
                .isEqualTo("Address already in use");
        assertThat(SystemError.words(
                        new IOException("recvAddress(..) failed with error(-104): Connection reset by peer;  ")))
                .isEqualTo("Connection reset by peer");
        assertThat(SystemError.words(new FileNotFoundException())).isEqualTo("No such file or directory");
        assertThat(SystemError.words(new ClosedChannelException())).contains("ClosedChannel");
    }
}
