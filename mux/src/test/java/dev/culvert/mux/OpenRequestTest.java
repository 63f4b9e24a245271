package dev.culvert.mux;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OpenRequestTest {
    @ParameterizedTest
    @ValueSource(
            strings = {
                "192.0.2.1:1",
                "[2001:db8::1]:65535",
                "db.internal:5432",
                "xn--bcher-kva.example:80",
                "a:0",
                "[2001:DB8:0:0::1]:80",
                "[::ffff:192.0.2.1]:80",
                "[fe80::1%eth0]:80",
                "192.0.2.01:80"
            })
    void anAddressArrivesAsItWasWritten(String text) throws ProtocolViolation {
        OpenRequest request = new OpenRequest(HostPort.parse(text), HostPort.parse(text), "", "");
        assertThat(travel(request)).isEqualTo(request);
    }

    @Test
    void aHostMayBeAsLongAsTheFormAllows() throws ProtocolViolation {
        OpenRequest request = new OpenRequest(new HostPort("a".repeat(255), 80), null, "", "");
        assertThat(travel(request)).isEqualTo(request);
    }

    @Test
    void whatIsNotToldIsNotSent() throws ProtocolViolation {
        ByteBuf tlvs = Unpooled.buffer();
        OpenRequest.EMPTY.write(tlvs);
        assertThat(tlvs.isReadable()).isFalse();
        assertThat(OpenRequest.read(tlvs)).isEqualTo(OpenRequest.EMPTY);
    }

    @Test
    void namesOf64BytesTravel() throws ProtocolViolation {
        OpenRequest request = new OpenRequest(null, null, "ä".repeat(32), "b".repeat(64));
        assertThat(travel(request)).isEqualTo(request);
    }

    /** 64 characters, but the peer would count 128 bytes and end the session. */
    @Test
    void aNameIsMeasuredInBytes() {
        assertThatThrownBy(() -> new OpenRequest(null, null, "", "ä".repeat(64)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aNameHoldsNoControlCharacters() {
        assertThatThrownBy(() -> new OpenRequest(null, null, "a\nb", "")).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void ofTwoFieldsOfATypeTheLastCounts() throws ProtocolViolation {
        ByteBuf tlvs = Unpooled.buffer();
        Tlvs.write(tlvs, 3, "first");
        Tlvs.write(tlvs, 3, "last");
        assertThat(OpenRequest.read(tlvs).connectionId()).isEqualTo("last");
    }

    private static OpenRequest travel(OpenRequest request) throws ProtocolViolation {
        ByteBuf tlvs = Unpooled.buffer();
        request.write(tlvs);
        return OpenRequest.read(tlvs);
    }
}
