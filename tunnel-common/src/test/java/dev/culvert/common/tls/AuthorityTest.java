package dev.culvert.common.tls;

import static dev.culvert.common.tls.Der.bitString;
import static dev.culvert.common.tls.Der.explicit;
import static dev.culvert.common.tls.Der.generalizedTime;
import static dev.culvert.common.tls.Der.integer;
import static dev.culvert.common.tls.Der.oid;
import static dev.culvert.common.tls.Der.sequence;
import static dev.culvert.common.tls.Der.set;
import static dev.culvert.common.tls.Der.utf8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.util.NetUtil;
import java.io.ByteArrayInputStream;
import java.math.BigInteger;
import java.security.GeneralSecurityException;
import java.security.Signature;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who a CA vouches for, with certificates that this test signs. */
class AuthorityTest {
    private static final Identity CA = SelfSigned.make("ca");
    private static final Identity FOREIGN_CA = SelfSigned.make("ca"); // of the same name
    private static final Identity AGENT = SelfSigned.make("agent");
    private static final String FUTURE = "99991231235959Z";
    private static final String PAST = "20200101000000Z";
    private static final byte[] NONE = new byte[0];
    /** basicConstraints, critical: a CA (RFC 5280, section 4.2.1.9). */
    private static final byte[] IS_CA = explicit(
            3, sequence(sequence(oid("2.5.29.19"), new byte[] {1, 1, -1}, new byte[] {4, 5, 0x30, 3, 1, 1, -1})));

    private final Authority authority;

    AuthorityTest() throws GeneralSecurityException {
        authority = Authority.of(List.of(certificate(CA, "ca", FUTURE, name("ca"), CA, IS_CA)));
    }

    private static X509Certificate certificate(
            Identity by, String issuer, String until, byte[] subject, Identity of, byte[] extensions)
            throws GeneralSecurityException {
        byte[] algorithm = sequence(oid("1.2.840.10045.4.3.2"));
        byte[] toSign = sequence(
                explicit(0, integer(BigInteger.TWO)),
                integer(BigInteger.TEN),
                algorithm,
                name(issuer),
                sequence(generalizedTime("20190101000000Z"), generalizedTime(until)),
                subject,
                of.chain()[0].getPublicKey().getEncoded(),
                extensions);
        Signature signature = Signature.getInstance("SHA256withECDSA");
        signature.initSign(by.key());
        signature.update(toSign);
        byte[] der = sequence(toSign, algorithm, bitString(signature.sign()));
        return (X509Certificate)
                CertificateFactory.getInstance("X.509").generateCertificate(new ByteArrayInputStream(der));
    }

    /** What the agent shows if this CA has signed for it. */
    /** An agent that the authority vouches for. */
    static Identity laptop(String until) throws GeneralSecurityException {
        return Identity.of(AGENT.key(), signed(CA, until, name("laptop")));
    }

    private static X509Certificate[] signed(Identity by, String until, byte[] subject) throws GeneralSecurityException {
        return new X509Certificate[] {certificate(by, "ca", until, subject, AGENT, NONE)};
    }

    private static byte[] part(String type, String value) {
        return set(sequence(oid(type), utf8(value)));
    }

    private static byte[] name(String commonName) {
        return sequence(part("2.5.4.3", commonName));
    }

    @Test
    void whoItHasSignedForIsAccepted() throws Exception {
        X509Certificate[] chain = signed(CA, FUTURE, name("agent.example.com"));
        authority.checkClient(chain);
        authority.checkServer(chain, "Agent.example.com");
        assertThat(Authority.names(chain[0])).containsExactly("agent.example.com");
    }

    @Test
    void aServerOfAnotherNameIsNot() throws Exception {
        X509Certificate[] chain = signed(CA, FUTURE, name("agent.example.com"));
        assertThatThrownBy(() -> authority.checkServer(chain, "example.com"))
                .isInstanceOf(UntrustedPeer.class)
                .hasMessage("the certificate is for [agent.example.com], not for example.com; if that is right, set"
                        + " server-name to one of them");
    }

    @Test
    void aStarStandsForOneLabel() throws Exception {
        X509Certificate[] chain = signed(CA, FUTURE, name("*.example.com"));
        authority.checkServer(chain, "a.example.com");
        for (String other : List.of("a.b.example.com", "example.com", ".example.com")) {
            assertThatThrownBy(() -> authority.checkServer(chain, other)).isInstanceOf(UntrustedPeer.class);
        }
    }

    @Test
    void anExpiredCertificateIsNotAccepted() throws Exception {
        X509Certificate[] chain = signed(CA, PAST, name("agent.example.com"));
        for (var check : List.<ThrowingCallable>of(
                () -> authority.checkClient(chain), () -> authority.checkServer(chain, "agent.example.com"))) {
            assertThatThrownBy(check)
                    .isInstanceOf(UntrustedPeer.class)
                    .hasMessageStartingWith(
                            "the certificate of CN=agent.example.com is not accepted by ca-file: expired, NotAfter: ");
        }
    }

    @Test
    void whatHasExpiredOrIsNotValidYetIsNamed() throws Exception {
        Identity expired = Identity.of(AGENT.key(), signed(CA, PAST, name("agent.example.com")));
        assertThat(expired.lapse(Instant.parse("2026-01-01T00:00:00Z")))
                .hasValue("the certificate of CN=agent.example.com has expired on 2020-01-01T00:00:00Z");
        assertThat(expired.lapse(Instant.parse("2019-06-01T00:00:00Z"))).isEmpty();
        assertThat(expired.lapse(Instant.parse("2018-01-01T00:00:00Z")))
                .hasValue("the certificate of CN=agent.example.com is not valid before 2019-01-01T00:00:00Z");
    }

