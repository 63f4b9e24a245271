package dev.culvert.common.lifecycle;

import ch.qos.logback.classic.spi.ILoggingEvent;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.KeyValuePair;

/**
 * A JSON object (RFC 8259) for each event, on a line of its own; docs/logs.md says what is in it. Logback's encoder has
 * its own names, and the fields of an event in a list further down, where log collectors do not look.
 */
final class JsonEncoder extends StringEncoder {
    private static final String HEX = "0123456789abcdef";

    private final Clock clock = new Clock(ZoneOffset.UTC);

    @Override
    String lines(ILoggingEvent event) {
        StringBuilder out = new StringBuilder(512).append('{');
        add(out, "time", clock.time(event));
        add(out, "level", event.getLevel().toString().toLowerCase(Locale.ROOT));
        add(out, "logger", event.getLoggerName());
        add(out, "thread", event.getThreadName());
        List<KeyValuePair> fields = event.getKeyValuePairs();
        if (fields != null) {
            fields.forEach(field -> add(out, field.key, field.value));
        }
        add(out, "message", event.getFormattedMessage());
        String stack = stackOf(event);
        if (!stack.isEmpty()) {
            add(out, "error", stack);
        }
        return out.append("}\n").toString();
    }

    private static void add(StringBuilder out, String key, @Nullable Object value) {
        if (out.length() > 1) {
            out.append(',');
        }
        quote(out, key);
        out.append(':');
        if (value == null || value instanceof Boolean || value instanceof Integer || value instanceof Long) {
            out.append(value);
        } else {
            quote(out, value.toString());
        }
    }

    private static void quote(StringBuilder out, String text) {
        out.append('"');
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            switch (c) {
                case '"', '\\' -> out.append('\\').append(c);
                case '\n' -> out.append("\\n");
                case '\r' -> out.append("\\r");
                case '\t' -> out.append("\\t");
                default -> {
                    if (Character.isISOControl(c)) {
                        out.append("\\u00").append(HEX.charAt(c >> 4)).append(HEX.charAt(c & 0xf));
                    } else if (Character.isHighSurrogate(c)
                            && i + 1 < text.length()
                            && Character.isLowSurrogate(text.charAt(i + 1))) {
                        out.append(c).append(text.charAt(++i));
                    } else {
                        out.append(Character.isSurrogate(c) ? '\ufffd' : c); // half a character is none in UTF-8
                    }
                }
            }
        }
        out.append('"');
    }
}
