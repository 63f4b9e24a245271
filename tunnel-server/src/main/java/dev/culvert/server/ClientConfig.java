package dev.culvert.server;

import dev.culvert.common.config.Kind;
import dev.culvert.common.config.RateConfig;
import dev.culvert.common.config.Section;
import dev.culvert.common.config.TlsConfig;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.net.AllowRule;
import dev.culvert.common.tls.Fingerprint;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * Who may connect, and what for.
 *
 * @param name what the user calls it
 * @param keys any of them will do: an old and a new one, while they are changed
 * @param names of its certificate, when a CA says who is who
 * @param allow what it may dial
 * @param offers which listeners it may take the connections of
 * @param quota how much it may ask for
 * @param rate of all its connections together
 */
record ClientConfig(
        String name,
        List<Fingerprint> keys,
        List<String> names,
        AllowList allow,
        OfferRules offers,
        Quota quota,
        RateConfig rate) {
    private static final Kind<AllowRule> ALLOW_RULE = Kind.of(
            "HOST:PORTS such as \"db.internal:5432\" or \"10.0.0.0/8:443\"",
            AllowRule.parse("localhost:1"),
            AllowRule::parse);

    /** Reads {@code clients.NAME}; what it says nothing of is as {@code otherwise} has it. */
    static ClientConfig read(String name, Section section, List<ListenerConfig> listeners, Quota otherwise) {
        boolean named = section.has("name");
        return new ClientConfig(
                name,
                named && !section.has("key") ? List.of() : section.oneOrMore("key", TlsConfig.FINGERPRINT),
                named ? section.oneOrMore("name", Kind.text()) : List.of(),
                allow(section),
                OfferRules.read(section, listeners),
                quota(section, otherwise),
                RateConfig.read(section));
    }

    static Quota quota(Section section, Quota otherwise) {
        return section.section("limits", limits -> Quota.read(limits, otherwise));
    }

    /** What may be dialled; whoever offers something need not dial anything. */
    static AllowList allow(Section section) {
        if (section.has("offers") && !section.has("allow")) {
            return AllowList.NOTHING;
        }
        return new AllowList(section.list("allow", ALLOW_RULE));
    }

    /** A few words for people; of its quota, if that is another one than usual. */
    String describe(Quota usual) {
        String who = Stream.concat(keys.stream().map(Fingerprint::toString), names.stream())
                .collect(Collectors.joining(" or "));
        return "client   " + name + ", " + who + ", " + describe(allow, offers) + rate.describeUnlessOff()
                + quota.describeUnless(usual);
    }

    /** What somebody may do, in a few words for people. */
    static String describe(AllowList allow, OfferRules offers) {
        return "may dial " + (allow.rules().isEmpty() ? "nothing" : allow)
                + (offers.isNothing() ? "" : ", may offer " + offers);
    }
}
