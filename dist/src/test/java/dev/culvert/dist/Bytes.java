package dev.culvert.dist;

import java.io.IOException;
import java.io.InputStream;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;

/** Test data that can be made twice and compared by its digest. */
final class Bytes {
    private static final VarHandle LONGS = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

    private Bytes() {}

    /**
     * {@code count} bytes that look random and depend on {@code seed} only: no two blocks are alike, so order shows.
     */
    static InputStream source(long seed, long count) {
        return new InputStream() {
            private long state = seed * 0x9e3779b97f4a7c15L | 1;
            private long left = count;
            private final byte[] one = new byte[1];

            @Override
            public int read() {
                return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
            }

            @Override
            public int read(byte[] to, int offset, int length) {
                if (left == 0) {
                    return -1;
                }
                int n = (int) Math.min(left, length);
                int at = 0;
                for (; at + 8 <= n; at += 8) {
                    LONGS.set(to, offset + at, next());
                }
                for (long rest = at < n ? next() : 0; at < n; at++, rest >>>= 8) {
                    to[offset + at] = (byte) rest;
                }
                left -= n;
                return n;
            }

            private long next() {
                state ^= state << 13;
                state ^= state >>> 7;
                state ^= state << 17;
                return state;
            }
        };
    }

    static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e);
        }
    }

    /** The SHA-256 of all that is left of {@code in}. */
    static byte[] digest(InputStream in) throws IOException {
        MessageDigest digest = sha256();
        byte[] block = new byte[64 << 10];
        for (int n = in.read(block); n >= 0; n = in.read(block)) {
            digest.update(block, 0, n);
        }
        return digest.digest();
    }

    static long readLong(InputStream in) throws IOException {
        return ByteBuffer.wrap(Service.readFully(in, 8)).getLong();
    }

    static byte[] ofLong(long value) {
        return ByteBuffer.allocate(8).putLong(value).array();
    }

    static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }
}
