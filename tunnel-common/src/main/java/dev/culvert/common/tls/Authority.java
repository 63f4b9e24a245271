package dev.culvert.common.tls;

import io.netty.util.NetUtil;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.CertificateExpiredException;
import java.security.cert.CertificateNotYetValidException;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import javax.naming.InvalidNameException;
import javax.naming.ldap.LdapName;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;

/**
 * A certificate authority, or several: who they have signed for is who the certificate says (RFC 5280, section 6). Any
 * thread.
 */
public final class Authority {
    private static final String SUBJECT_ALT_NAME = "2.5.29.17";
    private static final int DNS_NAME = 2;
    private static final int IP_ADDRESS = 7;
    /** Of what a message tells, characters: anybody may call himself anything. */
    private static final int MAX_SUBJECT = 200;

    /** The JDK looks for every way through what a peer has shown, and there may be more than it can try in a day. */
    private static final int MOST_SHOWN = 6;

    private static final String CLOCK = "; or the clock here is wrong, see `timedatectl`";

    private final X509TrustManager manager;

    private Authority(X509TrustManager manager) {
        this.manager = manager;
    }

    /**
     * Reads the certificates of the authorities from a PEM file. Blocks.
     *
     * @throws IOException with a sentence for the user
     */
    public static Authority read(Path file) throws IOException {
        return of(Identity.readCertificates(file));
    }

    static Authority of(List<X509Certificate> roots) {
        try {
            KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
            store.load(null, null);
            for (X509Certificate root : roots) {
                store.setCertificateEntry("ca-" + store.size(), root);
            }
            TrustManagerFactory factory = TrustManagerFactory.getInstance("PKIX");
            factory.init(store);
            return new Authority((X509TrustManager) factory.getTrustManagers()[0]);
        } catch (GeneralSecurityException | IOException e) {
            throw new IllegalStateException("an empty key store takes any certificate", e);
        }
    }

    /** Returns if a client's certificate leads to the authority, and is valid now. */
    public void checkClient(X509Certificate[] chain) throws UntrustedPeer {
        checkLength(chain);
        try {
            manager.checkClientTrusted(chain, "UNKNOWN"); // TLS 1.3 has no such types
        } catch (CertificateException e) {
            throw untrusted(chain, e);
        }
    }

    /** Returns if a server's certificate leads to the authority, is valid now, and names the host. */
    public void checkServer(X509Certificate[] chain, String host) throws UntrustedPeer {
        checkLength(chain);
        try {
            manager.checkServerTrusted(chain, "UNKNOWN");
        } catch (CertificateException e) {
            throw untrusted(chain, e);
        }
        List<String> names = names(chain[0]);
        if (names.stream().noneMatch(name -> matches(name, host))) {
            throw new UntrustedPeer("the certificate is for " + names + ", not for " + host
                    + "; if that is right, set server-name to one of them");
        }
    }

    private static void checkLength(X509Certificate[] chain) throws UntrustedPeer {
        if (chain.length > MOST_SHOWN) {
            throw new UntrustedPeer("it has shown " + chain.length
                    + " certificates; its own and those that lead to ca-file may be " + MOST_SHOWN + " at most");
        }
    }

    private static UntrustedPeer untrusted(X509Certificate[] chain, CertificateException e) {
        String subject = chain[0].getSubjectX500Principal().toString();
        return new UntrustedPeer("the certificate of "
                + (subject.length() > MAX_SUBJECT ? subject.substring(0, MAX_SUBJECT) + "..." : subject)
                + " is not accepted by ca-file: " + reason(e));
    }

    private static String reason(Throwable failure) {
        Throwable root = failure;
        while (root.getCause() != null) {
            root = root.getCause();
        }
        if (root instanceof CertificateExpiredException) {
            return "expired, " + root.getMessage() + CLOCK;
        } else if (root instanceof CertificateNotYetValidException) {
            return "not valid yet, " + root.getMessage() + CLOCK;
        }
        return String.valueOf(root.getMessage());
    }

    /**
     * The DNS names and addresses of a certificate (subjectAltName); its common name counts only where there are none.
     */
    public static List<String> names(X509Certificate certificate) {
        List<String> names = new ArrayList<>();
        try {
            Collection<List<?>> alternatives = certificate.getSubjectAlternativeNames();
            if (alternatives == null && certificate.getExtensionValue(SUBJECT_ALT_NAME) != null) {
                return List.of(); // there is one that cannot be read
            } else if (alternatives != null) {
                for (List<?> alternative : alternatives) {
                    int kind = (Integer) alternative.get(0);
                    if ((kind == DNS_NAME || kind == IP_ADDRESS) && alternative.get(1) instanceof String name) {
                        names.add(name);
                    }
                }
            }
        } catch (CertificateParsingException | RuntimeException e) { // of the latter the JDK tells nobody
            return List.of(); // nobody, then
        }
        String commonName = commonName(certificate);
        if (names.isEmpty() && commonName != null) {
            names.add(commonName);
        }
        return names;
    }

    private static @Nullable String commonName(X509Certificate certificate) {
        try {
            return new LdapName(certificate.getSubjectX500Principal().getName())
                    .getRdns().stream()
                            .filter(part -> part.getType().equalsIgnoreCase("CN"))
                            .map(part -> String.valueOf(part.getValue()))
                            .findFirst()
                            .orElse(null);
        } catch (InvalidNameException e) {
            return null;
        }
    }

    /**
     * A name as it is compared: there are many ways to write an address, and a DNS name may be in capitals. Resolves
     * nothing.
     */
    public static String canonical(String name) {
        InetAddress address = NetUtil.createInetAddressFromIpAddressString(name);
        return address == null ? name.toLowerCase(Locale.ROOT) : NetUtil.toAddressString(address);
    }

    /** A name of a certificate may begin with {@code *.}, which stands for one label (RFC 6125, section 6.4.3). */
    private static boolean matches(String name, String host) {
        String pattern = canonical(name);
        String wanted = canonical(host);
        int dot = wanted.indexOf('.');
        return pattern.equals(wanted)
                || (pattern.startsWith("*.")
                        && dot > 0
                        && !NetUtil.isValidIpV4Address(wanted)
                        && pattern.substring(1).equals(wanted.substring(dot)));
    }
}
