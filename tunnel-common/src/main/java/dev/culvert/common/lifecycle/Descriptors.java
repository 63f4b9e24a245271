package dev.culvert.common.lifecycle;

import com.sun.management.UnixOperatingSystemMXBean;
import java.lang.management.ManagementFactory;

/**
 * The file descriptors of this process.
 *
 * @param open how many there are; -1 where the system does not tell
 * @param limit how many there may be
 */
record Descriptors(long open, long limit) {
    static Descriptors now() {
        return ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean system
                ? new Descriptors(system.getOpenFileDescriptorCount(), system.getMaxFileDescriptorCount())
                : new Descriptors(-1, Long.MAX_VALUE);
    }
}
