package org.pondhawk.testkit;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/// A program of the test kit in a process of its own, that has ended.
///
/// @param exit its exit status: beyond 127 a signal, as of a crash
record Fork(int exit, String output) {
  /// Runs a program to its end.
  ///
  /// @param options for the JVM
  static Fork run(
      Path folder, long seconds, List<String> options, Class<?> program, String... arguments)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-ea", "-Xmx256m", "-XX:+UseSerialGC", "-XX:-CreateCoredumpOnCrash"));
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(options);
    command.addAll(List.of("-cp", classPath(), program.getName()));
    command.addAll(List.of(arguments));
    Path output = folder.resolve("output");
    Process process =
        new ProcessBuilder(command)
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      boolean ended = process.waitFor(seconds, TimeUnit.SECONDS);
      assertThat(ended).as(() -> "it ended: " + read(output)).isTrue();
    } finally {
      process.destroyForcibly();
    }
    return new Fork(process.exitValue(), read(output));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return e.toString();
    }
  }

  private static String classPath() {
    String tests = System.getProperty("surefire.test.class.path", "");
    String modules = System.getProperty("jdk.module.path", "");
    String all = System.getProperty("java.class.path", "");
    return Stream.of(modules, tests, all)
        .flatMap(path -> Stream.of(path.split(File.pathSeparator)))
        .filter(entry -> !entry.isBlank())
        .map(entry -> Path.of(entry).toAbsolutePath().toString())
        .distinct()
        .collect(joining(File.pathSeparator));
  }
}
