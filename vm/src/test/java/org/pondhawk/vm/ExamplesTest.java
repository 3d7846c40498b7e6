package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Whether the programs of the examples run as they stand there, and print what stands below them.
class ExamplesTest {
  private static final Path PAGE = Path.of("../docs/examples.md");
  private static final Path CLASSES = Path.of("target/classes").toAbsolutePath();
  private static final long BOUND_SECONDS = 60;
  private static final Pattern BLOCKS =
      Pattern.compile(
          "## ([^\n]+)\n(?:(?!\n## ).)*?```java\n(.*?)```\n\n```text\n(.*?)```", Pattern.DOTALL);

  @TempDir private Path folder = Path.of("");

  /// A program of the page.
  ///
  /// @param printed what it is said to print
  record Example(String title, String program, String printed) {
    @Override
    public String toString() {
      return title;
    }
  }

  private static List<Example> examples() throws IOException {
    return BLOCKS.matcher(Files.readString(PAGE)).results().map(ExamplesTest::example).toList();
  }

  private static Example example(MatchResult found) {
    return new Example(found.group(1), found.group(2), found.group(3));
  }

  /// Runs a program as the page says, in a process of its own.
  ///
  /// @return what it printed, errors included
  private String run(String program) throws IOException, InterruptedException {
    Path source = Files.writeString(folder.resolve("Example.java"), program);
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx256m",
                "-XX:+UseSerialGC",
                "-Djava.io.tmpdir=" + folder,
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                CLASSES.toString(),
                source.toString())
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      boolean ended = process.waitFor(BOUND_SECONDS, TimeUnit.SECONDS);
      return Files.readString(output) + (ended ? "" : "and did not end");
    } finally {
      process.destroyForcibly();
    }
  }

  @ParameterizedTest
  @MethodSource("examples")
  void printWhatTheySay(Example example) throws Exception {
    assertThat(run(example.program())).isEqualTo(example.printed());
  }

  @Test
  void areAllFound() throws IOException {
    String page = Files.readString(PAGE);

    assertThat(examples()).hasSizeGreaterThanOrEqualTo(3);
    assertThat(page.split("```java\n", -1)).hasSize(1 + examples().size());
  }

  /// That a program which is not true of the library is noticed.
  @Nested
  class Canaries {
    @ParameterizedTest
    @ValueSource(
        strings = {
          "space.map(gib, Protection.READ_WRITE)",
          "view.getLong(address + gib - 8)",
          "physicalMemory(8L << 20)",
        })
    void aProgramThatIsWrongPrintsSomethingElse(String call) throws Exception {
      Example first = examples().getFirst();
      String broken = first.program().replace(call, call.replaceFirst("\\(.*\\)", "()"));

      assertThat(broken).isNotEqualTo(first.program());
      assertThat(run(broken)).isNotEqualTo(first.printed()).contains("error: ");
    }

    @Test
    void aProgramThatDoesSomethingElsePrintsSomethingElse() throws Exception {
      Example first = examples().getFirst();
      String other = first.program().replace("address + 8, 43", "address + gib / 4, 43");

      assertThat(run(other)).isNotEqualTo(first.printed()).contains("made 4 pages");
    }
  }
}
