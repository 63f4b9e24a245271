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

    @Override
    protected ResourceScope currentScope() throws AllocationProhibitedException {
        return isFinalized ? FINALIZED : super.currentScope();
    }
}
