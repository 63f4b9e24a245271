package dev.culvert.common.tls;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

class FileWatchTest {
    private final FileWatch watch = new FileWatch(LoggerFactory.getLogger(FileWatch.class), "tls");

    @Test
    void whatIsNotUsedIsNewsOnce() {
        assertThat(watch.isNews(Optional.of("old"), "old")).isFalse();
        assertThat(watch.isNews(Optional.of("new"), "old")).isTrue();
        assertThat(watch.isNews(Optional.of("new"), "old"))
                .as("it could not be used")
                .isFalse();
        assertThat(watch.isNews(Optional.of("newer"), "old")).isTrue();
    }

    @Test
    void whatNobodyCanSayIsNoNews() {
        assertThat(watch.isNews(Optional.empty(), "old")).isFalse();
        assertThat(watch.isNews(Optional.of("new"), "old")).isTrue();
        assertThat(watch.isNews(Optional.empty(), "old")).isFalse();
        assertThat(watch.isNews(Optional.of("new"), "old")).isFalse();
    }

    /** As when it was not there for a moment. */
    @Test
    void whatIsInUseIsNoNewsWhenItIsThereAgain() {
        assertThat(watch.isNews(Optional.of("not there"), "old")).isTrue();
        assertThat(watch.isNews(Optional.of("old"), "old")).isFalse();
        assertThat(watch.isNews(Optional.of("not there"), "old")).isTrue();
    }
}
