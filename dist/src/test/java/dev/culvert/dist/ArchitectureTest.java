package dev.culvert.dist;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.core.importer.Location;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** Arrows point one way: client and server, to what they share, to the protocol. */
@AnalyzeClasses(
        packages = "dev.culvert",
        importOptions = {ImportOption.DoNotIncludeTests.class, ArchitectureTest.NotThisPackage.class})
final class ArchitectureTest {
    /** The tests themselves, which ArchUnit does not know for tests where the module has no main code. */
    static final class NotThisPackage implements ImportOption {
        @Override
        public boolean includes(Location location) {
            return !location.contains("/dev/culvert/dist/");
        }
    }

    @ArchTest
    static final ArchRule THE_AGENTS_DO_NOT_KNOW_EACH_OTHER = noClasses()
            .that()
            .resideInAPackage("dev.culvert.client..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.culvert.server..");

    @ArchTest
    static final ArchRule NOR_THE_OTHER_WAY_ROUND = noClasses()
            .that()
            .resideInAPackage("dev.culvert.server..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.culvert.client..");

    @ArchTest
    static final ArchRule WHAT_BOTH_SHARE_KNOWS_NEITHER = noClasses()
            .that()
            .resideInAPackage("dev.culvert.common..")
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage("dev.culvert.client..", "dev.culvert.server..");

    @ArchTest
    static final ArchRule THE_PROTOCOL_KNOWS_BUFFERS_CHANNELS_AND_NOTHING_OF_OURS = classes()
            .that()
            .resideInAPackage("dev.culvert.mux..")
            .should()
            .onlyDependOnClassesThat()
            .resideInAnyPackage(
                    "dev.culvert.mux..",
                    "java..",
                    "io.netty.buffer..",
                    "io.netty.channel",
                    "io.netty.channel.socket",
                    "io.netty.util..",
                    "org.slf4j..",
                    "org.jspecify..");

    @ArchTest
    static final ArchRule PACKAGES_HAVE_NO_CYCLES =
            slices().matching("dev.culvert.(**)").should().beFreeOfCycles();
}
