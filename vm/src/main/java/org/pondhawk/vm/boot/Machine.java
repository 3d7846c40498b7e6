package org.pondhawk.vm.boot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.fault.FaultHandler;
import org.pondhawk.vm.map.ChainCollapser;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.RadixNodes;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.pageout.PageoutDaemon;
import org.pondhawk.vm.pageout.PageoutParts;
import org.pondhawk.vm.pageout.RunLaundry;
import org.pondhawk.vm.pmap.Pmap;
import org.pondhawk.vm.pmap.ReverseMap;
import org.pondhawk.vm.pmap.TableFrames;
import org.pondhawk.vm.queue.ContigAllocator;
import org.pondhawk.vm.queue.DmaReserve;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.FreeLevels;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageMover;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.PageQueues;
import org.pondhawk.vm.queue.Pressure;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.swap.SwapFile;
import org.pondhawk.vm.swap.SwapFileSpec;
import org.pondhawk.vm.swap.SwapIo;
import org.pondhawk.vm.swap.SwapSpace;
import org.pondhawk.vm.swap.SwapStore;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.VmThread;

/// All parts of one machine, made in order and wired together (`vm_mem_init`, `vm_page_startup`).
///
/// It starts no thread: whoever boots it runs [#daemon]. Its memory outlives [#close] for as long
/// as somebody [#retain]s it, because a thread may be in the middle of an access.
public final class Machine implements AutoCloseable {
  /// From this depth of chains on a fork asks for them to be shortened.
  private static final int QUEUE_DEPTH = 5;

  /// From this depth on a fork shortens them itself.
  private static final int MAX_DEPTH = 32;

  private final MachineSpec spec;
  private final OwnMemory memory = new OwnMemory();
  private final HaltSwitch halt = new HaltSwitch();
  private final Grace grace;
  private final PageParts page;
  private final PageAllocator allocator;
  private final ContigAllocator contig;
  private final ObjectTable objects = new ObjectTable();
  private final ObjectOwner owner;
  private final RadixNodes nodes;
  private final Mappings mappings;
  private final ObjectReaper reaper;
  private final TableFrames tableFrames;
  private final SwapStore swap;
  private final @Nullable SwapFile swapFile;
  private final @Nullable SwapSpace swapSpace;
  private final FaultHandler faults;
  private final PageoutDaemon daemon;
  private final ChainCollapser collapser;
  private final Space.Parts spaceParts;
  private final List<Space> spaces = new CopyOnWriteArrayList<>();
  private final AtomicLong lastSpace = new AtomicLong();
  private final AtomicInteger nextStripe = new AtomicInteger();
  private final AtomicInteger holders = new AtomicInteger(1);
  private final AtomicInteger closed = new AtomicInteger();

  /// Makes a machine; every frame is free.
  ///
  /// @param io runs the transfers of virtual threads
  /// @throws UncheckedIOException if the swap file can't be made
  public Machine(MachineSpec spec, Seams seams, Executor io) {
    this.spec = spec;
    int frameCount = spec.frameCount();
    FrameMemory frames = FrameMemory.reserve(frameCount, spec.pageSize());
    PageArray pages = new PageArray(memory, frames, PageoutDaemon.MARKERS);
    PageBusy busy = seams.busy(pages);
    VmStats stats = new VmStats(spec.cpus());
    PageQueues queues = new PageQueues(memory, pages, stats);
    FreeLevels levels = FreeLevels.of(frameCount, frameCount - spec.reserveFrames());
    Pressure pressure = new Pressure(levels, stats);
    FreeGate gate = new FreeGate(pressure, stats, spec.ticker(), halt, spec.patienceNanos());
    PageMover mover = new PageMover(pages, busy, queues, stats, gate);
    this.page = new PageParts(pages, busy, queues, mover, stats, gate);
    this.grace = seams.grace(spec.membarrier(), spec.ticker());
    this.owner = new ObjectOwner(pages, busy, objects);
    this.mappings = seams.mappings(pages).apply(new ReverseMap(pages, objects));
    this.allocator = new PageAllocator(page, grace, owner, mappings, spec.cpus(), spec.poison());
    DmaReserve reserve = new DmaReserve(memory, pages, stats, spec.reserveFrames());
    for (int n = 0; n < frameCount; n++) {
      if (reserve.wants(n)) {
        reserve.addAtBoot(n);
      } else {
        allocator.addAtBoot(n);
      }
    }
    stats.rollup();
    stats.pushAt(levels.pushAt(spec.cpus()));
    this.nodes = new RadixNodes(page, allocator);
    this.reaper = new ObjectReaper(objects, page, allocator, mappings);
    this.tableFrames = new TableFrames(page, allocator);
    this.swapSpace = spec.swap() == null ? null : new SwapSpace(spec.swap().blockCount(), memory);
    this.swapFile = openSwap(frames);
    SwapIo swapIo = swapFile == null ? null : seams.swapIo(swapFile);
    this.swap = new SwapStore(swapIo, swapSpace, nodes, pages, busy, stats, io);
    this.faults = new FaultHandler(page, allocator, owner, nodes, mappings, halt);
    this.spaceParts = new Space.Parts(objects, nodes, reaper, allocator, grace, frames.pageShift());
    VmThread daemonThread = new VmThread("pageout", 0, true, 0).endsWith(halt);
    if (!nodes.reserveFor(daemonThread, 2)) {
      throw new VmPanic("no memory for the daemon's reserve in a machine that was just booted");
    }
    this.collapser =
        new ChainCollapser(
            page,
            allocator,
            owner,
            reaper,
            mappings,
            swap,
            halt,
            new VmThread("collapse", 0, true, 0).endsWith(halt));
    PageoutParts pageout = new PageoutParts(page, allocator, objects, mappings, swap, grace);
    this.daemon = new PageoutDaemon(pageout, halt, daemonThread);
    this.contig =
        new ContigAllocator(
            page,
            allocator,
            reserve,
            grace,
            owner,
            mappings,
            new RunLaundry(pageout),
            new VmThread("contig", 0, true, 0).endsWith(halt));
    seams.booted(this);
  }

