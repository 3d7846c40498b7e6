package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Interrupts a program of its own.
class InterruptTest {
  /// The status of a program that was ended by SIGTERM, which is what a handle sends.
  private static final int TERMINATED = 128 + 15;

  @TempDir private Path directory = Path.of("");

  private Process pondhawk(String... arguments) throws IOException {
    String path =
        Stream.of("jdk.module.path", "java.class.path")
            .map(property -> System.getProperty(property, ""))
            .filter(property -> !property.isEmpty())
            .collect(Collectors.joining(File.pathSeparator));
    Stream<String> java =
        Stream.of(
            Path.of(System.getProperty("java.home"), "bin", "java").toString(),
            "--enable-native-access=ALL-UNNAMED",
            "-cp",
            path,
            Main.class.getName());
    return new ProcessBuilder(Stream.concat(java, Stream.of(arguments)).toList()).start();
  }

  @Test
  @Timeout(60)
  void stopsSoonReportsAndLeavesNoSwapFile() throws IOException, InterruptedException {
    Path swap = directory.resolve("swap.img");
    Process process = pondhawk("run", "--seconds", "600", "--json", "--swap-file", swap.toString());
    try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8);
        BufferedReader err = process.errorReader(StandardCharsets.UTF_8)) {
      assertThat(err.readLine()).isEqualTo(VmstatLine.header()); // so it runs
      assertThat(swap).exists();

      process.toHandle().destroy(); // unlike the process itself, leaves the streams open

      assertThat(process.waitFor(5, TimeUnit.SECONDS)).isTrue();
      assertThat(process.exitValue()).isEqualTo(TERMINATED);
      assertThat(Json.parse(out.lines().collect(Collectors.joining())))
          .containsEntry("stopped", true)
          .containsEntry("good", true)
          .containsEntry("check", "clean");
      assertThat(Files.exists(swap)).isFalse();
    } finally {
      process.destroyForcibly();
    }
  }
}
