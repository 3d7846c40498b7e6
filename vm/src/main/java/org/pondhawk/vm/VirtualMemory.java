package org.pondhawk.vm;

import java.lang.foreign.MemorySegment;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.Seams;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.pager.Pager;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.stats.CheckReport;
import org.pondhawk.vm.stats.MemoryMap;
import org.pondhawk.vm.stats.PhysicalRange;
import org.pondhawk.vm.stats.VmStatistics;

/// A machine: physical memory, swap, and the address spaces that share them.
///
/// All methods may be called from any thread, platform or virtual.
public final class VirtualMemory implements AutoCloseable {
  private static final int IO_THREADS = 2;
  private static final PhysicalRange ANYWHERE = new PhysicalRange(0, PhysicalRange.MAX_END);

  private final VmConfig config;
  private final Machine machine;
  private final EdgeThreads edge;
  private final ContiguousPool contiguous;
  private final ObjectOpeners openers;
  private final TunableTable tunables;
  private final Inspector inspector;
  private final Residents residents;
  private final SharedMemory sharedMemory;
  private final ExecutorService io;
  private final Thread daemon;
  private final Thread collapser;
  private final Thread zeroer;

  private VirtualMemory(VmConfig config, Seams seams) {
    this.config = config;
    AtomicInteger number = new AtomicInteger();
    this.io =
        Executors.newFixedThreadPool(
            IO_THREADS,
            task ->
                Thread.ofPlatform()
                    .daemon()
                    .name("pondhawk-io-" + number.incrementAndGet())
                    .unstarted(task));
    this.machine = new Machine(config.spec(), seams, io);
    this.edge = new EdgeThreads(machine);
    this.openers = new ObjectOpeners(machine, edge);
    this.tunables = new TunableTable(machine);
    this.inspector = new Inspector(machine);
    this.residents = new Residents(machine, edge);
    this.sharedMemory = new SharedMemory(machine, edge, Credentials.OWNER);
    this.contiguous = new ContiguousPool(machine, edge);
    this.collapser =
        Thread.ofPlatform().daemon().name("pondhawk-collapse").unstarted(machine.collapser());
    this.zeroer = Thread.ofPlatform().daemon().name("pondhawk-zero").unstarted(machine.zeroer());
    this.daemon = Thread.ofPlatform().daemon().name("pondhawk-pageout").unstarted(machine.daemon());
  }

  /// Boots a machine.
  ///
  /// @throws IllegalArgumentException if its memory is too small, naming the minimum
  /// @throws java.io.UncheckedIOException if the swap file can't be made; nothing is left behind
  public static VirtualMemory boot(VmConfig config) {
    return boot(config, Seams.SOUND);
  }

  /// Boots a machine with some parts replaced, for tests of this library: [Seams] is visible to
  /// nobody else.
  @SuppressWarnings("exports")
  public static VirtualMemory boot(VmConfig config, Seams seams) {
    VirtualMemory vm = new VirtualMemory(config, seams);
    vm.daemon.start();
    vm.collapser.start();
    if (config.zeroesAhead()) {
      vm.zeroer.start();
    }
    return vm;
  }

  /// How the machine was configured.
  public VmConfig config() {
    return config;
  }

  /// Makes an empty address space of 1 TiB, [AddressSpace#DEFAULT_RANGE].
  public AddressSpace newAddressSpace() {
    return newAddressSpace(AddressSpace.DEFAULT_RANGE);
  }

  /// Makes an empty address space of another range. The range takes addresses of the process for
  /// the page table, from 1/512 of it in pages of 4 KiB downwards (see [PageTables]), and no
  /// memory.
  ///
  /// @param range the number of addresses: a power of two, from 512 pages to
  ///   [AddressSpace#MAX_RANGE]
  /// @throws IllegalStateException if the kernel does not grant the addresses for its page table
  public AddressSpace newAddressSpace(long range) {
    return new AddressSpace(machine, edge, machine.newSpace(range));
  }

  /// Opens memory with a store behind it, for mapping. A store that is open already, as its
  /// `equals` says, has one object for all who open it.
  ///
  /// @param store where the bytes come from and go to
  /// @param bytes how many there are, from 0; the object gets longer if it is open and shorter
  /// @param most what shared mappings may allow at most
  /// @throws IllegalArgumentException if the size is less than 0
  public MemoryObject open(BackingStore store, long bytes, Protection most) {
    return openers.open(store, bytes, most);
  }

