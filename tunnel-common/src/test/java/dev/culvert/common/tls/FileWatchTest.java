package dev.culvert.common.tls;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class FileWatchTest {
    private final FileWatch watch = new FileWatch();

    @Test
    void whatIsNotUsedIsNewsOnce() {
        assertThat(watch.isNews("old", "old")).isFalse();
        assertThat(watch.isNews("new", "old")).isTrue();
        assertThat(watch.isNews("new", "old")).as("it could not be used").isFalse();
        assertThat(watch.isNews("newer", "old")).isTrue();
    }

    /** As when it could not be read for a moment. */
    @Test
    void whatIsInUseIsNoNewsWhenItIsThereAgain() {
        assertThat(watch.isNews("cannot read it", "old")).isTrue();
        assertThat(watch.isNews("old", "old")).isFalse();
        assertThat(watch.isNews("cannot read it", "old")).isTrue();
    }
}
