package org.pondhawk.bench;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Neo4j's page cache in a process of its own: its licence keeps it out of our builds, so the
/// program that uses it is compiled by the JVM that runs it, where the launcher could fetch it.
final class Neo4jPeer implements AutoCloseable {
  static final String PREFIX = "neo4j ";
  private static final String PROPERTY = "pondhawk.neo4j";
  private static final String SOURCE = "Neo4jCursor.java";
  private static final List<String> OPTIONS =
      List.of(
          "-Xmx1g",
          "-XX:+UseSerialGC",
          "--enable-native-access=ALL-UNNAMED",
          "--sun-misc-unsafe-memory-access=allow",
          "--add-opens=java.base/java.nio=ALL-UNNAMED",
          "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
          "--add-opens=java.base/java.lang=ALL-UNNAMED",
          "--add-opens=java.base/java.io=ALL-UNNAMED");

  private final @Nullable Process process;

  private Neo4jPeer(@Nullable Process process) {
    this.process = process;
  }

  /// Starts it, with a file of so many bytes in its cache; where that can't be, it adds nothing.
  static Neo4jPeer start(Report report, long bytes) throws IOException {
    String jars = System.getProperty(PROPERTY, "");
    if (jars.isEmpty() || !Files.isDirectory(Path.of(jars))) {
      report.note("Neo4j's page cache was not measured: it was not fetched");
      return new Neo4jPeer(null);
    }
    Path source = Files.createTempDirectory("pondhawk-bench").resolve(SOURCE);
    try (InputStream text = Neo4jPeer.class.getResourceAsStream(SOURCE)) {
      Files.copy(Objects.requireNonNull(text, SOURCE), source);
    }
    try {
      var peer = new Neo4jPeer(process(jars, source, bytes));
      if (!"ready".equals(peer.answer())) {
        peer.close();
        report.note("Neo4j's page cache was not measured: it did not start");
        return new Neo4jPeer(null);
      }
      return peer;
    } finally {
      Files.delete(source);
      Files.delete(Objects.requireNonNull(source.getParent()));
    }
  }

  private static Process process(String jars, Path source, long bytes) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home", ""), "bin", "java").toString());
    command.addAll(OPTIONS);
    command.addAll(List.of("-cp", jars + "/*", source.toString(), Long.toString(bytes)));
    return new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
  }

  private @Nullable String answer() throws IOException {
    return lines().readLine();
  }

  private BufferedReader lines() {
    return Objects.requireNonNull(process).inputReader(StandardCharsets.UTF_8);
  }

  void addTo(Turns turns) {
    if (process != null) {
      turns.add(PREFIX + "read", (seed, n) -> ask("read " + seed + " " + n));
      turns.add(PREFIX + "write", (seed, n) -> ask("write " + seed + " " + n));
    }
  }

  private long ask(String line) {
    try {
      Writer to = Objects.requireNonNull(process).outputWriter(StandardCharsets.UTF_8);
      to.write(line + "\n");
      to.flush();
      String answer = answer();
      if (answer == null) {
        throw new IOException("the process of Neo4j's page cache has ended");
      }
      return Long.parseLong(answer);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() throws IOException {
    if (process != null) {
      process.getOutputStream().close(); // at the end of its input it ends
    }
  }
}
