package org.pondhawk.vm.boot;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.pondhawk.vm.fault.RangeFaults;
import org.pondhawk.vm.map.MapLimits;
import org.pondhawk.vm.queue.AllocTuning;
import org.pondhawk.vm.queue.FreeLevel;
import org.pondhawk.vm.queue.FreeLevels;
import org.pondhawk.vm.queue.NicePolicy;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.Pressure;
import org.pondhawk.vm.shm.ShmLimits;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.Tunable.Change;

/// The numbers of one machine that its user may choose (the reference's `sysctl` tree); those that
/// can only be read are [Readings].
///
/// To add one: make it here, add it to [#all], hand it to the part that goes by it, and print
/// `docs/tunables.md` anew.
public final class Tunables {
  /// How much is kept for runs: [org.pondhawk.vm.boot.MachineSpec] has it.
  public static final String DMA_RESERVED = "vm.dma_reserved";

  /// How many pages are read ahead from swap: [org.pondhawk.vm.boot.MachineSpec] has it.
  public static final String SWAP_BURST_READ = "vm.swap_burst_read";

  /// Whether frames are zeroed ahead: [org.pondhawk.vm.boot.MachineSpec] has it.
  public static final String IDLEZERO_ENABLE = "vm.idlezero_enable";

  /// What [MachineSpec] charges the budget by.
  static final String PAGE_HASH_ENTRIES = "vm.page_hash_entries";

  /// A value of [#numaPolicy]: a frame's memory comes from where it is touched first.
  static final long NUMA_FIRST_TOUCH = 0;

  /// A value of [#numaPolicy]: it comes from the node whose colours the frame has, and from no
  /// other.
  static final long NUMA_BIND = 2;

  private static final long MOST_RESERVED = 1L << 40;
  private static final int MOST_BURST = 31;
  private static final int USUAL_BURST = 16;

  private final Tunable freeHysteresis =
      Tunable.live(
              "vm.page_free_hysteresis",
              0,
              1 << 20,
              16,
              "How many pages more than the minimum must be available before waiters are woken.")
          .in("pages");

  private final Tunable nicePolicy =
      Tunable.choice(
          "vm.nice_policy",
          Change.LIVE,
          "How niceness moves the level at which a thread waits: as one expects, or as the reference.",
          "monotone",
          "faithful");

  private final Tunable lowmemKill =
      Tunable.flag(
          "vm.lowmem_kill",
          Change.LIVE,
          false,
          "When swap is full, the largest address space is condemned before others are refused.");

  private final Tunable dmaReserved =
      Tunable.atBoot(
              DMA_RESERVED,
              MachineSpec.AUTO,
              MOST_RESERVED,
              0,
              "What is kept for runs of frames; -1 for a sixteenth of memory, 128 MiB at most.")
          .in("bytes");

  private final Tunable swapBurstRead =
      Tunable.atBoot(
              SWAP_BURST_READ,
              0,
              MOST_BURST,
              USUAL_BURST,
              "How many pages a read from swap may bring in beside the one that was asked for.")
          .in("pages");

  private final Tunable idlezero =
      Tunable.flag(
          IDLEZERO_ENABLE,
          Change.AT_BOOT,
          false,
          "Frames are zeroed before they are asked for, while a processor is idle.");

  private final Tunable pageHashEntries =
      Tunable.atBoot(
              PAGE_HASH_ENTRIES,
              -1,
              8 << 20,
              0,
              "How many entries the page hash has, rounded up to a power of two; 0 for no page hash,"
                  + " -1 for one for 16 pages, from 4096 to 8388608.")
          .in("entries");

  private final Tunable pageHashFilesOnly =
      Tunable.flag(
          "vm.page_hash_vnode_only",
          Change.LIVE,
          false,
          "Only pages of files are entered into the page hash: none yet, as there are no files.");

  private final Tunable faultsByHash =
      Tunable.flag(
          "vm.fault_by_hash",
          Change.AT_BOOT,
          false,
          "A fault asks the page hash for a page before the index of the object; needs"
              + " vm.page_hash_entries.");

  private final Tunable fictitiousPages =
      Tunable.atBoot(
              "vm.fictitious_pages",
              0,
              1 << 16,
              64,
              "How many pages there are for memory that is not the machine's own; each takes 64 bytes.")
          .in("pages");

  private final Tunable numaPolicy =
      Tunable.atBoot(
          "vm.numa_policy",
          NUMA_FIRST_TOUCH,
          NUMA_BIND,
          1,
          "Where the memory of frames comes from on a computer with several memory nodes: 0 where it"
              + " is touched first, 1 the frame's node if it has memory left, 2 that node only.");

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

  private final Tunable mostMappings =
      Tunable.live(
              "vm.max_proc_mmap",
              0,
              Integer.MAX_VALUE,
              1_000_000,
              "How many mappings an address space may have before it gets no more; 0 for any number.")
          .in("mappings");

  private final Tunable mostData =
      Tunable.live(
              "kern.maxdsiz",
              0,
              MachineSpec.MAX_RANGE,
              32L << 30,
              "How long the data range of an address space may get, which ends with the break.")
          .in("bytes");

