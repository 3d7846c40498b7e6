package org.pondhawk.vm;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.boot.FaultSpec;
import org.pondhawk.vm.boot.MachineSpec;
import org.pondhawk.vm.boot.Tunables;
import org.pondhawk.vm.mem.Linux;
import org.pondhawk.vm.mem.Processors;
import org.pondhawk.vm.mem.Topology;
import org.pondhawk.vm.stats.PhysicalRange;
import org.pondhawk.vm.swap.SwapFileSpec;

/// How a machine is to be made. Immutable; made by a [Builder].
public final class VmConfig {
  private static final long DEFAULT_PHYSICAL_MEMORY = 64L << 20;
  private static final int DEFAULT_PAGE_SIZE = 4096;
  private static final int DEFAULT_BURST_READ = 16;
  private static final int MAX_BURST_READ = 31;
  private static final int MAX_CPUS = Topology.MAX_PROCESSORS;
  private static final int DEFAULT_PREFAULT_PAGES = 8;
  private static final int MAX_PREFAULT_PAGES = 1024;
  private static final long MAX_DMA_RESERVE = 1L << 40;

  private final long physicalMemory;
  private final int pageSize;
  private final long swapBytes;
  private final @Nullable Path swapFile;
  private final Path swapDirectory;
  private final int swapBurstRead;
  private final Topology topology;
  private final IntSupplier cpu;
  private final PageTables pageTables;
  private final boolean poisonFreedFrames;
  private final Duration patience;
  private final Duration leasePatience;
  private final boolean membarrier;
  private final FaultSpec faults;
  private final LongSupplier nanoClock;
  private final long dmaReserve;
  private final Map<String, Long> tunables;

  private final List<PhysicalRange> physicalRanges;

  private VmConfig(Builder b) {
    this.pageSize = b.pageSize;
    this.physicalRanges = b.physicalRanges;
    this.physicalMemory =
        physicalRanges.isEmpty()
            ? b.physicalMemory
            : MachineSpec.bytesOf(physicalRanges, b.pageSize);
    this.swapBytes = b.swapBytes;
    this.swapFile = b.swapFile;
    this.swapDirectory = b.swapDirectory;
    this.swapBurstRead = b.swapBurstRead;
    this.topology = b.topology;
    this.cpu = b.cpu;
    this.pageTables = b.pageTables;
    this.poisonFreedFrames = b.poisonFreedFrames;
    this.patience = b.patience;
    this.leasePatience = b.leasePatience;
    this.membarrier = b.membarrier;
    this.faults = new FaultSpec(b.prefaultPages, b.zeroesAhead);
    this.nanoClock = b.nanoClock;
    this.dmaReserve = b.dmaReserve;
    this.tunables = Map.copyOf(b.tunables);
  }

  /// A builder with 64 MiB of memory, pages of 4 KiB and no swap.
  public static Builder builder() {
    return new Builder();
  }

  /// The whole budget in bytes: frames, descriptors, queues, page tables and indexes.
  public long physicalMemory() {
    return physicalMemory;
  }

  /// Where in the physical address space the budget lies, as it was given; empty for one range from
  /// 0.
  public List<PhysicalRange> physicalRanges() {
    return physicalRanges;
  }

  /// The page size in bytes.
  public int pageSize() {
    return pageSize;
  }

  /// The size of swap in bytes; 0 for none.
  public long swap() {
    return swapBytes;
  }

  /// The file that swap is kept in while the machine runs, or null for one without a name.
  public @Nullable Path swapFile() {
    return swapFile;
  }

  /// The directory of a swap file without a name.
  public Path swapDirectory() {
    return swapDirectory;
  }

  /// How many pages a read from swap may read ahead.
  public int swapBurstRead() {
    return swapBurstRead;
  }

  /// For how many processors the queues and counters are spread.
  public int cpus() {
    return topology.processors();
  }

