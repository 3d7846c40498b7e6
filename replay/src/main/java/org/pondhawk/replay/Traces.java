package org.pondhawk.replay;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;

/// Opens traces, whatever their format: compact or valgrind's text, plain or packed by gzip.
public final class Traces {
  private static final List<String> BUNDLED =
      List.of(
          "cc1-O2.sad256.vmt.gz",
          "gzip2m.sad52.vmt.gz",
          "python-dict.sad64.vmt.gz",
          "sort50k.sad32.vmt.gz");

  /// What a file name says about the format and not about the program.
  private static final Pattern ENDINGS =
      Pattern.compile("(\\.sad\\d+)?(\\.(vmt|txt|lackey|trace))?(\\.gz)?$");

  /// Traces may take this share of the Java heap, each.
  private static final int HEAP_SHARE = 4;

  private Traces() {}

  /// Reads a trace from a file.
  ///
  /// @throws BadTraceException if there is no such file, or it is not a whole trace
  public static Trace open(Path file) throws IOException {
    if (!Files.exists(file)) {
      throw new BadTraceException(file.toString(), "no such file");
    }
    if (Files.isDirectory(file)) {
      throw new BadTraceException(file.toString(), "is a directory, expected a trace file");
    }
    if (!Files.isReadable(file)) {
      throw new BadTraceException(file.toString(), "cannot be read: permission denied");
    }
    try (InputStream in = Files.newInputStream(file)) {
      return read(file.toString(), in).named(shortName(file));
    }
  }

  /// Reads a trace from a stream, to its end, and keeps it: a trace can be replayed again.
  ///
  /// @throws BadTraceException if this is not a whole trace
  public static Trace read(String name, InputStream in) throws IOException {
    return read(name, in, maxReferences());
  }

  static Trace read(String name, InputStream raw, long maxReferences) throws IOException {
    TraceInput in = TraceInput.of(name, raw);
    return readerFor(in, maxReferences).read(in);
  }

  /// The traces that come with the program.
  public static List<Trace> bundled() throws IOException {
    var traces = new ArrayList<Trace>();
    for (String file : BUNDLED) {
      InputStream resource = Traces.class.getResourceAsStream("traces/" + file);
      if (resource == null) {
        throw new BadTraceException(file, "this bundled trace is missing from the installation");
      }
      try (resource) {
        traces.add(read(file, resource).named(shortName(Path.of(file))));
      }
    }
    return List.copyOf(traces);
  }

  private static TraceReader readerFor(TraceInput in, long maxReferences) throws IOException {
    if (in.beginsWith(CompactTraceReader.MAGIC)) {
      return new CompactTraceReader(maxReferences);
    }
    if (in.beginsWith("#VMTRACE")) {
      throw in.bad("expected the header " + CompactTraceReader.MAGIC.strip() + " …");
    }
    return new LackeyTraceReader(maxReferences);
  }

  private static long maxReferences() {
    return Runtime.getRuntime().maxMemory() / HEAP_SHARE / Integer.BYTES;
  }

  static String shortName(Path file) {
    String name = String.valueOf(file.getFileName());
    String stripped = ENDINGS.matcher(name).replaceFirst("");
    return stripped.isEmpty() ? name : stripped;
  }
}
