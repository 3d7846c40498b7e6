package org.pondhawk.vm.boot;

import java.util.List;
import java.util.Map;
import org.pondhawk.vm.sync.Tunable;

/// The numbers of one machine that its user may choose (the reference's `sysctl` tree).
///
/// To add one: make it here, add it to [#all], and hand it to the part that goes by it.
public final class Tunables {
  private final Tunable freeHysteresis =
      Tunable.live(
          "vm.page_free_hysteresis",
          0,
          1 << 20,
          16,
          "How many pages more than the minimum must be available before waiters are woken.");

  private final List<Tunable> all = List.of(freeHysteresis);

  /// The numbers of a machine to be booted.
  ///
  /// @param chosen values by name; all others are as nobody chose them
  /// @throws IllegalArgumentException for a name that is not here, or a value out of range
  public Tunables(Map<String, Long> chosen) {
    chosen.forEach((name, value) -> find(name).choose(value));
  }

  /// All of them.
  public List<Tunable> all() {
    return all;
  }

  /// The one of a name.
  ///
  /// @throws IllegalArgumentException if there is none
  public Tunable find(String name) {
    for (Tunable tunable : all) {
      if (tunable.name().equals(name)) {
        return tunable;
      }
    }
    throw new IllegalArgumentException("there is no tunable " + name);
  }

  /// See [org.pondhawk.vm.queue.FreeGate].
  public Tunable freeHysteresis() {
    return freeHysteresis;
  }
}
