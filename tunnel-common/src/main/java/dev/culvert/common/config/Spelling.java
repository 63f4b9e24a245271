package dev.culvert.common.config;

import java.util.Collection;
import java.util.Comparator;
import java.util.Optional;

/** Finds the word that somebody probably meant. */
public final class Spelling {
    private Spelling() {}

    /**
     * The word with the fewest letters to change, if that is half the word at most; of several the one that is as long.
     */
    public static Optional<String> nearest(String written, Collection<String> words) {
        int tolerated = (written.length() + 1) / 2;
        return words.stream()
                .filter(word -> distance(written, word) <= tolerated)
                .min(Comparator.<String>comparingInt(word -> distance(written, word))
                        .thenComparingInt(word -> Math.abs(word.length() - written.length())));
    }

    /** The Levenshtein distance: how many letters have to be added, removed or replaced. */
    static int distance(String from, String to) {
        int[] above = new int[to.length() + 1];
        for (int j = 0; j <= to.length(); j++) {
            above[j] = j;
        }
        for (int i = 1; i <= from.length(); i++) {
            int[] row = new int[to.length() + 1];
            row[0] = i;
            for (int j = 1; j <= to.length(); j++) {
                int replaced = above[j - 1] + (from.charAt(i - 1) == to.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(replaced, Math.min(above[j], row[j - 1]) + 1);
            }
            above = row;
        }
        return above[to.length()];
    }
}
