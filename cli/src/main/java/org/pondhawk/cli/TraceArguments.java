package org.pondhawk.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.pondhawk.replay.BadTraceException;
import org.pondhawk.replay.Trace;
import org.pondhawk.replay.Traces;

/// Opens the traces that a command line names.
final class TraceArguments {
  private static final String STANDARD_INPUT = "-";

  private TraceArguments() {}

  /// Opens files, `-` as standard input, and the bundled traces if none is named.
  ///
  /// @throws BadUsageException if one of them cannot be used
  static List<Trace> open(List<String> arguments, InputStream standardInput) {
    if (arguments.indexOf(STANDARD_INPUT) != arguments.lastIndexOf(STANDARD_INPUT)) {
      throw new BadUsageException("--trace - is given twice; use --copies to run it twice");
    }
    try {
      if (arguments.isEmpty()) {
        return Traces.bundled();
      }
      var traces = new ArrayList<Trace>();
      for (String argument : arguments) {
        traces.add(open(argument, standardInput));
      }
      return List.copyOf(traces);
    } catch (BadTraceException e) {
      throw new BadUsageException("bad trace " + e.getMessage(), e);
    } catch (IOException | InvalidPathException e) {
      throw new BadUsageException("cannot read the trace: " + e.getMessage(), e);
    }
  }

  private static Trace open(String argument, InputStream standardInput) throws IOException {
    return argument.equals(STANDARD_INPUT)
        ? Traces.read("stdin", standardInput)
        : Traces.open(Path.of(argument));
  }
}