  /// The processors in a word: `2x8x2` for 2 sockets of 8 cores of 2 threads, or their number where
  /// nothing else is known.
  public String topology() {
    return topology.brief();
  }

  /// The processors in words, with where that is known from, or why it is not.
  public String topologyInWords() {
    return topology.describe();
  }

  /// The form of the page tables of address spaces.
  public PageTables pageTables() {
    return pageTables;
  }

  /// Whether freed frames are filled with a pattern, so that stale use shows.
  public boolean poisonFreedFrames() {
    return poisonFreedFrames;
  }

  /// How long an operation waits for memory while nothing moves.
  public Duration patience() {
    return patience;
  }

  /// How much memory is kept for runs of neighbouring frames, in bytes: whole pages.
  public long dmaReserve() {
    return (long) spec().reserveFrames() * pageSize;
  }

  /// How long an operation waits for leases in its way.
  public Duration leasePatience() {
    return leasePatience;
  }

  /// How many resident neighbours of a page are mapped with it.
  public int prefaultPages() {
    return faults.prefaultPages();
  }

  /// Whether frames are zeroed before they are asked for.
  public boolean zeroesAhead() {
    return faults.zeroesAhead();
  }

  /// The tunables that were chosen, by name.
  public Map<String, Long> tunables() {
    return tunables;
  }

  /// The least physical memory in bytes that a machine made like this can have; with ranges, how
  /// much theirs must be together.
  public long minimumPhysicalMemory() {
    return spec().minimumBytes();
  }

  MachineSpec spec() {
    SwapFileSpec swap = null;
    if (swapBytes > 0) {
      swap =
          swapFile == null
              ? SwapFileSpec.anonymous(swapDirectory, swapBytes, pageSize)
              : SwapFileSpec.at(swapFile, swapBytes, pageSize);
    }
    return new MachineSpec(
        physicalMemory,
        physicalRanges,
        pageSize,
        dmaReserve,
        swap,
        swapBurstRead,
        new Processors(topology, cpu),
        AddressSpace.DEFAULT_RANGE,
        pageTables.internal,
        poisonFreedFrames,
        patience.toNanos(),
        leasePatience.toNanos(),
        membarrier,
        faults,
        nanoClock::getAsLong,
        tunables);
  }

  /// Collects the choices for a [VmConfig]. Each setter checks its value.
  public static final class Builder {
    private long physicalMemory = DEFAULT_PHYSICAL_MEMORY;
    private List<PhysicalRange> physicalRanges = List.of();
    private int pageSize = DEFAULT_PAGE_SIZE;
    private long swapBytes;
    private @Nullable Path swapFile;
    private Path swapDirectory = Path.of(System.getProperty("java.io.tmpdir", "."));
    private int swapBurstRead = DEFAULT_BURST_READ;
    private Topology topology = defaultTopology();
    private IntSupplier cpu = Linux::currentCpu;
    private PageTables pageTables = PageTables.AUTO;
    private boolean poisonFreedFrames;
    private Duration patience = Duration.ofSeconds(30);
    private Duration leasePatience = Duration.ofSeconds(5);
    private boolean membarrier = true;
    private int prefaultPages = DEFAULT_PREFAULT_PAGES;
    private boolean zeroesAhead;
    private LongSupplier nanoClock = System::nanoTime;
    private long dmaReserve;
    private final Map<String, Long> tunables = new TreeMap<>();

    private Builder() {}

    /// Sets the whole budget, as one range from physical address 0.
    ///
    /// @param bytes at least what [VmConfig#minimumPhysicalMemory] says
    public Builder physicalMemory(long bytes) {
      physicalMemory = positive("physicalMemory", bytes);
      physicalRanges = List.of();
      return this;
    }

