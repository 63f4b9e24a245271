package dev.culvert.client;

import java.util.Locale;

/** What is spoken where a forward listens. */
enum ForwardProtocol {
    /** TCP: every connection is carried to the target. */
    TCP,
    /** UDP: the datagrams of every sender are. */
    UDP;

    /** As the configuration writes it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
