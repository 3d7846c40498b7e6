package org.pondhawk.vm.stats;

import java.util.List;

/// What a check of all invariants found.
///
/// @param problems one line for each broken invariant; empty if all hold
public record CheckReport(List<String> problems) {
  /// Makes the list unmodifiable.
  public CheckReport {
    problems = List.copyOf(problems);
  }

  /// Whether every invariant holds.
  public boolean isClean() {
    return problems.isEmpty();
  }

  /// The verdict in a line: `clean`, or what is wrong.
  public String summary() {
    return isClean() ? "clean" : problems.size() + " broken: " + String.join("; ", problems);
  }
}
