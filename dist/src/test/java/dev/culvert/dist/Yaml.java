package dev.culvert.dist;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigValueFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.constructor.SafeConstructor;

/** Reads YAML, for tests to look at as they look at JSON. */
final class Yaml {
    private Yaml() {}

    /** The documents of a file, in their order. */
    static List<Config> documents(Path file) throws IOException {
        LoaderOptions strict = new LoaderOptions();
        strict.setAllowDuplicateKeys(false);
        List<Config> documents = new ArrayList<>();
        new org.yaml.snakeyaml.Yaml(new SafeConstructor(strict))
                .loadAll(Files.readString(file))
                .forEach(document -> documents.add(of((Map<?, ?>) document)));
        return documents;
    }

    @SuppressWarnings("unchecked") // all keys are text
    private static Config of(Map<?, ?> document) {
        return ConfigValueFactory.fromMap((Map<String, Object>) document).toConfig();
    }
}
