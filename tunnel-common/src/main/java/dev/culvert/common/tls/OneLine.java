package dev.culvert.common.tls;

/** Text for a log or a terminal that may hold words of a stranger: a certificate may say anything at any length. */
final class OneLine {
    private static final int LONGEST = 1000;

    private OneLine() {}

    /** The text without control characters, cut off where it is too long. */
    static String of(String text) {
        return (text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "...").replaceAll("\\p{Cc}", "?");
    }
}
