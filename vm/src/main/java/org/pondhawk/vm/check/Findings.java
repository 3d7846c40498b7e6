package org.pondhawk.vm.check;

import java.util.ArrayList;
import java.util.List;
import org.pondhawk.vm.stats.CheckReport;

/// Collects what a check finds; the first so many in full.
final class Findings {
  private static final int MOST = 50;

  private final List<String> problems = new ArrayList<>();
  private int left;

  /// Notes a broken invariant unless a condition holds.
  @SuppressWarnings("AnnotateFormatMethod") // the annotation would be a dependency
  void require(boolean holds, String problem, Object... details) {
    if (!holds) {
      if (problems.size() < MOST) {
        problems.add(problem.formatted(details));
      } else {
        left++;
      }
    }
  }

  CheckReport report() {
    if (left > 0) {
      problems.add("and " + left + " more");
    }
    return new CheckReport(problems);
  }
}
