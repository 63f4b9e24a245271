package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.culvert.mux.HostPort;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProxyTest {
    @ParameterizedTest
    @CsvSource({
        "http://proxy.example.com:3128, http://proxy.example.com:3128",
        "http://proxy.example.com:3128/, http://proxy.example.com:3128",
        "HTTP://[2001:db8::1]:3128, http://[2001:db8::1]:3128",
        "proxy.example.com:3128, http://proxy.example.com:3128",
        "http://10.0.0.1, http://10.0.0.1:80",
        "socks5://10.0.0.1, socks5://10.0.0.1:1080",
        "socks5h://10.0.0.1:9, socks5://10.0.0.1:9",
    })
    void aUrlIsRead(String text, String printed) {
        assertThat(Proxy.parse(text, "here")).hasToString(printed);
    }

    @Test
    void aLoginIsReadAndNotPrinted() {
        Proxy proxy = Proxy.parse("http://me%40home:se+cr%3Aet:2@proxy:1", "here");

        assertThat(proxy.address()).isEqualTo(new HostPort("proxy", 1));
        assertThat(proxy.login()).isEqualTo(Optional.of(new Proxy.Login("me@home", "se+cr:et:2")));
        assertThat(proxy.toString() + proxy.login()).doesNotContain("cr:et", "home");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://me:secret@proxy:x",
                "http://me:sec ret@proxy:1",
                "http://me:secret@/",
                "http://me:secret@proxy:99999",
                "http://me:secret@proxy:1/path",
                "https://me:secret@proxy:1",
                "socks4://me:secret@proxy:1",
                "me:secret:proxy",
                "secret://",
                "http://me:%zz@secret:1",
            })
    void aBadOneIsRefusedWithoutSayingWhatIsInIt(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Proxy.parse(text, "here"))
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("sec"));
    }

    @Test
    void socksTakesOnlyWhatFitsIntoItsMessages() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Proxy.parse("socks5://m%C3%A9:secret@proxy:1", "here"))
                .withMessageContaining("up to 255 ASCII characters");
    }
}
