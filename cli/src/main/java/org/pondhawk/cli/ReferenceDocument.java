package org.pondhawk.cli;

import static java.util.stream.Collectors.joining;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/// Prints a [ReferenceTable]: the page of the documentation, the entry of a name, a summary.
final class ReferenceDocument {
  private static final String HEAD =
      """
      # Index of the reference's names

      For those who know DragonFly BSD's virtual memory, or FreeBSD's: what became of each operation, type, tunable and counter here.
      `./pondhawk reference NAME` prints one entry, `./pondhawk reference` the counts.

      - **here**: it exists. *here as* is the class and its member, *where* the package and the file, *test* the suite that speaks for it.
      - **planned**: its counterpart is still to be made; a class named there does not exist or does not do it yet.
      - **none**: there is no counterpart, and the entry says why.

      Fields, flags and constants stand in the row of what they belong to, behind its contract.

      Do not edit this page: it is printed by `./pondhawk reference --write docs/reference.md` from
      [reference.txt](../cli/src/main/resources/org/pondhawk/cli/reference.txt). `ReferenceTest` fails when the two differ, and when a row is no
      longer true of the code.
      """;

  private final ReferenceTable table;

  ReferenceDocument(ReferenceTable table) {
    this.table = table;
  }

  /// The whole page, as Markdown that stands in `docs/`.
  String page() {
    var text = new StringBuilder(HEAD);
    table
        .groups()
        .forEach((group, rows) -> {
          text.append("\n## ").append(group).append("\n\n");
          text.append("| name | here as | contract | where | test | state |\n");
          text.append("|---|---|---|---|---|---|\n");
          rows.forEach(row -> text.append(line(row)).append('\n'));
        });
    return text.toString();
  }

  private static String line(ReferenceRow row) {
    ReferenceAnswer answer = row.answer();
    boolean here = answer.state() == ReferenceState.HERE;
    String test = row.test().substring(row.test().lastIndexOf('.') + 1);
    List<String> cells =
        List.of(
            code(row.name()),
            answer.hasCounterpart() ? code(answer.shortName()) : "–",
            contract(row),
            here ? link(packageOf(answer), answer.file()) : "–",
            here ? link(test, row.testFile()) : "–",
            answer.state().word());
    return "| " + String.join(" | ", cells) + " |";
  }

  private static String contract(ReferenceRow row) {
    var text = new StringBuilder(row.contract());
    if (row.answer().state() == ReferenceState.NONE) {
      text.append(". *Why none:* ").append(row.answer().text());
    }
    for (ReferencePart part : row.parts()) {
      String names = part.names().stream().map(ReferenceDocument::code).collect(joining(", "));
      text.append("<br>").append(names).append(": ").append(partAnswer(part.answer()));
    }
    return text.toString();
  }

  private static String partAnswer(ReferenceAnswer answer) {
    return switch (answer.state()) {
      case HERE -> code(answer.shortName());
      case PLANNED -> answer.hasCounterpart() ? "planned, " + code(answer.shortName()) : "planned";
      case NONE -> "none, " + answer.text();
    };
  }

  private static String packageOf(ReferenceAnswer answer) {
    int dot = answer.className().lastIndexOf('.');
    return dot < 0 ? "vm" : answer.className().substring(0, dot);
  }

  private static String code(String text) {
    return "`" + text + "`";
  }

  private static String link(String text, String file) {
    return "[" + text + "](../" + file + ")";
  }

  /// The entry of a name, in lines for a terminal.
  ///
  /// @param name a name of the row or of one of its parts
  String entry(ReferenceRow row, String name) {
    var lines = new ArrayList<String>();
    for (ReferencePart part : row.parts()) {
      if (part.names().contains(name)) {
        lines.add(name + ": " + plain(part.answer()));
        if (part.answer().state() == ReferenceState.HERE) {
          lines.add("  where     " + part.answer().file());
        }
        lines.add("It belongs to:");
      }
    }
    lines.add(row.name() + ": " + plain(row.answer()));
    lines.add("  part      " + row.group() + ", " + row.kind());
    lines.add("  contract  " + row.contract());
    if (row.answer().state() == ReferenceState.HERE) {
      lines.add("  where     " + row.answer().file());
      lines.add("  test      " + row.testFile());
    }
    for (ReferencePart part : row.parts()) {
      lines.add("  with      " + String.join(", ", part.names()) + ": " + plain(part.answer()));
    }
    return String.join("\n", lines) + "\n";
  }

  private static String plain(ReferenceAnswer answer) {
    return switch (answer.state()) {
      case HERE -> "here as " + answer.shortName();
      case PLANNED -> "planned" + (answer.hasCounterpart() ? ", as " + answer.shortName() : "");
      case NONE -> "none, " + answer.text();
    };
  }

  /// How many names of each group are here, planned, and without a counterpart.
  String summary() {
    var text = new StringBuilder("%-28s %6s %8s %6s%n".formatted("", "here", "planned", "none"));
    var all = new EnumMap<ReferenceState, Integer>(ReferenceState.class);
    table
        .groups()
        .forEach((group, rows) -> {
          var counts = new EnumMap<ReferenceState, Integer>(ReferenceState.class);
          for (ReferenceRow row : rows) {
            counts.merge(row.answer().state(), 1, Integer::sum);
            row.parts()
                .forEach(p -> counts.merge(p.answer().state(), p.names().size(), Integer::sum));
          }
          counts.forEach((state, count) -> all.merge(state, count, Integer::sum));
          text.append(counted(group, counts));
        });
    return text.append(counted("all", all)).toString();
  }

  private static String counted(String group, Map<ReferenceState, Integer> counts) {
    return "%-28s %6d %8d %6d%n"
        .formatted(
            group,
            counts.getOrDefault(ReferenceState.HERE, 0),
            counts.getOrDefault(ReferenceState.PLANNED, 0),
            counts.getOrDefault(ReferenceState.NONE, 0));
  }
}
