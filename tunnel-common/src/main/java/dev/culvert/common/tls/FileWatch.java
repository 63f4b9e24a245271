package dev.culvert.common.tls;

import java.util.Optional;

/** Whether files are to be read again: once each time that they have changed, and not where they are what is in use again. */
public final class FileWatch {
    private String seen = "";

    /**
     * Looks at them.
     *
     * @param now their content; empty: nobody can say, which is no news
     * @param inUse the content that what is in use was made of
     */
    public boolean isNews(Optional<String> now, String inUse) {
        if (now.isEmpty()) {
            return false;
        }
        boolean hasChanged = !now.get().equals(seen);
        seen = now.get();
        return hasChanged && !seen.equals(inUse);
    }
}