  /// Opens memory behind a pager of the machine's own kind, for tests of this library: [Pager] is
  /// visible to nobody else.
  @SuppressWarnings("exports")
  public MemoryObject open(Pager pager, long bytes, Protection most) {
    return openers.open(pager, bytes, most);
  }

  /// Opens memory of zeros that is never paged out, for mapping shared (`phys_pager`). It takes a
  /// frame for each page that was touched, until it is closed and unmapped.
  ///
  /// @param bytes the size, from 1
  /// @throws IllegalArgumentException if the size is less
  public MemoryObject openResident(long bytes) {
    return openers.openResident(bytes);
  }

  /// Opens memory that is not the machine's own, for mapping shared (`dev_pager`): it is read and
  /// written where it lies, and never paged. Each page that was touched takes one of
  /// [VmConfig#tunables]' `vm.fictitious_pages`.
  ///
  /// @param memory whole pages of native memory that lives as long as the process
  ///   (`Arena.global()`), at a multiple of the page size
  /// @throws IllegalArgumentException if it is none such
  public MemoryObject openDevice(MemorySegment memory) {
    return openers.openDevice(memory);
  }

  /// The machine's own memory: see [KernelMemory]. It is made when it is first asked for, and takes
  /// addresses of the process for its page table.
  ///
  /// @throws IllegalStateException if the kernel does not grant the addresses for that
  public KernelMemory kernelMemory() {
    return edge.call(_ -> new KernelMemory(machine, edge, machine.kernel().area()));
  }

  /// Takes neighbouring frames as one segment, which starts at a frame: see [ContiguousMemory]. The
  /// reserve is asked first ([VmConfig#dmaReserve]); then frames are emptied, which may wait for
  /// transfers to swap. Frames with the machine's own tables and indexes are not moved, so that
  /// long runs are only to be relied on where there is a reserve.
  ///
  /// @param bytes at least 1; whole frames are taken
  /// @throws OutOfPagesException if there are no such frames and none can be freed
  /// @throws UnsupportedOperationException without native access
  public ContiguousMemory allocateContiguous(long bytes) {
    return allocateContiguous(bytes, 1, 0);
  }

  /// The same with limits (`vm_page_alloc_contig`).
  ///
  /// @param alignment what the address of the first byte is a multiple of: a power of two up to 2
  ///   MiB, or up to the page size in a machine smaller than that
  /// @param boundary no multiple of it lies inside the memory: a power of two as above, at least
  ///   `bytes`, or 0 for none
  /// @throws OutOfPagesException if there are no such frames and none can be freed
  /// @throws UnsupportedOperationException without native access
  public ContiguousMemory allocateContiguous(long bytes, long alignment, long boundary) {
    return contiguous.take(bytes, alignment, boundary, ANYWHERE);
  }

  /// The same within a range of physical addresses, for hardware that reaches no others
  /// (`contigmalloc` with its bounds).
  ///
  /// @param within where all of the memory lies; what of it the machine does not have is no memory
  /// @throws OutOfPagesException if there are no such frames and none can be freed
  /// @throws UnsupportedOperationException without native access
  public ContiguousMemory allocateContiguous(
      long bytes, long alignment, long boundary, PhysicalRange within) {
    return contiguous.take(bytes, alignment, boundary, within);
  }

  /// Gives frames of the reserve that are free to everybody (`vm_page_startup_finish`).
  ///
  /// @param keepBytes how much of it is to stay free for runs
  /// @return how many bytes were given
  public long shrinkDmaReserve(long keepBytes) {
    return contiguous.shrinkReserve(keepBytes);
  }

  /// How much of the reserve is free, in bytes (`vm.dma_free_pages`).
  public long dmaReserveFree() {
    return (long) machine.contig().reserve().freePages() * config.pageSize();
  }

  /// Where the physical memory lies and what became of it.
  public MemoryMap memoryMap() {
    return machine.memoryMap();
  }

