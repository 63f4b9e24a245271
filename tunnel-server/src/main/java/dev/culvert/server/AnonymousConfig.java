package dev.culvert.server;

import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.Section;
import dev.culvert.common.net.AllowList;
import java.util.List;
import java.util.Optional;

/**
 * Those who are none of the clients.
 *
 * @param allow what they may dial; empty: they do not get in, but to smux endpoints without TLS
 * @param offers which listeners they may take the connections of
 * @param quota how much all of them together may ask for
 * @param rate of all their connections together
 */
record AnonymousConfig(Optional<AllowList> allow, OfferRules offers, Quota quota, RateConfig rate) {
    /** Reads the section {@code anonymous}, if there is one. */
    static AnonymousConfig read(Section top, List<ListenerConfig> listeners, Quota otherwise) {
        return top.has("anonymous")
                ? top.section(
                        "anonymous",
                        section -> new AnonymousConfig(
                                Optional.of(ClientConfig.allow(section)),
                                OfferRules.read(section, listeners),
                                ClientConfig.quota(section, otherwise),
                                RateConfig.read(section)))
                : new AnonymousConfig(Optional.empty(), OfferRules.NOTHING, otherwise, RateConfig.OFF);
    }
}
