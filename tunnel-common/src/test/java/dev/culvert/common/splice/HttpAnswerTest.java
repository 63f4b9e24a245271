package dev.culvert.common.splice;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.culvert.mux.ErrorCode;
import io.netty.buffer.ByteBuf;
import io.netty.channel.embedded.EmbeddedChannel;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HttpAnswerTest {
    @ParameterizedTest
    @CsvSource({
        "CANCELLED, 502",
        "PROTOCOL_ERROR, 502",
        "INTERNAL, 502",
        "REFUSED, 503",
        "FORBIDDEN, 403",
        "CONNECTION_REFUSED, 502",
        "UNREACHABLE, 502",
        "NAME_NOT_FOUND, 502",
        "TIMEOUT, 504",
        "CONNECTION_RESET, 502",
        "FLOW_CONTROL, 502",
        "LIMIT_REACHED, 503",
        "DRAINING, 503",
    })
    void whyATargetIsNotReachedHasAStatusAndASentence(ErrorCode code, int status) {
        EmbeddedChannel channel = new EmbeddedChannel();
        HttpAnswer.INSTANCE.refused(channel, code, "because");

        ByteBuf said = channel.readOutbound();
        assertThat(said.toString(UTF_8)).startsWith("HTTP/1.1 " + status + " ").endsWith("\r\n\r\nbecause\n");
        said.release();
        assertThat(channel.isOpen()).isFalse();
    }
}
