package org.pondhawk.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;

/// The compiler takes a hit into the loop that asks for it, whole: what it says itself when asked.
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class InliningTest {
  private static final String LOOPS = "org.pondhawk.bench.HitLoops::";

  /// What the compiler prints of each inlined or refused call, without the levels below.
  private List<String> said = List.of();

  /// Runs the loops until they are compiled.
  static final class Program {
    private static final long BYTES = 1 << 20;
    private static final int ROUNDS = 400;
    private static final int ACCESSES = 5_000;

    private Program() {}

    /// Loads and stores.
    public static void main(String[] arguments) {
      try (Rig rig = Rig.boot(BYTES, 0, 4096, false).touchAll()) {
        Work reads = HitLoops.viewReads(rig.view, rig.base, rig.bytes);
        Work writes = HitLoops.viewWrites(rig.view, rig.base, rig.bytes);
        long sum = 0;
        for (int round = 0; round < ROUNDS; round++) {
          sum += reads.run(round, ACCESSES) + writes.run(round, ACCESSES);
        }
        System.out.println("sum " + sum);
      }
    }
  }

  @BeforeAll
  void askTheCompiler() throws Exception {
    said = whatTheCompilerSays("-XX:CompileCommand=quiet");
  }

  private static List<String> whatTheCompilerSays(String option) throws Exception {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home", ""), "bin", "java").toString());
    command.addAll(
        List.of(
            "-Xmx256m",
            "-XX:+UseSerialGC",
            "-XX:-TieredCompilation", // so that only the last compiler speaks
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:CompileCommand=quiet",
            option,
            "-XX:CompileCommand=PrintInlining," + LOOPS + "view*",
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            System.getProperty("java.class.path", ""),
            Program.class.getName()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    List<String> lines;
    try (var output = process.inputReader(StandardCharsets.UTF_8)) {
      lines = output.lines().toList();
    }
    assertThat(process.waitFor()).as(String.join("\n", lines)).isZero();
    return lines;
  }

  @Test
  void takesALoadInWhole() {
    assertThat(isInlined(said, "ScalarAccess::getLong ")).isTrue();
    assertThat(isInlined(said, "LinearView::slot ")).isTrue();
    assertThat(isInlined(said, "ViewTranslation::enterLoad ")).isTrue();
    assertThat(isInlined(said, "ViewTranslation::endLoad ")).isTrue();
  }

  @Test
  void takesAStoreInWhole() {
    assertThat(isInlined(said, "ScalarAccess::putLong ")).isTrue();
    assertThat(isInlined(said, "ViewTranslation::enterStore ")).isTrue();
    assertThat(isInlined(said, "Guard::enter ")).isTrue();
    assertThat(isInlined(said, "Guard::leave ")).isTrue();
  }

  @Test
  void isSeenToRefuseWhatItMustRefuse() throws Exception {
    List<String> refusing = whatTheCompilerSays("-XX:CompileCommand=dontinline,*Guard::enter");
    assertThat(isInlined(refusing, "Guard::enter ")).isFalse();
    assertThat(isInlined(refusing, "Guard::leave ")).isTrue();
  }

  private static boolean isInlined(List<String> lines, String method) {
    return lines.stream().anyMatch(line -> line.contains(method) && line.contains("inline (hot)"));
  }
}
