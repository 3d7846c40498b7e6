package org.pondhawk.bench;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What a comparison found, as it finds it.
final class Report {
  private final PrintWriter progress;
  private final List<Row> rows = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();

  Report(PrintWriter progress) {
    this.progress = progress;
  }

  /// Says what is being done now.
  void doing(String what) {
    progress.println("... " + what);
    progress.flush();
  }

  void row(String what, double ours, Row.Unit unit, String against, @Nullable Double theirs) {
    rows.add(new Row(what, ours, unit, against, theirs));
  }

  /// Says what a reader of the rows has to know.
  void note(String note) {
    notes.add(note);
  }

  List<Row> rows() {
    return List.copyOf(rows);
  }

  List<String> notes() {
    return List.copyOf(notes);
  }
}
