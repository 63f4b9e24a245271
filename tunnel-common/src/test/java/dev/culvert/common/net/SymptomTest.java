package dev.culvert.common.net;

import static org.assertj.core.api.Assertions.assertThat;

import io.netty.channel.ChannelException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.net.BindException;
import java.net.ConnectException;
import java.net.NoRouteToHostException;
import java.net.SocketException;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class SymptomTest {
    static Stream<Arguments> exceptions() {
        return Stream.of(
                Arguments.of(Symptom.REFUSED, new ConnectException("Connection refused")),
                Arguments.of(
                        Symptom.REFUSED, new ConnectException("f(..) failed with error(-111): Verbindung abgelehnt")),
                Arguments.of(Symptom.RESET, new SocketException("Connection reset")),
                Arguments.of(Symptom.RESET, new ConnectException("f(..) failed with error(-104): x")),
                Arguments.of(Symptom.NO_ANSWER, new ConnectException("Connection timed out")),
                Arguments.of(Symptom.NO_ANSWER, new ConnectException("f(..) failed with error(-110): Zeit abgelaufen")),
                Arguments.of(Symptom.NO_ROUTE, new NoRouteToHostException()),
                Arguments.of(Symptom.NO_ROUTE, new SocketException("Network is unreachable")),
                Arguments.of(Symptom.NO_LOCAL_ADDRESS, new BindException("Cannot assign requested address")),
                Arguments.of(Symptom.NO_LOCAL_ADDRESS, new ConnectException("f(..) failed with error(-99): x")),
                Arguments.of(Symptom.NOT_PERMITTED, new ConnectException("f(..) failed with error(-13): x")),
                Arguments.of(Symptom.NOT_PERMITTED, new IOException("f(..) failed with error(-1): x")),
                Arguments.of(Symptom.NO_FILE, new FileNotFoundException()),
                Arguments.of(Symptom.BUSY, new ConnectException("f(..) failed with error(-11): x")),
                Arguments.of(Symptom.NO_DESCRIPTOR, new SocketException("Too many open files")),
                Arguments.of(Symptom.NO_DESCRIPTOR, new IOException("f(..) failed with error(-23): x")),
                Arguments.of(Symptom.NO_DESCRIPTOR, new IOException("f(..) failed with error(-24): x")),
                Arguments.of(Symptom.NO_DESCRIPTOR, new ChannelException(new IOException("Too many open files"))));
    }

    @ParameterizedTest(name = "{0}: {1}")
    @MethodSource("exceptions")
    void anExceptionIsRecognised(Symptom symptom, Throwable exception) {
        assertThat(Symptom.of(exception)).isEqualTo(symptom);
    }

    @Test
    void anUnknownExceptionIsNone() {
        assertThat(Symptom.of(new IOException("f(..) failed with error(-5): Input/output error")))
                .isNull();
    }
}
