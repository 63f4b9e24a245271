package dev.culvert.common.config;

import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import java.io.File;
import java.util.function.Function;

/** Makes a missing included file an error. HOCON would take it for an empty one. */
final class RequiredIncludes implements ConfigIncluder, ConfigIncluderFile {
    @Override
    public ConfigIncluder withFallback(ConfigIncluder fallback) {
        return this;
    }

    @Override
    public ConfigObject include(ConfigIncludeContext context, String what) {
        return required(what, context, context.relativeTo(what)::parse);
    }

    @Override
    public ConfigObject includeFile(ConfigIncludeContext context, File what) {
        return required(
                what.getPath(),
                context,
                options ->
                        ConfigFactory.parseFile(what.getAbsoluteFile(), options).root());
    }

    private static ConfigObject required(
            String what, ConfigIncludeContext context, Function<ConfigParseOptions, ConfigObject> parse) {
        try {
            return parse.apply(context.parseOptions().setAllowMissing(false));
        } catch (ConfigException.IO e) {
            throw new ConfigException.Generic("include \"" + what + "\": no such file, or it cannot be read", e);
        }
    }
}