    /// Sets the whole budget as ranges of a physical address space with holes, as a machine has
    /// that is to be studied (`phys_avail`): its whole pages together, in place of
    /// [#physicalMemory]. What is given twice counts once, and [VirtualMemory#memoryMap] says so.
    /// Holes take 64 bytes of the budget for each page, and no memory; the machine's own structures
    /// are taken off the top of the largest range.
    ///
    /// ```java
    /// VmConfig.builder().physicalRanges(List.of(
    ///     new PhysicalRange(0, 640 << 10), new PhysicalRange(1 << 20, 64 << 20)));
    /// ```
    ///
    /// @param ranges in any order; at least one
    public Builder physicalRanges(List<PhysicalRange> ranges) {
      if (ranges.isEmpty()) {
        throw new IllegalArgumentException("no physical range is given");
      }
      physicalRanges = List.copyOf(ranges);
      return this;
    }

    /// Sets the page size.
    ///
    /// @param bytes a power of two from 4 KiB to 64 KiB
    public Builder pageSize(int bytes) {
      if (bytes < 1 << 12 || bytes > 1 << 16 || Integer.bitCount(bytes) != 1) {
        throw new IllegalArgumentException(
            "pageSize=" + bytes + " is not a power of two from 4096 to 65536");
      }
      pageSize = bytes;
      return this;
    }

    /// Swaps to a file without a name, which nobody else sees and nothing can leave behind.
    ///
    /// @param bytes the size; 0 for no swap
    public Builder swap(long bytes) {
      swapBytes = bytes == 0 ? 0 : positive("swap", bytes);
      swapFile = null;
      return this;
    }

    /// Swaps to a file that is there while the machine runs and is removed when it closes.
    ///
    /// @param file does not exist, or is a swap file that nobody uses
    public Builder swap(Path file, long bytes) {
      swapBytes = positive("swap", bytes);
      swapFile = file;
      return this;
    }

    /// Sets the directory of a swap file without a name; the directory for temporary files by
    /// default.
    public Builder swapDirectory(Path directory) {
      swapDirectory = directory;
      return this;
    }

    /// Sets how many pages a read from swap may bring in besides the one that was asked for: those
    /// that follow it both in their mapping and in swap, while memory is not short
    /// (`vm.swap_burst_read`). 16 by default.
    ///
    /// @param pages from 0, for no read-ahead, to 31
    public Builder swapBurstRead(int pages) {
      if (pages < 0 || pages > MAX_BURST_READ) {
        throw new IllegalArgumentException(
            "swapBurstRead=" + pages + " is not from 0 to " + MAX_BURST_READ);
      }
      swapBurstRead = pages;
      return this;
    }

    private static Topology defaultTopology() {
      Topology computer = Topology.ofSystem();
      return computer.processors() > MAX_CPUS ? Topology.unknown(MAX_CPUS) : computer;
    }

    /// Sets for how many processors the queues and counters are spread, where nothing else is known
    /// of them. By default they are those of this computer that the process may use, with their
    /// sockets and cores, as the kernel tells.
    ///
    /// @param count from 1 to 1024
    public Builder cpus(int count) {
      if (count < 1 || count > MAX_CPUS) {
        throw new IllegalArgumentException("cpus=" + count + " is not from 1 to " + MAX_CPUS);
      }
      topology = Topology.unknown(count);
      return this;
    }

    /// Makes the machine as if for a computer with so many processors: memory is shared evenly
    /// among the sockets, and each processor prefers frames of its own. Threads are counted to
    /// those processors by the real ones that they run on.
    ///
    /// @param text sockets, cores of each and threads of each of these, as in `2x8x2`; from 1 to
    ///   1024 in all
    /// @throws IllegalArgumentException for other text
    public Builder topology(String text) {
      topology = Topology.parse(text);
      return this;
    }

    /// Sets where the number of the processor comes from that the calling thread runs on; the
    /// kernel by default.
    ///
    /// @param number any number from 0
    public Builder currentCpu(IntSupplier number) {
      cpu = number;
      return this;
    }

    /// Sets the form of the page tables; [PageTables#AUTO] by default.
    public Builder pageTables(PageTables form) {
      pageTables = form;
      return this;
    }

