package dev.culvert.common.tls;

/** Whether files are to be read again: once each time that they have changed, and not where they are what is in use again. */
public final class FileWatch {
    private String seen = "";

    /**
     * Looks at them.
     *
     * @param now their content
     * @param inUse the content that what is in use was made of
     */
    public boolean isNews(String now, String inUse) {
        boolean hasChanged = !now.equals(seen);
        seen = now;
        return hasChanged && !now.equals(inUse);
    }
}
