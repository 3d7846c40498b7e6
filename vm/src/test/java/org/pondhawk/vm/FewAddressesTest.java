package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/// Runs a program on another JVM, in a process that has fewer addresses (`RLIMIT_AS`) than the
/// linear page table of one space takes.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class FewAddressesTest {
  private static final int LIMIT_KIBIBYTES = 2 << 20;
  private static final String PROGRAM =
      """
      import org.pondhawk.vm.*;

      static final int PAGES = 3000;

      void main() {
        var config = VmConfig.builder().physicalMemory(8 << 20).swap(64 << 20);
        try (var linear = VirtualMemory.boot(config.pageTables(PageTables.LINEAR).build())) {
          linear.newAddressSpace();
          IO.println("a linear table was granted");
        } catch (IllegalStateException e) {
          IO.println(e.getMessage());
        }
        try (var vm = VirtualMemory.boot(config.pageTables(PageTables.AUTO).build())) {
          for (int round = 0; round < 3; round++) {
            use(vm);
          }
          try (var small = vm.newAddressSpace(1 << 30)) {
            IO.println("a small one is " + small.pageTables());
          }
        }
      }

      void use(VirtualMemory vm) {
        try (var space = vm.newAddressSpace(); var view = space.view()) {
          IO.println("the usual one is " + space.pageTables());
          long base = space.map(1L << 39, Protection.READ_WRITE);
          for (long n = 0; n < PAGES; n++) {
            view.putLong(place(base, n), n);
          }
          try (var child = space.fork(); var theirs = child.view()) {
            long found = 0;
            for (long n = 0; n < PAGES; n++) {
              view.putLong(place(base, n), -n);
              found += theirs.getLong(place(base, n)) == n ? 1 : 0;
            }
            IO.println("found " + found + ", paged in " + (vm.statistics().pagesIn() > 0));
            IO.println("check " + vm.check().summary());
          }
        }
      }

      long place(long base, long n) {
        return base + n * 4096 + (n % 7 << 34);
      }
      """;

  private String output = "";

  @BeforeAll
  void run(@TempDir Path directory) throws Exception {
    output = run(directory, "ulimit -v " + LIMIT_KIBIBYTES + " && exec \"$0\" \"$@\"");
  }

  @Test
  void aTableThatMustBeLinearIsRefused() {
    assertThat(output.lines())
        .doesNotContain("a linear table was granted")
        .anyMatch(line -> line.matches("cannot reserve \\d+ bytes of address space: .*ENOMEM.*"));
  }

  @Test
  void anyOtherHasTwoLevelsThenAndWorks() {
    assertThat(output.lines().filter("the usual one is TWO_LEVEL"::equals)).hasSize(3);
    assertThat(output.lines().filter("found 3000, paged in true"::equals)).hasSize(3);
    assertThat(output.lines().filter("check clean"::equals)).hasSize(3);
  }

  @Test
  void oneThatIsSmallEnoughIsLinearAllTheSame() {
    assertThat(output.lines()).contains("a small one is LINEAR");
  }

  /// The canary: what is refused above is granted where there is no limit.
  @Test
  void withoutALimitTheLinearTableIsGranted(@TempDir Path directory) throws Exception {
    assertThat(run(directory, "exec \"$0\" \"$@\"").lines())
        .contains("a linear table was granted", "the usual one is LINEAR");
  }

  private static String run(Path directory, String script)
      throws IOException, InterruptedException {
    Path source = Files.writeString(directory.resolve("Program.java"), PROGRAM);
    Path output = directory.resolve("output");
    Process process =
        new ProcessBuilder(
                "sh",
                "-c",
                script,
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx128m",
                "-XX:+UseSerialGC",
                "-XX:ReservedCodeCacheSize=64m",
                "-XX:CompressedClassSpaceSize=64m",
                "-XX:-UsePerfData",
                "--enable-native-access=ALL-UNNAMED",
                "--class-path",
                classes().toString(),
                source.toString())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    boolean ended = process.waitFor(120, TimeUnit.SECONDS);
    process.destroyForcibly();
    String text = Files.readString(output);
    assertThat(ended).as("the program ended in time: %s", text).isTrue();
    return text;
  }

  private static Path classes() {
    try {
      return Path.of(
          VirtualMemory.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (java.net.URISyntaxException e) {
      throw new AssertionError(e);
    }
  }
}
