package org.pondhawk.vm;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static java.util.stream.Collectors.toSet;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaAccess;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.lang.ArchRule;
import com.tngtech.archunit.library.dependencies.SliceAssignment;
import com.tngtech.archunit.library.dependencies.SliceIdentifier;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.lang.foreign.Linker;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Which package may use what. Each rule runs on the library as compiled, and on a canary, a class
/// compiled for the occasion in the package that the rule is about, which it must reject.
class ArchitectureTest {
  private static final String ROOT = "org.pondhawk.vm";

  /// The floors of the house, lowest first. A package uses only floors below its own.
  static final List<String> FLOORS =
      Stream.of(
              ".error",
              ".mem",
              ".sync",
              ".page",
              ".queue",
              ".pager",
              ".object",
              ".swap",
              ".file",
              ".pmap",
              ".map",
              ".fault",
              ".pageout",
              ".kmem",
              ".stats",
              ".shm",
              ".boot",
              ".check",
              "")
          .map(ROOT::concat)
          .toList();

  /// Every floor that has one above it to misuse.
  static final List<String> FLOORS_BELOW_THE_ROOT = FLOORS.subList(0, FLOORS.size() - 1);

  private static final JavaClasses LIBRARY = compiled(Path.of("target", "classes"));
  private static final JavaClasses TESTS = compiled(Path.of("target", "test-classes"));

  @TempDir private Path folder;

  @Nested
  class Floors {
    @ParameterizedTest
    @FieldSource("org.pondhawk.vm.ArchitectureTest#FLOORS")
    void eachUsesOnlyFloorsBelow(String floor) {
      assumeTrue(packagesOf(LIBRARY).contains(floor), "nothing lives there yet");

      usesOnlyFloorsBelow(floor).check(LIBRARY);
    }

    @ParameterizedTest
    @FieldSource("org.pondhawk.vm.ArchitectureTest#FLOORS_BELOW_THE_ROOT")
    void aUseOfTheFloorAboveIsRejected(String floor) {
      String above = FLOORS.get(FLOORS.indexOf(floor) + 1);

      compile(above, "Above", "");
      JavaClasses canary = compile(floor, "Canary", above + ".Above above;");

      assertRejects(usesOnlyFloorsBelow(floor), canary);
    }

    @Test
    void noPackageIsWithoutOne() {
      assertThat(FLOORS).containsAll(packagesOf(LIBRARY));
    }
  }

  @Nested
  class Packages {
    static final ArchRule FORM_NO_CYCLE =
        slices().assignedFrom(new PackageSlices()).should().beFreeOfCycles();

    @Test
    void formNoCycle() {
      FORM_NO_CYCLE.check(LIBRARY);
    }

    @Test
    void thatUseEachOtherAreRejected() {
      compile(ROOT + ".page", "There", "");
      compile(ROOT + ".queue", "Back", ROOT + ".page.There there;");
      JavaClasses canary = compile(ROOT + ".page", "There", ROOT + ".queue.Back back;");

      assertRejects(FORM_NO_CYCLE, canary);
    }
  }

  @Nested
  class TimeChanceAndThreads {
    static final ArchRule COME_FROM_OUTSIDE =
        noClasses()
            .that(resideOutsideOfPackage(ROOT + ".sync").and(resideOutsideOfPackage(ROOT)))
            .should()
            .accessTargetWhere(
                method(System.class, "nanoTime", "currentTimeMillis")
                    .or(method(Instant.class, "now"))
                    .or(method(Math.class, "random"))
                    .or(method(Random.class, "<init>"))
                    .or(method(ThreadLocalRandom.class, "current"))
                    .or(
                        method(
                            Thread.class,
                            "<init>",
                            "ofPlatform",
                            "ofVirtual",
                            "startVirtualThread"))
                    .or(anyMethod(Executors.class)));

    @Test
    void comeFromOutside() {
      COME_FROM_OUTSIDE.check(LIBRARY);
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "Object o = System.nanoTime();",
          "Object o = System.currentTimeMillis();",
          "Object o = java.time.Instant.now();",
          "Object o = Math.random();",
          "Object o = new java.util.Random(1);",
          "Object o = java.util.concurrent.ThreadLocalRandom.current();",
          "Object o = new Thread(() -> {});",
          "Object o = Thread.ofPlatform();",
          "Object o = Thread.ofVirtual();",
          "Object o = Thread.startVirtualThread(() -> {});",
          "Object o = java.util.concurrent.Executors.newCachedThreadPool();",
          "java.util.function.LongSupplier o = System::nanoTime;",
          "static class Mine extends Thread {}",
        })
    void madeOnTheSpotAreRejected(String member) {
      assertRejects(COME_FROM_OUTSIDE, compile(ROOT + ".page", "Canary", member));
    }

