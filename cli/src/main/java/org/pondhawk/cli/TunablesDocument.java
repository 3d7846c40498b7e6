package org.pondhawk.cli;

import java.util.List;
import org.pondhawk.vm.TunableTable;
import org.pondhawk.vm.stats.TunableInfo;
import org.pondhawk.vm.stats.TunableInfo.When;

/// Prints the tunables: the table of the command line, and the page of the documentation.
final class TunablesDocument {
  private static final String HEAD =
      """
      # Tunables

      The numbers of a machine by name, most of them under the names that DragonFly BSD's `sysctl` has for them.

      - In a program: `VmConfig.Builder.tunable(name, value)` before boot; `VirtualMemory.tunables()` lists, reads and sets them while the
        machine runs, from any thread. A name that there is not, a value out of range, and levels that would be out of order are refused.
      - On the command line: `./pondhawk run --set NAME=VALUE`, and `./pondhawk tunables [PATTERN]` for this list.

      Do not edit this page: it is printed by `./pondhawk tunables --write docs/tunables.md`, and `TunablesCommandTest` fails when it is old.
      """;

  private static final String ORDER =
      """

      The levels of free memory are compared with each other when one is set, as a set if several are set at once (`TunableTable.setAll`):
      interrupt_free_min ≤ free_reserved ≤ free_min; free_severe ≤ free_min; pageout_free_min ≤ free_min;
      free_min ≤ paging_wait ≤ paging_start ≤ paging_target1 ≤ paging_target2 ≤ half of the machine; free_min ≤ free_target ≤ paging_target2.
      Setting one changes that one alone: nothing is derived anew.
      """;

  private static final String READ =
      """

      `vm.stats.vm` has the meters summed over the processors that the machine was made for (`VmConfig.cpus`); `vm.cpuN.vmmeter` has those of one.
      """;

  private TunablesDocument() {}

  /// Some of them, one a line, for a terminal.
  static String table(List<TunableInfo> infos) {
    int name = widest(infos.stream().map(TunableInfo::name).toList());
    int initial = widest(infos.stream().map(TunableInfo::initial).toList());
    int range = widest(infos.stream().map(TunablesDocument::range).toList());
    String format = "%-" + name + "s  %-4s  %-" + initial + "s  %-" + range + "s  %s%n";
    StringBuilder text =
        new StringBuilder(format.formatted("NAME", "WHEN", "DEFAULT", "RANGE", "WHAT"));
    for (TunableInfo info : infos) {
      text.append(
          format.formatted(
              info.name(), info.when().word(), info.initial(), range(info), info.what()));
    }
    return text.toString();
  }

  private static int widest(List<String> cells) {
    return Math.max("DEFAULT".length(), cells.stream().mapToInt(String::length).max().orElse(0));
  }

  private static String range(TunableInfo info) {
    return info.when() == When.READ_ONLY ? info.unit() : info.range();
  }

  /// The whole page, as Markdown that stands in `docs/`.
  static String page(ReferenceTable reference) {
    StringBuilder text = new StringBuilder(HEAD);
    text.append("\n## At any time\n\n");
    chosen(text, When.LIVE);
    text.append(ORDER);
    text.append("\n## Before boot\n\n");
    chosen(text, When.AT_BOOT);
    text.append("\n## To be read\n\n| name | unit | what |\n|---|---|---|\n");
    for (TunableInfo info : of(When.READ_ONLY)) {
      row(text, "`" + info.name() + "`", info.unit(), info.what());
    }
    text.append(READ);
    missing(text, reference);
    return text.toString();
  }

  private static List<TunableInfo> of(When when) {
    return TunableTable.known().stream().filter(info -> info.when() == when).toList();
  }

  private static void chosen(StringBuilder text, When when) {
    text.append("| name | default | range | what |\n|---|---|---|---|\n");
    for (TunableInfo info : of(when)) {
      row(text, "`" + info.name() + "`", info.initial(), info.range(), info.what());
    }
  }

  /// The reference's names that have no counterpart, or none yet.
  private static void missing(StringBuilder text, ReferenceTable reference) {
    text.append("\n## Names of the reference that are not here\n\n");
    text.append("| name | why |\n|---|---|\n");
    for (ReferenceRow row : reference.rows()) {
      if (!List.of("tunable", "counter").contains(row.kind())) {
        continue;
      }
      String why = row.contract();
      if (row.answer().state() != ReferenceState.HERE) {
        why = why(row.answer(), row.contract());
        row(text, "`" + row.name() + "`", why);
      }
      for (ReferencePart part : row.parts()) {
        if (part.answer().state() != ReferenceState.HERE) {
          row(text, "`" + String.join("`, `", part.names()) + "`", why(part.answer(), why));
        }
      }
    }
  }

  private static String why(ReferenceAnswer answer, String before) {
    boolean asAbove = "as above".equals(answer.text());
    return answer.state() == ReferenceState.PLANNED ? "planned" : asAbove ? before : answer.text();
  }

  private static void row(StringBuilder text, String... cells) {
    text.append("| ").append(String.join(" | ", cells)).append(" |\n");
  }
}
