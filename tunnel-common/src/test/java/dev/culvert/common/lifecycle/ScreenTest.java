package dev.culvert.common.lifecycle;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class ScreenTest {
    @Test
    void whatHasNoRoomIsLeftOutAndWhatWasThereIsWipedOut() {
        assertThat(new Screen(3, 4).show(List.of("ab", "abcdef", "left out")))
                .isEqualTo("\033[Hab\033[K\nabcd\033[K\n\033[J");
    }
}
