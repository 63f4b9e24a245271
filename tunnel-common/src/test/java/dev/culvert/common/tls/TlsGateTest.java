package dev.culvert.common.tls;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLHandshakeException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** How it is put into words that a handshake fails. */
class TlsGateTest {
    private final List<String> reasons = new ArrayList<>();
    private final EmbeddedChannel channel = channelOf(SelfSigned.make("own"));

    private EmbeddedChannel channelOf(Identity own) {
        return new EmbeddedChannel(new TlsGate(new SslHandler(engine()), own, new TlsGate.Listener() {
            @Override
            public void onTrusted(ChannelHandlerContext ctx, X509Certificate[] chain) {
                reasons.add("none");
            }

            @Override
            public void onFailed(String reason) {
                reasons.add(reason);
            }
        }));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "20200101000000Z | , and the certificate of CN=laptop has expired on 2020-01-01T00:00:00Z; renew it",
                "99991231235959Z | , with the certificate of CN=laptop; check that ca-file there vouches for it",
            })
    void whoHasACertificateOfAnAuthorityIsToldOfThat(String until, String advice) throws Exception {
        Identity own = AuthorityTest.laptop(until);
        var refused =
                new SslHandshakeCompletionEvent(new SSLHandshakeException("Received fatal alert: bad_certificate"));

        channelOf(own).pipeline().fireUserEventTriggered(refused);

        assertThat(reasons).singleElement().asString().startsWith("the peer does not accept our key " + own + advice);
    }

    private static SSLEngine engine() {
        try {
            return SSLContext.getDefault().createSSLEngine();
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /** The JDK quotes an address that is none, and anybody can show a certificate with one. */
    @Test
    void whatAStrangerHasWrittenStaysInOneShortLine() {
        String quoted =
                "Illegal character at index 8: http://x\n2026-11-22 INFO all is well\u001b[2J" + "x".repeat(50_000);
        SSLHandshakeException failure = new SSLHandshakeException("bad certificate");
        failure.initCause(new CertificateException(quoted));

        channel.pipeline().fireUserEventTriggered(new SslHandshakeCompletionEvent(failure));

        assertThat(reasons).hasSize(1);
        assertThat(reasons.get(0))
                .startsWith("TLS failed: Illegal character at index 8: http://x?2026-11-22 INFO all is well?[2Jxxx")
                .hasSizeLessThan(1100);
        assertThat(channel.isOpen()).isFalse();
    }
}