    @ParameterizedTest
    @ValueSource(strings = {ROOT, ROOT + ".sync"})
    void mayBeMadeIn(String home) {
      compile(ROOT + ".page", "Bystander", "");
      JavaClasses user = compile(home, "Canary", "long now = System.nanoTime();");

      assertThat(COME_FROM_OUTSIDE.evaluate(user).hasViolation()).isFalse();
    }
  }

  @Nested
  class Sleeping {
    static final ArchRule IS_FORBIDDEN =
        noClasses()
            .should()
            .accessTargetWhere(method(Thread.class, "sleep").or(method(TimeUnit.class, "sleep")));

    @Test
    void isDoneNowhere() {
      IS_FORBIDDEN.check(LIBRARY);
    }

    @Test
    void isDoneInNoTest() {
      IS_FORBIDDEN.check(TESTS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"Thread.sleep", "java.util.concurrent.TimeUnit.SECONDS.sleep"})
    void isRejected(String method) {
      String member = "void nap() throws InterruptedException { " + method + "(1L); }";

      assertRejects(IS_FORBIDDEN, compile(ROOT + ".sync", "Canary", member));
    }
  }

  @Nested
  class NativeCalls {
    static final ArchRule ARE_MADE_IN_MEM =
        noClasses()
            .that(resideOutsideOfPackage(ROOT + ".mem"))
            .should()
            .dependOnClassesThat()
            .belongToAnyOf(Linker.class, SymbolLookup.class);

    @Test
    void areMadeInMem() {
      ARE_MADE_IN_MEM.check(LIBRARY);
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "Object o = java.lang.foreign.Linker.nativeLinker();",
          "Object o = java.lang.foreign.SymbolLookup.loaderLookup();",
        })
    void fromElsewhereAreRejected(String member) {
      assertRejects(ARE_MADE_IN_MEM, compile(ROOT + ".swap", "Canary", member));
    }
  }

  private static ArchRule usesOnlyFloorsBelow(String floor) {
    String[] allowed = FLOORS.subList(0, FLOORS.indexOf(floor) + 1).toArray(String[]::new);
    return classes()
        .that()
        .resideInAPackage(floor)
        .should()
        .onlyDependOnClassesThat(
            resideOutsideOfPackage(ROOT + "..").or(resideInAnyPackage(allowed)));
  }

  private static DescribedPredicate<JavaAccess<?>> method(Class<?> owner, String... names) {
    return DescribedPredicate.describe(
        owner.getSimpleName() + "." + String.join(", ", names),
        access ->
            access.getTargetOwner().isAssignableTo(owner)
                && List.of(names).contains(access.getTarget().getName()));
  }

  private static DescribedPredicate<JavaAccess<?>> anyMethod(Class<?> owner) {
    return DescribedPredicate.describe(
        "anything of " + owner.getSimpleName(),
        access -> access.getTargetOwner().isEquivalentTo(owner));
  }

  private static void assertRejects(ArchRule rule, JavaClasses canary) {
    assertThat(rule.evaluate(canary).hasViolation()).as(rule.getDescription()).isTrue();
  }

  private static Set<String> packagesOf(JavaClasses classes) {
    return classes.stream()
        .map(JavaClass::getPackageName)
        .filter(name -> !name.isEmpty()) // module-info
        .collect(toSet());
  }

  /// The classes in a folder, of which there must be some: a rule sees nothing in an empty set.
  private static JavaClasses compiled(Path folder) {
    JavaClasses classes = new ClassFileImporter().importPath(folder);
    assertThat(classes).as("classes in %s", folder.toAbsolutePath()).isNotEmpty();
    return classes;
  }

  /// Compiles a public class with one member, and imports it with all that was compiled before.
  private JavaClasses compile(String packageName, String className, String member) {
    try {
      Path source = folder.resolve(className + ".java");
      Files.writeString(
          source, "package %s; public class %s { %s }".formatted(packageName, className, member));
      var options = new ArrayList<>(List.of("-proc:none", "-d", folder.toString()));
      options.addAll(List.of("-cp", folder.toString(), source.toString()));
      var messages = new StringWriter();
      var out = new PrintWriter(messages);
      int code =
          ToolProvider.findFirst("javac")
              .orElseThrow()
              .run(out, out, options.toArray(String[]::new));
      assertThat(code).as("%s", messages).isZero();
      return compiled(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// One slice for each package, the root package among them.
  private static final class PackageSlices implements SliceAssignment {
    @Override
    public SliceIdentifier getIdentifierOf(JavaClass javaClass) {
      return SliceIdentifier.of(javaClass.getPackageName());
    }

    @Override
    public String getDescription() {
      return "packages";
    }
  }
}
