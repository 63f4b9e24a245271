package dev.culvert.common.admin;

import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.codec.http.DefaultFullHttpRequest;
import io.netty.handler.codec.http.FullHttpRequest;
import io.netty.handler.codec.http.HttpClientCodec;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpVersion;

/** The asking side of an {@link AdminServer}'s HTTP. */
final class AdminRequests {
    /** For how long to wait for a connection, and for what an agent knows without doing something for it. */
    static final int PATIENCE_SECONDS = 10;

    private static final int MOST_BODY = 64 << 20;

    private AdminRequests() {}

    /** For one channel: each answer comes to {@code answers} as a whole, which owns it. */
    static ChannelInitializer<Channel> sending(ChannelHandler answers) {
        return new ChannelInitializer<>() {
            @Override
            protected void initChannel(Channel channel) {
                channel.pipeline()
                        .addLast(new HttpClientCodec())
                        .addLast(new HttpObjectAggregator(MOST_BODY))
                        .addLast(answers);
            }
        };
    }

    static FullHttpRequest request(HttpMethod method, String path) {
        var request = new DefaultFullHttpRequest(HttpVersion.HTTP_1_1, method, path, Unpooled.EMPTY_BUFFER);
        request.headers().set(HttpHeaderNames.HOST, "localhost").set(HttpHeaderNames.CONTENT_LENGTH, 0);
        return request;
    }
}
