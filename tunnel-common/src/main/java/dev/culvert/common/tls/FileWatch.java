package dev.culvert.common.tls;

import java.io.IOException;
import java.util.Optional;
import org.slf4j.Logger;

/** Has files read again: once each time that they have changed, and not where they are what is in use again. */
public final class FileWatch {
    private final Logger log;
    private final String whose;
    private String seen = "";

    /** Reads files and uses what is in them; throws with a sentence for the user, and what was in use stays. */
    public interface Reading {
        void read() throws IOException;
    }

    /**
     * Has seen none so far.
     *
     * @param log of who uses them
     * @param whose what names them in the configuration, such as {@code upstream.tls}
     */
    public FileWatch(Logger log, String whose) {
        this.log = log;
        this.whose = whose;
    }

    /**
     * Looks at them, and has them read if there is news. Blocks.
     *
     * @param now their content; empty: nobody can say, which is no news
     * @param inUse the content that what is in use was made of
     */
    public void look(Optional<String> now, String inUse, Reading reading) {
        if (isNews(now, inUse)) {
            log.info("the files of {} have changed", whose);
            read(reading);
        }
    }

    /** Has them read in any case. Blocks. */
    public void read(Reading reading) {
        try {
            reading.read();
        } catch (IOException e) {
            log.error("the files of {} cannot be used, those from before stay: {}", whose, e.getMessage());
        }
    }

    boolean isNews(Optional<String> now, String inUse) {
        if (now.isEmpty()) {
            return false;
        }
        boolean hasChanged = !now.get().equals(seen);
        seen = now.get();
        return hasChanged && !seen.equals(inUse);
    }
}