    @Test
    void aForeignAuthorityOfTheSameNameIsNotAccepted() throws Exception {
        X509Certificate[] chain = signed(FOREIGN_CA, FUTURE, name("agent.example.com"));
        assertThatThrownBy(() -> authority.checkClient(chain)).isInstanceOf(UntrustedPeer.class);
    }

    @Test
    void aLongNameIsCutAndTheReasonIsNot() throws Exception {
        X509Certificate[] chain = signed(CA, PAST, name("x".repeat(10_000)));
        assertThatThrownBy(() -> authority.checkClient(chain))
                .hasMessageMatching("the certificate of CN=x{197}\\.\\.\\. is not accepted by ca-file: expired, .*");
    }

    @Test
    void aSelfSignedCertificateIsNotAccepted() {
        assertThatThrownBy(() -> authority.checkClient(AGENT.chain())).isInstanceOf(UntrustedPeer.class);
    }

    /** An organisation may be called anything. */
    @Test
    void aCommonNameIsNotFoundInsideOfAnotherField() throws Exception {
        byte[] subject = sequence(part("2.5.4.10", "x,CN=admin"), part("2.5.4.3", "agent"));
        assertThat(Authority.names(signed(CA, FUTURE, subject)[0])).containsExactly("agent");
    }

    @Test
    void anAddressIsTheSameHoweverItIsWritten() throws Exception {
        byte[] address = NetUtil.createByteArrayFromIpAddressString("2001:db8::1");
        byte[] shown = new byte[4 + address.length];
        System.arraycopy(new byte[] {0x30, 18, (byte) 0x87, 16}, 0, shown, 0, 4);
        System.arraycopy(address, 0, shown, 4, address.length);
        byte[] names = explicit(3, sequence(sequence(oid("2.5.29.17"), octets(shown))));
        X509Certificate[] chain = {certificate(CA, "ca", FUTURE, name("agent"), AGENT, names)};

        for (String written : List.of("2001:db8::1", "2001:DB8:0:0::1", "2001:0db8:0000:0000:0000:0000:0000:0001")) {
            authority.checkServer(chain, written);
        }
        assertThatThrownBy(() -> authority.checkServer(chain, "2001:db8::2")).isInstanceOf(UntrustedPeer.class);
    }

    /**
     * The JDK takes an IPv6 address of 32 bytes for a network, and throws what it does not declare at a mask with a
     * hole.
     */
    @Test
    void anAddressThatIsNoneNamesNobody() throws Exception {
        byte[] address = new byte[2 + 2 + 32];
        System.arraycopy(new byte[] {0x30, 34, (byte) 0x87, 32}, 0, address, 0, 4);
        address[35] = 1;
        byte[] names = explicit(3, sequence(sequence(oid("2.5.29.17"), octets(address))));
        X509Certificate[] chain = {certificate(CA, "ca", FUTURE, name("agent"), AGENT, names)};

        assertThat(Authority.names(chain[0])).isEmpty();
        assertThatThrownBy(() -> authority.checkServer(chain, "agent")).isInstanceOf(UntrustedPeer.class);
    }

    @Test
    void whereNamesCanNotBeReadTheCommonNameIsNone() throws Exception {
        byte[] cutShort = {0x30, 3, (byte) 0x82, 9, 'a'};
        byte[] names = explicit(3, sequence(sequence(oid("2.5.29.17"), octets(cutShort))));
        X509Certificate[] chain = {certificate(CA, "ca", FUTURE, name("agent"), AGENT, names)};

        assertThat(Authority.names(chain[0])).isEmpty();
    }

    private static byte[] octets(byte[] content) {
        byte[] value = new byte[2 + content.length];
        value[0] = 4;
        value[1] = (byte) content.length;
        System.arraycopy(content, 0, value, 2, content.length);
        return value;
    }

    /** Anybody can call himself anything. */
    @Test
    void whatAStrangerCallsHimselfStaysInOneShortLine() throws Exception {
        for (String name : List.of("x\n2026-11-22 INFO all is well\u001b[2J", "x".repeat(50_000))) {
            X509Certificate[] chain = signed(FOREIGN_CA, FUTURE, name(name));
            assertThatThrownBy(() -> authority.checkClient(chain))
                    .isInstanceOf(UntrustedPeer.class)
                    .message()
                    .doesNotContainPattern("\\p{Cc}")
                    .hasSizeLessThan(1100);
        }
    }

    /** The JDK tries every way through them, and these have more than a machine can try in a day. */
    @Test
    @Timeout(60)
    void aMazeOfCertificatesIsNotEntered() throws Exception {
        List<X509Certificate> maze =
                new ArrayList<>(List.of(certificate(FOREIGN_CA, "1", FUTURE, name("x"), AGENT, NONE)));
        for (int depth = 1; depth <= 5; depth++) {
            for (int width = 0; width < 40; width++) { // no two are equal: ECDSA is random
                String by = depth == 5 ? "ca" : String.valueOf(depth + 1);
                maze.add(certificate(FOREIGN_CA, by, FUTURE, name(String.valueOf(depth)), FOREIGN_CA, IS_CA));
            }
        }
        maze.add(AGENT.chain()[0]);
        assertThatThrownBy(() -> authority.checkClient(maze.toArray(new X509Certificate[0])))
                .isInstanceOf(UntrustedPeer.class)
                .hasMessage("it has shown 202 certificates; its own and those that lead to ca-file may be 6 at most");
    }
}
