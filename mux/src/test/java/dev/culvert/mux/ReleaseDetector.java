package dev.culvert.mux;

import io.netty.util.LeakPresenceDetector;

/**
 * Counts what somebody has to release. Keys of OpenSSL are none of that: a finalizer releases them with their context.
 */
public final class ReleaseDetector<T> extends LeakPresenceDetector<T> {
    private static final ResourceScope FINALIZED = new ResourceScope("finalized");

    private final boolean isFinalized;

    /** As Netty makes one; each is counted, whatever the interval. */
    public ReleaseDetector(Class<?> resource, int samplingInterval) {
        super(resource);
        isFinalized = resource.getPackageName().equals("io.netty.handler.ssl");
    }

    /** Netty looks for this one as well, and logs an error if there is none. */
    public ReleaseDetector(Class<?> resource, int samplingInterval, long maxActive) {
        this(resource, samplingInterval);
    }

    @Override
    protected ResourceScope currentScope() throws AllocationProhibitedException {
        return isFinalized ? FINALIZED : super.currentScope();
    }
}
