package org.pondhawk.bench;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// A small C program that measures what the kernel takes where Java cannot ask it: compiled when it
/// is needed, if this computer has a compiler.
final class KernelProgram implements AutoCloseable {
  private static final String SOURCE = "kernel.c";

  private final Path folder;
  private final Path program;

  private KernelProgram(Path folder, Path program) {
    this.folder = folder;
    this.program = program;
  }

  /// Compiles the program.
  ///
  /// @return nothing where there is no compiler; the report then says so
  static Optional<KernelProgram> compile(Report report) throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("pondhawk-bench");
    Path source = folder.resolve(SOURCE);
    Path program = folder.resolve("kernel");
    try (InputStream text = KernelProgram.class.getResourceAsStream(SOURCE)) {
      Files.copy(Objects.requireNonNull(text, SOURCE), source);
    }
    var compiled = new KernelProgram(folder, program);
    try {
      new Output("cc", "-O2", "-pthread", "-o", program.toString(), source.toString());
      return Optional.of(compiled);
    } catch (IOException e) {
      report.note("the kernel's fork and copy-on-write were not measured: " + e.getMessage());
      compiled.close();
      return Optional.empty();
    }
  }

  /// Runs it.
  ///
  /// @return the samples, by name
  Map<String, List<Double>> run(String mode, long bytes, int rounds)
      throws IOException, InterruptedException {
    Map<String, List<Double>> samples = new HashMap<>();
    var output = new Output(program.toString(), mode, "" + bytes, "" + rounds);
    for (String line : output.text.lines().toList()) {
      int space = line.indexOf(' ');
      samples
          .computeIfAbsent(line.substring(0, space), _ -> new ArrayList<>())
          .add(Double.parseDouble(line.substring(space + 1)));
    }
    return samples;
  }

  @Override
  public void close() throws IOException {
    Files.deleteIfExists(program);
    Files.deleteIfExists(folder.resolve(SOURCE));
    Files.deleteIfExists(folder);
  }

  /// What a command printed.
  private static final class Output {
    final String text;

    Output(String... command) throws IOException, InterruptedException {
      Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
      text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
      int status = process.waitFor();
      if (status != 0) {
        throw new IOException(command[0] + " ended with " + status + ": " + text.strip());
      }
    }
  }
}
