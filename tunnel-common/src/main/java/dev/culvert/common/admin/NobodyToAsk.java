package dev.culvert.common.admin;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * No agent can be asked: none runs, or the one that does has no address for that. The message is a sentence for the
 * user.
 */
public final class NobodyToAsk extends IOException {
    private static final long serialVersionUID = 1;

    public NobodyToAsk(String message, @Nullable Throwable cause) {
        super(message, cause);
    }
}
