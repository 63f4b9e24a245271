package dev.culvert.server;

import dev.culvert.common.net.AllowList;
import dev.culvert.mux.Address;
import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.OpenRequest;
import java.net.InetSocketAddress;

/**
 * Where stock smux clients connect: every stream goes to one target. The configuration has allowed it to everybody by
 * naming it; with TLS it has to be among what the client may dial as well.
 */
record SmuxEndpoint(
        String key, HostPort listen, Address destination, boolean tls, MuxSettings settings, int mostConnections)
        implements Endpoint {
    @Override
    public String name() {
        return "smux." + key;
    }

    @Override
    public String forward(OpenRequest request) {
        return name();
    }

    @Override
    public Address target(OpenRequest request) {
        return destination;
    }

    @Override
    public boolean mayDial(AllowList allow, Address target) {
        return !tls || Endpoint.super.mayDial(allow, target);
    }

    @Override
    public boolean mayDial(AllowList allow, HostPort target, InetSocketAddress address) {
        return !tls || Endpoint.super.mayDial(allow, target, address);
    }

    @Override
    public String describe() {
        return listen + " -> " + destination;
    }

    @Override
    public String advice(int firstByte) {
        return firstByte == 0x82
                ? "Culvert clients connect to the server's listen address, or set upstream.protocol = smux-v2 to use this one"
                : "only smux versions 1 and 2 are spoken here";
    }
}
