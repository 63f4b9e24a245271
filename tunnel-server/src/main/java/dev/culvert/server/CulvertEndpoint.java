package dev.culvert.server;

import dev.culvert.common.net.AddressSet;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.OpenRequest;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where Culvert clients connect: each stream names its target, and the allow list of the client decides. */
record CulvertEndpoint(
        HostPort listen,
        boolean tls,
        AddressSet proxies,
        Optional<WebSocketConfig> webSocket,
        MuxSettings settings,
        int mostConnections)
        implements Endpoint {
    @Override
    public String name() {
        return "listen";
    }

    @Override
    public String forward(OpenRequest request) {
        return request.forward();
    }

    @Override
    public @Nullable Address target(OpenRequest request) {
        return request.target();
    }

    @Override
    public String describe() {
        return "for clients";
    }

    @Override
    public String advice(int firstByte) {
        return firstByte == 1 || firstByte == 2
                ? "stock smux clients need an endpoint of their own under smux { }; a Culvert client needs upstream.protocol = culvert"
                : "only Culvert clients connect to " + listen;
    }
}
