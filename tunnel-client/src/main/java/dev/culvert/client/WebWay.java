package dev.culvert.client;

import dev.culvert.common.net.Sequel;
import dev.culvert.common.tls.WebTls;
import io.netty.channel.Channel;
import io.netty.util.concurrent.Promise;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * The way from a web server to the server behind it, by a WebSocket.
 *
 * @param tls to the web server; null: it speaks without
 * @param timeout for the dial and all that follows
 */
record WebWay(Location location, @Nullable WebTls tls, Duration timeout) implements Sequel {
    @Override
    public void begin(Channel channel, Promise<Channel> through) {
        WebSocketUpgrade.begin(channel, this, through);
    }

    @Override
    public Throwable overdue() {
        return new IOException(
                location + ": the web server has not led to the tunnel server within " + timeout.toMillis() + " ms");
    }
}
