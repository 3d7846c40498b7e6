package org.pondhawk.races;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Runs every race test for a moment, and every broken twin, which has to fail. `./pondhawk races`
/// runs them for long.
///
/// The results are counted, because jcstress drops a test that it cannot run and says nothing.
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class RacesTest {
  private static final Path CLASSES = Path.of("target", "classes");
  private static final int MILLIS_EACH = 200;

  /// A broken twin may need longer to be seen broken, above all on a busy machine.
  private static final List<Integer> MORE_MILLIS = List.of(1_000, 4_000, 12_000);

  @TempDir private static Path folder;
  private static Run run;

  @BeforeAll
  static void runAll() throws Exception {
    run = Run.of(folder, MILLIS_EACH, Set.of());
  }

  @Test
  void noRaceHasAForbiddenOutcome() throws Exception {
    Set<String> sound = races(false);
    Set<String> all = races(true);
    all.addAll(sound);

    assertThat(run.failed()).as(run.output).doesNotContainAnyElementsOf(sound);
    assertThat(run.passed() + run.failed().size()).as(run.output).isEqualTo(all.size());
    assertThat(sound.size()).isGreaterThan(15);
    assertThat(run.output).contains("Error tests: No matches");
  }

  @Test
  void everyBrokenTwinHasOne() throws Exception {
    Set<String> unseen = races(true);
    assertThat(run.exit).as(run.output).isNotZero();
    unseen.removeAll(run.failed());
    for (int millis : MORE_MILLIS) {
      if (!unseen.isEmpty()) {
        unseen.removeAll(Run.of(folder, millis, unseen).failed());
      }
    }
    assertThat(unseen).as("broken twins that nothing noticed").isEmpty();
  }

  /// A run of jcstress that has ended.
  private record Run(int exit, String output) {
    long passed() {
      Matcher matcher = Pattern.compile("All remaining tests: (\\d+) matching").matcher(output);
      return matcher.find() ? Long.parseLong(matcher.group(1)) : 0;
    }

    Set<String> failed() {
      return Pattern.compile("\\[FAILED\\] (\\S+)")
          .matcher(output)
          .results()
          .map(result -> result.group(1))
          .collect(Collectors.toSet());
    }

    /// Runs some tests, or all if none is named.
    static Run of(Path folder, int millisEach, Set<String> names)
        throws IOException, InterruptedException {
      Path log = folder.resolve("log");
      List<String> command =
          new ArrayList<>(
              List.of(
                  Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                  "-Xmx256m",
                  "-cp",
                  classPath(),
                  "org.openjdk.jcstress.Main",
                  "-r",
                  folder.toString(),
                  "-jvmArgs",
                  "-ea --enable-native-access=ALL-UNNAMED -Xmx512m",
                  "-sc",
                  "false",
                  "-af",
                  "NONE",
                  "-f",
                  "1",
                  "-iters",
                  "1",
                  "-time",
                  String.valueOf(millisEach)));
      if (!names.isEmpty()) {
        command.addAll(List.of("-t", names.stream().map(Pattern::quote).collect(joining("|"))));
      }
      Process process =
          new ProcessBuilder(command)
              .directory(folder.toFile())
              .redirectErrorStream(true)
              .redirectOutput(log.toFile())
              .start();
      try {
        assertThat(process.waitFor(8, TimeUnit.MINUTES)).as("it ended").isTrue();
      } finally {
        process.destroyForcibly();
      }
      return new Run(process.exitValue(), Files.readString(log));
    }
  }

  private static String classPath() {
    // Surefire's own class path is a jar that only points to the real one.
    String here =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    return Stream.of(here.split(File.pathSeparator))
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .collect(joining(File.pathSeparator));
  }

  /// The race tests that were compiled, by the name that jcstress gives them.
  private static Set<String> races(boolean canaries) throws IOException {
    try (Stream<Path> files = Files.walk(CLASSES)) {
      return files
          .map(file -> CLASSES.relativize(file).toString())
          .filter(name -> name.endsWith("_jcstress.class"))
          .map(name -> name.replaceAll("_jcstress\\.class$", "").replace(File.separatorChar, '.'))
          .map(name -> name.replaceAll("Races_", "Races."))
          .filter(name -> name.endsWith("Canary") == canaries)
          .collect(Collectors.toSet());
    }
  }
}