  /// The counts of the machine at this moment.
  public VmStatistics statistics() {
    VmStats stats = machine.page().stats();
    stats.rollup();
    long[] grace = machine.grace().latencies();
    long[] waited = machine.grace().waited();
    return new VmStatistics(
        config.pageSize(),
        config.physicalMemory(),
        machine.physical().frameCount(),
        stats.global(PageCount.FREE),
        stats.global(PageCount.CACHE),
        stats.global(PageCount.INACTIVE),
        stats.global(PageCount.ACTIVE),
        stats.global(PageCount.WIRED),
        stats.total(Event.FAULT_MINOR),
        stats.total(Event.FAULT_MAJOR),
        stats.total(Event.ZERO_FILL),
        stats.total(Event.ZERO_FILL_READY),
        stats.total(Event.ZEROED_AHEAD),
        stats.total(Event.SWAP_PAGES_IN),
        stats.total(Event.SWAP_PAGES_OUT),
        stats.total(Event.COPIED),
        stats.total(Event.MOVED),
        stats.total(Event.FORKS),
        stats.total(Event.SWAP_IN),
        stats.total(Event.SWAP_OUT),
        stats.total(Event.REACTIVATED),
        stats.total(Event.PAGES_SCANNED),
        stats.total(Event.DAEMON_PASSES),
        stats.total(Event.DAEMON_FREED),
        stats.total(Event.MEMORY_WAITS),
        stats.total(Event.IN_TRANSIT),
        grace[0],
        grace[1],
        grace[2],
        waited[0],
        waited[1],
        waited[2],
        machine.swap().total(),
        machine.swap().used(),
        machine.swap().peakUsed(),
        stats.total(Event.FREED),
        stats.total(Event.OBJECT_FREED),
        stats.total(Event.WAITER_WAKEUPS),
        stats.total(Event.CONDEMNED));
  }

  /// Programs that are kept as they were when they had just started, for others to start from.
  public Residents residents() {
    return residents;
  }

  /// Memory that address spaces share by a number or a key, as the owner of the machine sees it,
  /// who may do everything; [SharedMemory#as] is for others.
  public SharedMemory sharedMemory() {
    return sharedMemory;
  }

  /// Looks at pages and queues, without waiting; of use in a halted machine too.
  public Inspector inspector() {
    return inspector;
  }

  /// The numbers of the machine by name, to read and to set while it runs.
  public TunableTable tunables() {
    return tunables;
  }

  /// Waits before something heavy until memory is above the minimum, so that it does not make those
  /// wait who are short of memory already (`vm_wait_nominal`). Returns at once if it is.
  ///
  /// @throws OutOfPagesException if nothing moves for the machine's patience, or swap is full and
  ///   nothing can be freed
  public void awaitNominal() {
    machine.haltSwitch().check();
    FreeGate gate = machine.page().gate();
    edge.run(self -> gate.awaitNominal(self, gate.patience()));
  }

  /// Whether [#awaitNominal] would wait (`vm_test_nominal`).
  public boolean isMemoryShort() {
    machine.haltSwitch().check();
    return edge.<Boolean>call(machine.page().gate()::wouldWait);
  }

  /// Checks every invariant of the machine, while no other thread uses it.
  ///
  /// @throws IllegalStateException if the machine is closed
  public CheckReport check() {
    if (!machine.retain()) {
      throw new IllegalStateException("the machine is closed");
    }
    try {
      return VmCheck.run(machine);
    } finally {
      machine.release();
    }
  }

  /// Closes every address space and all contiguous memory, removes the swap file and gives the
  /// memory back. Later accesses through views find nothing mapped. Waits for calls under way and
  /// for leases; idempotent.
  ///
  /// @throws org.pondhawk.vm.error.LeaseHeldException if another thread does not close its lease in
  ///   time, or the calling thread has one; no space is closed then, and everything goes on
  /// @throws org.pondhawk.vm.error.AccessUnderWayException if a thread does not end a store; call
  ///   again
  @Override
  public void close() {
    try {
      machine.closeSpaces();
    } catch (LeaseHeldException | AccessUnderWayException again) {
      throw again; // the machine goes on, to be closed by another call
    } catch (Throwable broken) {
      machine.halt(broken);
      end();
      throw broken;
    }
    end();
  }

  private void end() {
    contiguous.closeAll();
    machine.daemon().stop();
    machine.collapser().stop();
    machine.zeroer().stop();
    boolean interrupted = join(daemon);
    interrupted |= join(collapser);
    interrupted |= join(zeroer);
    try {
      machine.close();
    } finally {
      if (machine.isClosed()) {
        io.shutdown();
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /// Waits for a thread to end, keeping interrupts pending.
  private static boolean join(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException _) {
        interrupted = true;
      }
    }
    return interrupted;
  }

  Machine machine() {
    return machine;
  }
}
