package dev.culvert.server;

import dev.culvert.mux.HostPort;
import dev.culvert.mux.MuxSettings;
import dev.culvert.mux.OpenRequest;
import java.net.InetSocketAddress;

/** Where stock smux clients connect: every stream goes to one target, which the configuration has allowed by naming it. */
record SmuxEndpoint(String key, HostPort listen, HostPort destination, MuxSettings settings) implements Endpoint {
    @Override
    public String name() {
        return "smux." + key;
    }

    @Override
    public String forward(OpenRequest request) {
        return name();
    }

    @Override
    public HostPort target(OpenRequest request) {
        return destination;
    }

    @Override
    public boolean mayDial(HostPort target) {
        return true;
    }

    @Override
    public boolean mayDial(HostPort target, InetSocketAddress address) {
        return true;
    }

    @Override
    public String advice(int firstByte) {
        return firstByte == 0x82
                ? "Culvert clients connect to the server's listen address, or set upstream.protocol = smux-v2 to use this one"
                : "only smux versions 1 and 2 are spoken here";
    }
}
