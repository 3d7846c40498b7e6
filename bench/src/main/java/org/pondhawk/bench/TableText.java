package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Rows for people: a table as wide as it must be, and the notes below it.
final class TableText {
  private static final List<String> HEAD =
      List.of("what", "ours", "unit", "against", "theirs", "ratio");
  private static final List<Boolean> LEFT = List.of(true, false, true, true, false, false);
  private static final int SIGNIFICANT = 100;

  private TableText() {}

  static String render(List<Row> rows, List<String> notes) {
    List<List<String>> lines = new ArrayList<>();
    lines.add(HEAD);
    rows.forEach(row -> lines.add(cells(row)));
    int[] widths = new int[HEAD.size()];
    for (List<String> line : lines) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], line.get(i).length());
      }
    }
    var text = new StringBuilder();
    lines.forEach(line -> text.append(line(line, widths)).append('\n'));
    text.append("\nratio: how many times better ours is.\n");
    notes.forEach(note -> text.append("note: ").append(note).append('\n'));
    return text.toString();
  }

  private static List<String> cells(Row row) {
    return List.of(
        row.what(),
        number(row.ours()),
        row.unit().sign(),
        row.against(),
        numberOrDash(row.theirs()),
        numberOrDash(row.ratio()));
  }

  private static String line(List<String> cells, int[] widths) {
    var text = new StringBuilder();
    for (int i = 0; i < widths.length; i++) {
      String pad = " ".repeat(widths[i] - cells.get(i).length());
      text.append(LEFT.get(i) ? cells.get(i) + pad : pad + cells.get(i)).append("  ");
    }
    return text.toString().stripTrailing();
  }

  private static String numberOrDash(@Nullable Double value) {
    return value == null ? "-" : number(value);
  }

  /// With as many places as carry meaning.
  static String number(double value) {
    double size = Math.abs(value);
    String format = size >= SIGNIFICANT ? "%,.0f" : size >= 10 || size == 0 ? "%.1f" : "%.2f";
    return String.format(Locale.ROOT, format, value);
  }
}
