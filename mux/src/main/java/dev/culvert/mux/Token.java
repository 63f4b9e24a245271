package dev.culvert.mux;

import io.netty.buffer.ByteBuf;
import java.security.SecureRandom;

/**
 * What names a session that can be resumed: INSTANCE(8) SECRET(16). Whoever has it, and is who began the session, may
 * go on with it; so it goes over the session's own connection and nowhere else, and never into a log.
 *
 * @param instance of the process that holds the session; another process has another
 * @param high first half of the secret
 * @param low second half of the secret
 */
public record Token(long instance, long high, long low) {
    /** Bytes on the wire. */
    static final int BYTES = 24;

    private static final SecureRandom RANDOM = new SecureRandom();
    private static final long INSTANCE = RANDOM.nextLong();

    /** One that nobody can guess, of this process. */
    static Token next() {
        return new Token(INSTANCE, RANDOM.nextLong(), RANDOM.nextLong());
    }

    static Token read(ByteBuf in) {
        return new Token(in.readLongLE(), in.readLongLE(), in.readLongLE());
    }

    void write(ByteBuf out) {
        out.writeLongLE(instance).writeLongLE(high).writeLongLE(low);
    }

    @Override
    public String toString() {
        return "a session of instance " + Long.toHexString(instance);
    }
}
