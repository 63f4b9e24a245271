package dev.culvert.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.culvert.common.config.RateConfig;
import dev.culvert.common.net.AllowList;
import dev.culvert.common.tls.Authority;
import dev.culvert.common.tls.Fingerprint;
import dev.culvert.common.tls.Identity;
import dev.culvert.common.tls.UntrustedPeer;
import io.netty.util.concurrent.Ticker;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Who somebody is, and what those are told who are nobody. */
@SuppressWarnings("NullAway.Init")
class ClientsTest {
    private static final Quota QUOTA = new Quota(10, 10, 10, 10, 1 << 20);

    @TempDir
    private Path directory;

    private Path file;
    private Fingerprint key;
    private X509Certificate[] chain;

    @BeforeEach
    void makeLaptop() throws IOException, GeneralSecurityException {
        makeChain("laptop");
    }

    private void makeChain(String commonName) throws IOException, GeneralSecurityException {
        file = directory.resolve(commonName + ".key");
        Identity.make(file, commonName);
        key = Identity.read(file, file).fingerprint();
        String text = Files.readString(file);
        String certificate = text.substring(text.indexOf("-----BEGIN CERTIFICATE"));
        chain = new X509Certificate[] {
            (X509Certificate) CertificateFactory.getInstance("X.509")
                    .generateCertificate(new ByteArrayInputStream(certificate.getBytes(StandardCharsets.US_ASCII)))
        };
    }

    private static ClientConfig known(String name, List<Fingerprint> keys, List<String> names) {
        return new ClientConfig(name, keys, names, AllowList.NOTHING, OfferRules.NOTHING, QUOTA, RateConfig.OFF);
    }

    private static Clients clients(Optional<Authority> authority, ClientConfig... configs) {
        return clients(Optional.empty(), authority, configs);
    }

    private static Clients clients(Optional<AllowList> others, Optional<Authority> authority, ClientConfig... configs) {
        return new Clients(
                List.of(configs),
                new AnonymousConfig(others, OfferRules.NOTHING, QUOTA, RateConfig.OFF),
                authority,
                new Accounts(QUOTA, Ticker.systemTicker()));
    }

    /** Whoever has signed for himself is his own authority. */
    private Optional<Authority> authority() throws IOException {
        return Optional.of(Authority.read(file));
    }

    @Test
    void aClientIsKnownByItsKey() throws Exception {
        Clients clients = clients(Optional.empty(), known("a", List.of(key), List.of()));
        assertThat(clients.identify(chain).name()).isEqualTo("a");
    }

    @Test
    void aClientIsKnownByTheNameThatAnAuthorityVouchesFor() throws Exception {
        Clients clients = clients(authority(), known("a", List.of(), List.of("laptop")));
        assertThat(clients.identify(chain).name()).isEqualTo("a");
    }

    @Test
    void aNameIsTheSameInCapitals() throws Exception {
        Clients clients = clients(authority(), known("a", List.of(), List.of("Laptop")));
        assertThat(clients.identify(chain).name()).isEqualTo("a");
    }

    @Test
    void anAddressIsTheSameHoweverItIsWritten() throws Exception {
        makeChain("2001:db8:0:0:0:0:0:1"); // as the JDK has it from a certificate
        Clients clients = clients(authority(), known("a", List.of(), List.of("2001:db8::1")));
        assertThat(clients.identify(chain).name()).isEqualTo("a");
    }

    @Test
    void anUnknownKeyIsNamed() {
        assertThatThrownBy(() -> clients(Optional.empty()).identify(chain))
                .isInstanceOf(UntrustedPeer.class)
                .hasMessage("its key " + key + " is none of those under clients; list it there to let it in");
    }

    @Test
    void aNameThatIsVouchedForAndNotListedIsNamed() throws Exception {
        Clients clients = clients(authority(), known("a", List.of(), List.of("phone")));
        assertThatThrownBy(() -> clients.identify(chain))
                .isInstanceOf(UntrustedPeer.class)
                .hasMessage("its key " + key + " is none of those under clients, nor is its name [laptop]; list one of"
                        + " them there to let it in");
    }

    @Test
    void whoeverIsNotKnownIsAnybodyWhereAnybodyMayConnect() throws Exception {
        Clients clients = clients(Optional.of(AllowList.NOTHING), authority(), known("a", List.of(), List.of("phone")));
        assertThat(clients.identify(chain).name()).isEmpty();
    }
}