  /// Opens the swap file, last of all that can fail, and gives everything back if that does.
  private @Nullable SwapFile openSwap(FrameMemory frames) {
    SwapFileSpec wanted = spec.swap();
    try {
      return wanted == null ? null : SwapFile.create(wanted);
    } catch (IOException e) {
      frames.close();
      memory.close();
      throw new UncheckedIOException(e);
    }
  }

  /// Makes the record of a thread that enters the machine.
  public VmThread newThread(String name) {
    int stripe = Math.floorMod(nextStripe.getAndIncrement(), spec.cpus());
    return new VmThread(name, stripe, false, 0).endsWith(halt);
  }

  /// Makes an empty address space.
  public Space newSpace() {
    halt.check();
    if (closed.get() != 0) {
      throw new IllegalStateException("the machine is closed");
    }
    long id = lastSpace.incrementAndGet();
    Pmap pmap = new Pmap(page.pages(), memory, tableFrames, id, spec.spaceBytes());
    Space space = new Space(id, spec.spaceBytes(), pmap, spaceParts);
    spaces.add(space);
    return space;
  }

  /// Makes a copy of an address space as of now.
  public Space fork(VmThread self, Space parent) {
    int depth = parent.depth();
    if (depth >= MAX_DEPTH) {
      collapser.collapseNow(parent);
    } else if (depth >= QUEUE_DEPTH) {
      collapser.enqueue(parent);
    }
    Space child = newSpace();
    try {
      parent.forkInto(self, child);
    } catch (RuntimeException | Error e) {
      closeSpace(self, child);
      throw e;
    }
    page.stats().count(self.stripe(), Event.FORKS, 1);
    return child;
  }

  /// Closes an address space and forgets it.
  public void closeSpace(VmThread self, Space space) {
    space.close(self);
    spaces.remove(space);
  }

  /// Keeps the machine's memory from being given back.
  ///
  /// @return false if it is given back already
  public boolean retain() {
    return holders.updateAndGet(n -> n == 0 ? 0 : n + 1) != 0;
  }

  /// Ends one [#retain]; the last gives the memory back.
  public void release() {
    if (holders.decrementAndGet() == 0) {
      page.pages().frames().close();
      memory.close();
    }
  }

  /// Closes the spaces and the swap file. The daemon has ended. Idempotent.
  @Override
  public void close() {
    if (closed.getAndSet(1) != 0) {
      return;
    }
    try {
      VmThread self = newThread("close");
      if (!halt.isHalted()) {
        for (Space space : spaces) {
          closeSpace(self, space);
        }
      }
    } finally {
      if (swapFile != null) {
        swapFile.close();
      }
      release();
    }
  }

  /// Halts the machine and wakes everybody, to learn of it.
  public void halt(Throwable cause) {
    halt.halt(cause);
    page.gate().broadcast();
  }

  /// What the machine was made of.
  public MachineSpec spec() {
    return spec;
  }

  /// Whether it still runs.
  public HaltSwitch haltSwitch() {
    return halt;
  }

  /// The memory of its own structures.
  public OwnMemory memory() {
    return memory;
  }

  /// The page layer.
  public PageParts page() {
    return page;
  }

  /// The allocator.
  public PageAllocator allocator() {
    return allocator;
  }

  /// Hands out runs of neighbouring frames.
  public ContigAllocator contig() {
    return contig;
  }

  /// The grace period.
  public Grace grace() {
    return grace;
  }

  /// The reverse map, as the daemons use it.
  public Mappings mappings() {
    return mappings;
  }

  /// The objects.
  public ObjectTable objects() {
    return objects;
  }

  /// Puts pages into objects.
  public ObjectOwner owner() {
    return owner;
  }

  /// The nodes of all radix trees.
  public RadixNodes nodes() {
    return nodes;
  }

  /// The swap store.
  public SwapStore swap() {
    return swap;
  }

  /// The swap file, or null for none.
  public @Nullable SwapFile swapFile() {
    return swapFile;
  }

  /// The account of swap blocks, or null for none.
  public @Nullable SwapSpace swapSpace() {
    return swapSpace;
  }

  /// The fault handler.
  public FaultHandler faults() {
    return faults;
  }

  /// The pageout daemon, to be run by a thread of the caller's.
  public PageoutDaemon daemon() {
    return daemon;
  }

  /// What shortens chains, to be run by a thread of the caller's.
  public ChainCollapser collapser() {
    return collapser;
  }

  /// The address spaces that are open.
  public List<Space> spaces() {
    return spaces;
  }
}
