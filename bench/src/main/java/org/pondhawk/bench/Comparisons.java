package org.pondhawk.bench;

import static java.util.stream.Collectors.joining;

import java.util.List;

/// All comparisons there are.
final class Comparisons {
  static final List<Comparison> ALL =
      List.of(
          new HitComparison(),
          new StepsComparison(),
          new BulkComparison(),
          new FaultComparison(),
          new ForkComparison(),
          new ResidentComparison(),
          new GraceComparison(),
          new LoadsComparison(),
          new MapComparison(),
          new AllocComparison(),
          new BusyComparison(),
          new BootComparison(),
          new PeersComparison());

  private Comparisons() {}

  /// @throws BadUsageException if there is none of this name
  static Comparison named(String name) {
    return ALL.stream()
        .filter(comparison -> comparison.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            new BadUsageException(
                "no comparison is called "
                    + name
                    + "; there are "
                    + ALL.stream().map(Comparison::name).collect(joining(", "))));
  }
}
