package dev.culvert.common.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigParseable;
import java.io.File;
import java.net.URL;
import java.nio.file.Path;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Includes files, and makes a missing one an error. HOCON would take it for an empty one, look for it among the
 * program's classes, and fetch what has a URL: what an agent does is to be read on its own machine.
 */
final class RequiredIncludes implements ConfigIncluder, ConfigIncluderFile, ConfigIncluderURL, ConfigIncluderClasspath {
    @Override
    public ConfigIncluder withFallback(ConfigIncluder fallback) {
        return this;
    }

    @Override
    public ConfigObject include(ConfigIncludeContext context, String what) {
        @Nullable ConfigParseable found = context.relativeTo(what);
        if (found == null || found.origin().filename() == null) {
            throw missing(what, null);
        }
        Hocon.requireUtf8(Path.of(found.origin().filename()));
        return required(what, context, found::parse);
    }

    @Override
    public ConfigObject includeFile(ConfigIncludeContext context, File what) {
        Hocon.requireUtf8(what.toPath());
        return required(
                what.getPath(),
                context,
                options ->
                        ConfigFactory.parseFile(what.getAbsoluteFile(), options).root());
    }

    @Override
    public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
        throw notAFile("url(\"" + what + "\")");
    }

    @Override
    public ConfigObject includeResources(ConfigIncludeContext context, String what) {
        throw notAFile("classpath(\"" + what + "\")");
    }

    private static ConfigObject required(
            String what, ConfigIncludeContext context, Function<ConfigParseOptions, ConfigObject> parse) {
        try {
            return parse.apply(context.parseOptions().setAllowMissing(false));
        } catch (ConfigException.IO e) {
            throw missing(what, e);
        }
    }

    private static ConfigException missing(String what, @Nullable Throwable cause) {
        return new ConfigException.Generic("include \"" + what + "\": no such file, or it cannot be read", cause);
    }

    private static ConfigException notAFile(String what) {
        return new ConfigException.Generic("include " + what + ": only files can be included");
    }
}
