package org.pondhawk.bench;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/// Where `./pondhawk bench` begins: lists the comparisons, or runs one and prints its rows.
public final class Main {
  private static final int GOOD = 0;
  private static final int WRONG = 1;
  private static final int BAD_USAGE = 2;

  private Main() {}

  /// Runs the program and ends the JVM with its status.
  public static void main(String[] arguments) {
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(run(out, err, arguments));
  }

  /// Runs the program without ending the JVM.
  ///
  /// @return its status: 0, 1 if the comparison failed, 2 for a bad command line
  static int run(PrintWriter out, PrintWriter err, String... words) {
    Comparison comparison;
    Arguments arguments;
    try {
      arguments = Arguments.parse(words);
      comparison = arguments.name() == null ? null : Comparisons.named(arguments.name());
    } catch (BadUsageException e) {
      err.println("pondhawk bench: " + e.getMessage() + " (see pondhawk bench --help)");
      return BAD_USAGE;
    }
    if (comparison == null || arguments.help()) {
      out.print(list());
      out.flush();
      return GOOD;
    }
    return run(comparison, arguments, out, err);
  }

  private static int run(
      Comparison comparison, Arguments arguments, PrintWriter out, PrintWriter err) {
    var report = new Report(err);
    @Nullable Exception failure = null;
    try {
      comparison.run(arguments.quick() ? Effort.QUICK : Effort.FULL, report);
    } catch (Exception e) {
      failure = e; // the rows that were measured are still worth printing
    }
    if (arguments.json()) {
      out.print(RowsJson.render(report.rows()));
      report.notes().forEach(note -> err.println("note: " + note));
    } else {
      out.print(TableText.render(report.rows(), report.notes()));
    }
    out.flush();
    if (failure != null) {
      err.println("pondhawk bench: " + comparison.name() + " failed");
      failure.printStackTrace(err);
      return WRONG;
    }
    return GOOD;
  }

  private static String list() {
    var text = new StringBuilder("pondhawk bench NAME [--quick] [--json]\n\n");
    for (Comparison comparison : Comparisons.ALL) {
      text.append("  %-8s  %s%n".formatted(comparison.name(), comparison.line()));
    }
    return text.append('\n').append(Arguments.OPTIONS).toString();
  }
}
