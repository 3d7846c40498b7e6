package org.pondhawk.vm.boot;

import java.util.List;
import java.util.Map;
import org.pondhawk.vm.sync.Tunable;

/// The numbers of one machine that its user may choose (the reference's `sysctl` tree).
///
/// To add one: make it here, add it to [#all], and hand it to the part that goes by it.
public final class Tunables {
  /// What [MachineSpec] charges the budget by.
  static final String PAGE_HASH_ENTRIES = "vm.page_hash_entries";

  private final Tunable freeHysteresis =
      Tunable.live(
          "vm.page_free_hysteresis",
          0,
          1 << 20,
          16,
          "How many pages more than the minimum must be available before waiters are woken.");

  /// A value of [#numaPolicy]: a frame's memory comes from where it is touched first.
  static final long NUMA_FIRST_TOUCH = 0;

  /// A value of [#numaPolicy]: it comes from the node whose colours the frame has, and from no
  /// other.
  static final long NUMA_BIND = 2;

  private final Tunable numaPolicy =
      Tunable.atBoot(
          "vm.numa_policy",
          NUMA_FIRST_TOUCH,
          NUMA_BIND,
          1,
          "Where the memory of frames comes from on a computer with several memory nodes: 0 where it"
              + " is touched first, 1 the frame's node if it has memory left, 2 that node only.");

  private final Tunable pageHashEntries =
      Tunable.atBoot(
          PAGE_HASH_ENTRIES,
          -1,
          8 << 20,
          0,
          "How many entries the page hash has, rounded up to a power of two; 0 for no page hash,"
              + " -1 for one entry for 16 pages, from 4096 to 8388608.");

  private final Tunable pageHashFilesOnly =
      Tunable.live(
          "vm.page_hash_vnode_only",
          0,
          1,
          0,
          "Whether only pages of files are entered into the page hash. There are no files yet, so"
              + " that 1 enters nothing.");

  private final Tunable faultsByHash =
      Tunable.atBoot(
          "vm.fault_by_hash",
          0,
          1,
          0,
          "Whether a fault asks the page hash for a page before the index of the object; needs"
              + " vm.page_hash_entries.");

  private final Tunable fictitiousPages =
      Tunable.atBoot(
          "vm.fictitious_pages",
          0,
          1 << 16,
          64,
          "How many pages there are for memory that is not the machine's own; each takes 64 bytes.");

  private final List<Tunable> all = List.of(freeHysteresis, pageHashEntries, pageHashFilesOnly, faultsByHash, fictitiousPages, numaPolicy);

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

  /// Where the memory of frames comes from.
  public Tunable numaPolicy() {
    return numaPolicy;
  }

  /// See [org.pondhawk.vm.queue.FreeGate].
  public Tunable freeHysteresis() {
    return freeHysteresis;
  }

  /// See [org.pondhawk.vm.object.PageHash].
  public Tunable pageHashFilesOnly() {
    return pageHashFilesOnly;
  }

  /// See [org.pondhawk.vm.object.HashedLookup].
  public Tunable faultsByHash() {
    return faultsByHash;
  }

  /// See [org.pondhawk.vm.queue.FictitiousPages].
  public Tunable fictitiousPages() {
    return fictitiousPages;
  }
}
