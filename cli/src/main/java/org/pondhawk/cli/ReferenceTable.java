package org.pondhawk.cli;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The index of the reference's names: what each of them is here. Its source is `reference.txt`,
/// whose head says how to read and write it.
final class ReferenceTable {
  private static final String SOURCE = "reference.txt";
  private static final int SUGGESTIONS = 3;

  private final List<ReferenceRow> rows;
  private final Map<String, ReferenceRow> byName = new LinkedHashMap<>();
  private final Map<String, Integer> repeated = new LinkedHashMap<>();

  private ReferenceTable(List<ReferenceRow> rows) {
    this.rows = List.copyOf(rows);
    for (ReferenceRow row : rows) {
      note(row.name(), row, row.line());
      for (ReferencePart part : row.parts()) {
        part.names().forEach(name -> note(name, row, part.line()));
      }
    }
  }

  private void note(String name, ReferenceRow row, int line) {
    if (byName.putIfAbsent(name, row) != null) {
      repeated.put(name, line);
    }
  }

  /// The table of this program.
  static ReferenceTable load() {
    try (InputStream in = ReferenceTable.class.getResourceAsStream(SOURCE)) {
      byte[] text = Objects.requireNonNull(in, SOURCE).readAllBytes();
      return parse(new String(text, StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Reads a table.
  ///
  /// @throws IllegalArgumentException if a line has not the form that the head of the source gives
  static ReferenceTable parse(String text) {
    var rows = new ArrayList<ReferenceRow>();
    String group = "";
    int number = 0;
    for (String line : text.lines().toList()) {
      number++;
      try {
        if (line.startsWith("== ")) {
          group = line.substring(3).strip();
        } else if (line.startsWith("+ ")) {
          rows.getLast().parts().add(part(number, line.substring(2)));
        } else if (!line.isBlank() && !line.startsWith("#")) {
          rows.add(row(number, group, line));
        }
      } catch (RuntimeException e) {
        throw new IllegalArgumentException(SOURCE + ":" + number + ": " + e.getMessage(), e);
      }
    }
    return new ReferenceTable(rows);
  }

  private static ReferenceRow row(int number, String group, String line) {
    List<String> cells = cells(line, 6);
    ReferenceAnswer answer = ReferenceAnswer.of(cells.get(2), cells.get(3));
    return new ReferenceRow(
        number,
        group,
        cells.get(0),
        cells.get(1),
        answer,
        cells.get(4),
        cells.get(5),
        new ArrayList<>());
  }

  private static ReferencePart part(int number, String line) {
    List<String> cells = cells(line, 3);
    List<String> names = List.of(cells.get(0).split(" +", -1));
    return new ReferencePart(number, names, ReferenceAnswer.of(cells.get(1), cells.get(2)));
  }

  private static List<String> cells(String line, int count) {
    var cells = new ArrayList<String>();
    for (String cell : line.split("\\|", -1)) {
      cells.add(cell.strip());
    }
    if (cells.size() != count) {
      throw new IllegalArgumentException(cells.size() + " cells, not " + count);
    }
    return cells;
  }

  /// All rows, in the order of the source.
  List<ReferenceRow> rows() {
    return rows;
  }

  /// The rows of each group, in the order of the source.
  Map<String, List<ReferenceRow>> groups() {
    var groups = new LinkedHashMap<String, List<ReferenceRow>>();
    rows.forEach(row -> groups.computeIfAbsent(row.group(), _ -> new ArrayList<>()).add(row));
    return groups;
  }

  /// Names that the table has more than once, with the last line that has them.
  Map<String, Integer> repeated() {
    return Map.copyOf(repeated);
  }

  /// The row of a name, or the one that the name is a part of.
  @Nullable ReferenceRow find(String name) {
    return byName.get(name);
  }

  /// The names most like a word that is none: those that contain it, then the fewest letters away.
  List<String> nearest(String word) {
    String wanted = word.toLowerCase(Locale.ROOT);
    return byName.keySet().stream()
        .sorted(
            Comparator.<String>comparingInt(name -> distance(name.toLowerCase(Locale.ROOT), wanted))
                .thenComparing(Comparator.naturalOrder()))
        .limit(SUGGESTIONS)
        .toList();
  }

  /// How many letters have to be put in, taken out or changed; none where one contains the other.
  private static int distance(String name, String wanted) {
    if (name.contains(wanted)) {
      return 0;
    }
    int[] previous = new int[wanted.length() + 1];
    for (int j = 0; j < previous.length; j++) {
      previous[j] = j;
    }
    for (int i = 1; i <= name.length(); i++) {
      int[] current = new int[previous.length];
      current[0] = i;
      for (int j = 1; j < current.length; j++) {
        int change = name.charAt(i - 1) == wanted.charAt(j - 1) ? 0 : 1;
        int move = Math.min(previous[j], current[j - 1]) + 1;
        current[j] = Math.min(previous[j - 1] + change, move);
      }
      previous = current;
    }
    return previous[wanted.length()];
  }
}
