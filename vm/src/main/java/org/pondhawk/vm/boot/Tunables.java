package org.pondhawk.vm.boot;

import java.util.List;
import java.util.Map;
import org.pondhawk.vm.queue.AllocTuning;
import org.pondhawk.vm.queue.PageQueue;
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

  private final Tunable setAssociativityMask =
      Tunable.atBoot(
          "vm.set_assoc_mask",
          AllocTuning.BY_PROCESSORS,
          PageQueue.COLORS - 1,
          AllocTuning.USUAL_MASK,
          "One less than the colours of the first window of a search for a page, rounded up to a power of two; -1 gives each processor a share of the colours, of at least 16.");

  private final Tunable magazinePages =
      Tunable.atBoot(
          "vm.magazine_pages",
          0,
          1024,
          0,
          "How many zeroed pages each processor sets aside for faults to come at most; 0 for none.");

  private final List<Tunable> all = List.of(freeHysteresis, setAssociativityMask, magazinePages);

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

  /// How the allocator searches and sets aside.
  public AllocTuning allocTuning() {
    return AllocTuning.of(setAssociativityMask, magazinePages);
  }

  /// See [org.pondhawk.vm.queue.FreeGate].
  public Tunable freeHysteresis() {
    return freeHysteresis;
  }
}