    /// Fills freed frames with a pattern, so that stale use shows; for tests.
    public Builder poisonFreedFrames(boolean poison) {
      poisonFreedFrames = poison;
      return this;
    }

    /// Sets how long an operation waits for memory while nothing in the machine moves.
    public Builder patience(Duration limit) {
      positive("patience", limit.toNanos());
      patience = limit;
      return this;
    }

    /// Sets how long an unmap, a fork, a freeze or a close waits for a [PageLease] in its way,
    /// before it throws [org.pondhawk.vm.error.LeaseHeldException]; 5 seconds by default.
    public Builder leasePatience(Duration limit) {
      positive("leasePatience", limit.toNanos());
      leasePatience = limit;
      return this;
    }

    /// Whether a store may go without a fence where the kernel has `membarrier`; on by default.
    public Builder membarrier(boolean use) {
      membarrier = use;
      return this;
    }

    /// Sets how many resident neighbours of a page are mapped with it when it is faulted on, half
    /// of them on either side; 8 by default.
    ///
    /// @param count from 0, for none, to 1024
    public Builder prefaultPages(int count) {
      if (count < 0 || count > MAX_PREFAULT_PAGES) {
        throw new IllegalArgumentException(
            "prefaultPages=" + count + " is not from 0 to " + MAX_PREFAULT_PAGES);
      }
      prefaultPages = count;
      return this;
    }

    /// Whether a thread zeroes the frames of free pages while a processor has nothing else to do,
    /// so that a first store finds its page ready; off by default.
    public Builder zeroesAhead(boolean zeroes) {
      zeroesAhead = zeroes;
      return this;
    }

    /// Sets the clock that waits and statistics go by.
    ///
    /// @param nanos nanoseconds since some fixed moment, never decreasing
    public Builder nanoClock(LongSupplier nanos) {
      nanoClock = nanos;
      return this;
    }

    /// Keeps memory for [VirtualMemory#allocateContiguous], out of everybody else's reach
    /// (`vm.dma_reserved`); none by default, and runs are then found by emptying frames.
    ///
    /// @param bytes from 0 to 1 TiB, rounded up to whole pages
    public Builder dmaReserve(long bytes) {
      if (bytes < 0 || bytes > MAX_DMA_RESERVE) {
        throw new IllegalArgumentException(
            "dmaReserve=" + bytes + " is not from 0 to " + MAX_DMA_RESERVE);
      }
      dmaReserve = bytes;
      return this;
    }

    /// Keeps a sixteenth of memory, 128 MiB at most, for [VirtualMemory#allocateContiguous]; none
    /// in a machine that would be too small then.
    public Builder dmaReserveAuto() {
      dmaReserve = MachineSpec.AUTO;
      return this;
    }

    /// Chooses a tunable of the machine, such as `vm.page_free_hysteresis`.
    ///
    /// @param name one that there is
    /// @param value in its range
    public Builder tunable(String name, long value) {
      new Tunables(Map.of(name, value)); // refuses what is wrong with either
      switch (name) { // those that have a setter have one place
        case Tunables.DMA_RESERVED -> dmaReserve = value;
        case Tunables.SWAP_BURST_READ -> swapBurstRead = (int) value;
        case Tunables.IDLEZERO_ENABLE -> zeroesAhead = value != 0;
        default -> tunables.put(name, value);
      }
      return this;
    }

    /// Chooses a tunable of the machine by a value as people write it: `faithful`, `on`, `64m`.
    ///
    /// @param name one that there is
    /// @param value see [TunableInfo#parse]
    public Builder tunable(String name, String value) {
      return tunable(name, TunableTable.known(name).parse(value));
    }

    /// Makes the configuration.
    public VmConfig build() {
      return new VmConfig(this);
    }

    private static long positive(String name, long value) {
      if (value <= 0) {
        throw new IllegalArgumentException(name + "=" + value + " is not positive");
      }
      return value;
    }
  }
}