  private final Tunable mostStack =
      Tunable.live(
              "kern.maxssiz",
              0,
              MachineSpec.MAX_RANGE,
              512L << 20,
              "How long a stack may be made that grows.")
          .in("bytes");

  private final Tunable stackStep =
      Tunable.live(
              "kern.sgrowsiz",
              1,
              1L << 30,
              128 << 10,
              "How much of a stack is mapped at first, and by how much it grows, in whole pages.")
          .in("bytes");

  private final Tunable maxWired =
      Tunable.live(
              "vm.max_wired",
              RangeFaults.USUAL,
              1L << 40,
              RangeFaults.USUAL,
              "How many pages may be wired when a range is to be: 0 for a third of all.")
          .in("pages");

  private final ShmTunables sharedMemory = new ShmTunables();

  private final LevelTunables levels = new LevelTunables();

  private final List<Tunable> all = new ArrayList<>(levels.all());

  {
    all.add(freeHysteresis);
    all.add(nicePolicy);
    all.add(lowmemKill);
    all.add(dmaReserved);
    all.add(swapBurstRead);
    all.add(idlezero);
    all.add(pageHashEntries);
    all.add(pageHashFilesOnly);
    all.add(faultsByHash);
    all.add(fictitiousPages);
    all.add(numaPolicy);
    all.add(setAssociativityMask);
    all.add(magazinePages);
    all.add(mostMappings);
    all.add(mostData);
    all.add(mostStack);
    all.add(stackStep);
    all.add(maxWired);
    all.addAll(sharedMemory.all());
  }

  /// The numbers of a machine to be booted.
  ///
  /// @param chosen values by name; all others are as nobody chose them
  /// @throws IllegalArgumentException for a name that is not here, or a value out of range
  public Tunables(Map<String, Long> chosen) {
    chosen.forEach((name, value) -> find(name).choose(value));
  }

  /// All of them.
  public List<Tunable> all() {
    return List.copyOf(all);
  }

  /// The one of a name.
  ///
  /// @throws IllegalArgumentException if there is none, naming some that are near
  public Tunable find(String name) {
    for (Tunable tunable : all) {
      if (tunable.name().equals(name)) {
        return tunable;
      }
    }
    throw NearNames.unknown(name, all.stream().map(Tunable::name).toList());
  }

  /// Sets some of them while the machine runs, all or none: the levels of free memory are compared
  /// with each other as they will be.
  ///
  /// @throws IllegalArgumentException for a name that is not here, a value out of range, or levels
  ///   out of order
  /// @throws IllegalStateException for one that is chosen before boot
  public void setAll(Map<String, Long> wanted) {
    Map<FreeLevel, Long> ofLevels = new EnumMap<>(FreeLevel.class);
    Map<Tunable, Long> others = new LinkedHashMap<>();
    wanted.forEach((name, value) -> {
      Tunable tunable = find(name);
      tunable.requireSettable(value);
      FreeLevel level = levels.levelOf(tunable);
      if (level == null) {
        others.put(tunable, value);
      } else {
        ofLevels.put(level, value);
      }
    });
    if (!ofLevels.isEmpty()) {
      levels.set(ofLevels);
    }
    others.forEach(Tunable::set);
  }

  /// The levels of a machine that is to be made.
  ///
  /// @throws IllegalArgumentException if those that were chosen are out of order
  FreeLevels levels(MachineSpec spec, int pageCount) {
    return levels.settle(pageCount, pageCount - spec.reserveFrames());
  }

  /// Lets a machine that was made go by its tunables from now on, and tells what was chosen for it
  /// elsewhere.
  void drive(MachineSpec spec, Pressure pressure, int pageCount) {
    levels.drive(pressure, pageCount);
    sharedMemory.settle(pageCount, spec.pageSize());
    nicePolicy.takenBy(value -> {
      pressure.setNicePolicy(NicePolicy.of((int) value));
      nicePolicy.note(value);
    });
    pressure.setNicePolicy(NicePolicy.of((int) nicePolicy.get()));
    dmaReserved.note((long) spec.reserveFrames() * spec.pageSize());
    swapBurstRead.note(spec.swapBurstRead());
    idlezero.note(spec.faults().zeroesAhead() ? 1 : 0);
  }

  /// What every address space may do.
  MapLimits.Machine mapLimits() {
    return new MapLimits.Machine(mostMappings, mostData, mostStack, stackStep);
  }

  /// How the allocator searches and sets aside.
  public AllocTuning allocTuning() {
    return AllocTuning.of(setAssociativityMask, magazinePages);
  }

  /// See [org.pondhawk.vm.shm.Segments].
  ShmLimits sharedMemory() {
    return sharedMemory.limits();
  }

  /// See [RangeFaults].
  public Tunable maxWired() {
    return maxWired;
  }

  /// See [org.pondhawk.vm.queue.FreeGate].
  public Tunable freeHysteresis() {
    return freeHysteresis;
  }

  /// See [org.pondhawk.vm.map.LowMemoryKill].
  Tunable lowmemKill() {
    return lowmemKill;
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

  /// See [org.pondhawk.vm.mem.FrameMemory#bind].
  public Tunable numaPolicy() {
    return numaPolicy;
  }
}
