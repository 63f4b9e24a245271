package dev.culvert.common.net;

/** The ports of an allow rule, both ends included; 1 to 65535. */
record PortRange(int first, int last) {
    private static final int MAX = 65535;
    static final PortRange ALL = new PortRange(1, MAX);

    PortRange {
        if (first < 1 || last > MAX || first > last) {
            throw new IllegalArgumentException("ports go from 1 to " + MAX + ", the lower one first");
        }
    }

    /** Reads {@code 443}, {@code 8000-8100} or {@code *}. */
    static PortRange parse(String text) {
        if (text.equals("*")) {
            return ALL;
        }
        int dash = text.indexOf('-');
        if (dash < 0) {
            int port = port(text);
            return new PortRange(port, port);
        }
        return new PortRange(port(text.substring(0, dash)), port(text.substring(dash + 1)));
    }

    boolean contains(int port) {
        return first <= port && port <= last;
    }

    private static int port(String text) {
        if (!text.matches("[0-9]{1,5}")) {
            throw new IllegalArgumentException("a port is a number, a range as in 8000-8100, or *");
        }
        return Integer.parseInt(text);
    }
}
