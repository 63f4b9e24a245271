package dev.culvert.common.web;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.http.websocketx.BinaryWebSocketFrame;
import io.netty.handler.codec.http.websocketx.CloseWebSocketFrame;
import io.netty.handler.codec.http.websocketx.ContinuationWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PingWebSocketFrame;
import io.netty.handler.codec.http.websocketx.PongWebSocketFrame;
import io.netty.handler.codec.http.websocketx.TextWebSocketFrame;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;

class WebSocketBytesTest {
    private final EmbeddedChannel channel = new EmbeddedChannel(new WebSocketBytes());

    private static ByteBuf bytes(String text) {
        return Unpooled.copiedBuffer(text, StandardCharsets.US_ASCII);
    }

    private static String text(ByteBuf bytes) {
        String text = bytes.toString(StandardCharsets.US_ASCII);
        bytes.release();
        return text;
    }

    @Test
    void whatFramesHoldIsPassedOnAsItIs() {
        ByteBuf one = bytes("one");
        ByteBuf two = bytes("two");
        channel.writeInbound(new BinaryWebSocketFrame(false, 0, one), new ContinuationWebSocketFrame(true, 0, two));

        assertThat(channel.<Object>readInbound()).isSameAs(one);
        assertThat(channel.<Object>readInbound()).isSameAs(two);
        one.release();
        two.release();
    }

    @Test
    void eachWriteIsAFrameWithoutACopy() {
        ByteBuf one = bytes("one");
        channel.writeOutbound(one);

        BinaryWebSocketFrame frame = channel.readOutbound();
        assertThat(frame.content()).isSameAs(one);
        assertThat(frame.isFinalFragment()).isTrue();
        frame.release();
    }

    @Test
    void anEmptyWriteIsNoFrame() {
        channel.writeOutbound(Unpooled.EMPTY_BUFFER);

        assertThat(channel.<Object>readOutbound()).isSameAs(Unpooled.EMPTY_BUFFER);
    }

    @Test
    void ofThePingsOfAPeerThatDoesNotReadTheLastIsAnswered() {
        channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(1, 1));
        channel.write(bytes("waits"));
        channel.writeInbound(new PingWebSocketFrame(bytes("1")), new PingWebSocketFrame(bytes("2")));
        channel.flush();

        BinaryWebSocketFrame waited = channel.readOutbound();
        assertThat(text(waited.content())).isEqualTo("waits");
        PongWebSocketFrame pong = channel.readOutbound();
        assertThat(text(pong.content())).isEqualTo("2");
        assertThat(channel.<Object>readOutbound()).isNull();
    }

    @Test
    void aPingThatIsNeverAnsweredIsReleased() {
        channel.config().setWriteBufferWaterMark(new WriteBufferWaterMark(1, 1));
        channel.write(bytes("waits"));
        ByteBuf ping = bytes("1");
        channel.writeInbound(new PingWebSocketFrame(ping));
        channel.pipeline().removeFirst();

        assertThat(ping.refCnt()).isZero();
        channel.releaseOutbound();
    }

    @Test
    void aCloseFrameIsTheEndAndIsAnswered() {
        channel.writeInbound(new CloseWebSocketFrame(1000, ""));

        CloseWebSocketFrame answer = channel.readOutbound();
        assertThat(answer.statusCode()).isEqualTo(1000);
        answer.release();
        assertThat(channel.isOpen()).isFalse();
    }

    @Test
    void textIsRefused() {
        assertThatThrownBy(() -> channel.writeInbound(new TextWebSocketFrame("text")))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("binary messages");

        CloseWebSocketFrame answer = channel.readOutbound();
        assertThat(answer.statusCode()).isEqualTo(1003);
        answer.release();
        assertThat(channel.isOpen()).isFalse();
    }
}
