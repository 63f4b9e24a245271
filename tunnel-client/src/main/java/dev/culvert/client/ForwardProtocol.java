package dev.culvert.client;

import java.util.Locale;

/** What local applications speak to a forward. */
enum ForwardProtocol {
    /** Whatever its target speaks. */
    TCP,
    /** UDP: the datagrams of every sender are carried to the target. */
    UDP,
    /** SOCKS version 5 (RFC 1928), where each connection says where it goes. */
    SOCKS5,
    /** HTTP's CONNECT (RFC 9110, section 9.3.6), the same. */
    HTTP_CONNECT;

    /** Whether the application says where a connection goes. */
    boolean isProxy() {
        return this == SOCKS5 || this == HTTP_CONNECT;
    }

    /** As the configuration writes it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}
