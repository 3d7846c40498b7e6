package org.pondhawk.vm.boot;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.fault.ChainCopier;
import org.pondhawk.vm.fault.FaultHandler;
import org.pondhawk.vm.fault.RangeFaults;
import org.pondhawk.vm.kmem.Devices;
import org.pondhawk.vm.kmem.Kernel;
import org.pondhawk.vm.map.ChainCollapser;
import org.pondhawk.vm.map.CollapseParts;
import org.pondhawk.vm.map.LeaseParts;
import org.pondhawk.vm.map.LowMemoryKill;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.object.HashedLookup;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.ObjectTrimmer;
import org.pondhawk.vm.object.PageCleaner;
import org.pondhawk.vm.object.PageHash;
import org.pondhawk.vm.object.PageOperations;
import org.pondhawk.vm.object.PagedObjects;
import org.pondhawk.vm.object.RadixNodes;
import org.pondhawk.vm.object.RunWriter;
import org.pondhawk.vm.object.Unwritten;
import org.pondhawk.vm.page.DumpMap;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PhysicalMap;
import org.pondhawk.vm.pageout.PageoutDaemon;
import org.pondhawk.vm.pageout.PageoutParts;
import org.pondhawk.vm.pageout.RunLaundry;
import org.pondhawk.vm.pmap.Pmap;
import org.pondhawk.vm.pmap.TableFrames;
import org.pondhawk.vm.queue.ContigAllocator;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.PageZeroer;
import org.pondhawk.vm.queue.SocketColors;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.shm.Segments;
import org.pondhawk.vm.stats.MemoryMap;
import org.pondhawk.vm.swap.SwapFile;
import org.pondhawk.vm.swap.SwapFileSpec;
import org.pondhawk.vm.swap.SwapIo;
import org.pondhawk.vm.swap.SwapReader;
import org.pondhawk.vm.swap.SwapSpace;
import org.pondhawk.vm.swap.SwapStore;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.LeasedPages;
import org.pondhawk.vm.sync.VmThread;

/// All parts of one machine, made in order and wired together (`vm_mem_init`); [PageLayer] comes
/// first.
///
/// It starts no thread: whoever boots it runs [#daemon]. Its memory outlives [#close] for as long
/// as somebody [#retain]s it, because a thread may be in the middle of an access.
public final class Machine implements AutoCloseable {
  /// One frame in so many may be leased.
  private static final int LEASED_SHARE = 4;

  /// Who may note pages in swap while memory is short: the daemon, the collapser, and who empties
  /// frames for a run.
  private static final int SWAPPING_THREADS = 3;

  private final MachineSpec spec;
  private final Tunables tunables;
  private final PhysicalLayout layout;
  private final OwnMemory memory = new OwnMemory();
  private final HaltSwitch halt = new HaltSwitch();
  private final PageLayer layer;
  private final PageParts page;
  private final PageAllocator allocator;
  private final ContigAllocator contig;
  private final ObjectTable objects = new ObjectTable();
  private final RadixNodes nodes;
  private final PageOperations operations;
  private final ObjectReaper reaper;
  private final RunWriter runs;
  private final PagedObjects paged;
  private final TableFrames tableFrames;
  private final SwapStore swap;
  private final @Nullable SwapFile swapFile;
  private final @Nullable SwapSpace swapSpace;
  private final FaultHandler faults;
  private final RangeFaults rangeFaults;
  private final ChainCopier copier;
  private final PageoutDaemon daemon;
  private final LowMemoryKill lowMemory;
  private final ChainCollapser collapser;
  private final LeasedPages leased;
  private final Segments segments;
  private final Devices devices;
  private final LazyKernel kernel;
  private final Spaces spaces;
  private final AtomicInteger nextSeat = new AtomicInteger();
  private final AtomicInteger holders = new AtomicInteger(1);
  private final AtomicBoolean closed = new AtomicBoolean();

  /// Makes a machine; every frame is free.
  ///
  /// @param io runs the transfers of virtual threads, and helps to boot
  /// @throws UncheckedIOException if the swap file can't be made
  public Machine(MachineSpec spec, Seams seams, Executor io) {
    this.spec = spec;
    this.tunables = new Tunables(spec.tunables());
    this.layout = spec.layout();
    this.layer = new PageLayer(spec, layout, seams, tunables, memory, halt, objects, io);
    this.page = layer.page();
    this.allocator = layer.allocator();
    PageArray pages = page.pages();
    PageBusy busy = page.busy();
    VmStats stats = page.stats();
    ObjectOwner owner = layer.owner();
    Mappings mappings = layer.mappings();
    Grace grace = layer.grace();
    FrameMemory frames = pages.frames();
    int frameCount = layout.map().frameCount();
    this.nodes = new RadixNodes(page, allocator, layer.dump());
    PageHash hash =
        new PageHash(
            memory,
            pages,
            busy,
            spec.ticker(),
            spec.pageHashEntries(),
            tunables.pageHashFilesOnly());
    this.operations = PageOperations.of(page, allocator, owner, nodes, mappings, grace, hash);
    this.reaper = new ObjectReaper(objects, page, allocator, mappings);
    this.runs = new RunWriter(page, new VmThread("written", 0, true, 0).endsWith(halt));
    this.paged =
        new PagedObjects(
            objects,
            nodes,
            reaper,
            new PageCleaner(page, mappings, grace, runs, spec.patienceNanos()),
            new ObjectTrimmer(page, allocator, mappings, grace, operations.cow()),
            frames.pageShift());
    this.tableFrames = new TableFrames(page, allocator, layer.dump());
    this.swapSpace = spec.swap() == null ? null : new SwapSpace(spec.swap().blockCount(), memory);
    this.swapFile = openSwap(frames);
    SwapIo swapIo = swapFile == null ? null : seams.swapIo(swapFile);
    SwapReader reader = new SwapReader(page, allocator, owner, objects, spec.swapBurstRead());
    this.swap = new SwapStore(swapIo, swapSpace, nodes, pages, busy, stats, reader, io);
    this.faults =
        new FaultHandler(
            page,
            allocator,
            owner,
            nodes,
            seams.copyOnWrite(page, owner, mappings),
            operations.cow(),
            halt,
            tunables.faultsByHash().get() == 0
                ? seams.pageLookup(pages, busy)
                : new HashedLookup(pages, busy, hash),
            spec.faults().prefaultPages());
    this.leased = new LeasedPages((frameCount - spec.reserveFrames()) / LEASED_SHARE);
    VmThread daemonThread = new VmThread("pageout", 0, true, 0).endsWith(halt);
    if (!nodes.reserveFor(daemonThread, SWAPPING_THREADS)) {
      throw new VmPanic("no memory for the daemon's reserve in a machine that was just booted");
    }
    this.copier = new ChainCopier(faults, stats, Spaces.COPY_DEPTH);
    List<Space> open = new CopyOnWriteArrayList<>();
    this.collapser = newCollapser(open);
    LeaseParts leases =
        new LeaseParts(
            page, operations.cow(), leased, spec.ticker(), spec.patienceNanos(), spec.leaseNanos());
    this.rangeFaults = new RangeFaults(faults, page, allocator, owner, tunables.maxWired());
    Space.Parts parts =
        new Space.Parts(
            objects,
            nodes,
            reaper,
            paged,
            allocator,
            grace,
            leases,
            collapser,
            operations,
            tunables.mapLimits(),
            rangeFaults,
            frames.pageShift());
    Spaces.Maker maker =
        (id, range) ->
            new Space(
                id, range, new Pmap(pages, memory, tableFrames, id, range, spec.tables()), parts);
    this.segments =
        new Segments(
            new Segments.Parts(objects, nodes, reaper, spec.pageSize(), spec.ticker()),
            tunables.sharedMemory());
    this.spaces = new Spaces(open, maker, segments, halt, stats, collapser, copier);
    PageoutParts pageout = new PageoutParts(page, allocator, objects, mappings, swap, runs, grace);
    this.lowMemory =
        new LowMemoryKill(open, page.gate(), stats, spec.ticker(), tunables.lowmemKill());
    this.daemon =
        new PageoutDaemon(pageout, halt, daemonThread, lowMemory, seams.pagesInFlight(frameCount));
    this.devices =
        Devices.of(
            operations.alone(),
            pages,
            stats,
            spec.ticker(),
            new VmThread("devices", 0, true, 0).endsWith(halt));
    daemon.doAtEveryTurn(devices.statistics()::refresh);
    VmThread emptying = new VmThread("contig", 0, true, 0).endsWith(halt);
    this.contig =
        new ContigAllocator(
            page,
            allocator,
            layer.reserve(),
            grace,
            owner,
            mappings,
            new RunLaundry(pageout, seams.pagesInFlight(frameCount)),
            emptying);
    this.kernel = new LazyKernel(this, parts, maker);
    seams.booted(this);
  }

  private ChainCollapser newCollapser(List<Space> open) {
    VmThread self = new VmThread("collapse", 0, true, 0).endsWith(halt);
    CollapseParts collapse =
        new CollapseParts(page, allocator, layer.owner(), reaper, layer.mappings(), swap, self);
    ChainCollapser made = new ChainCollapser(collapse, open, halt, newThread("copy"));
    made.copyBy(copier);
    return made;
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
    int seat = nextSeat.getAndIncrement() & Integer.MAX_VALUE;
    return new VmThread(name, 0, false, 0)
        .endsWith(halt)
        .leasesIn(leased)
        .runsOn(spec.processors(), seat);
  }

  /// Makes an empty address space of the usual range.
  public Space newSpace() {
    return newSpace(spec.spaceBytes());
  }

  /// Makes an empty address space (`vmspace_alloc`).
  ///
  /// @param range the number of addresses
  /// @throws IllegalArgumentException if there can be no such space
  /// @throws IllegalStateException if the machine is closed, or the kernel has no addresses left
  ///   for the page table
  public Space newSpace(long range) {
    spec.requireRange(range);
    return spaces.make(newThread("new space"), range);
  }

  /// Makes a copy of an address space as of now (`vmspace_fork`).
  public Space fork(VmThread self, Space parent) {
    return spaces.fork(self, parent);
  }

  /// Gives one reference to an address space back (`vmspace_rel`); the last one closes it, and it
  /// is forgotten when nobody holds it any more.
  public void closeSpace(VmThread self, Space space) {
    leaveSpace(self, space, () -> {});
  }

  /// As [#closeSpace], and does something in the same step.
  ///
  /// @param then runs when the reference is given back; not at all if the space has ended before
  public void leaveSpace(VmThread self, Space space, Runnable then) {
    spaces.leave(self, space, then);
  }

  /// Ends a hold on an address space (`vmspace_drop`), which
  /// [org.pondhawk.vm.map.SpaceLife#tryHold] began.
  public void dropSpace(Space space) {
    spaces.drop(space);
  }

  /// Closes the spaces; none if a lease is in the way. No space can be made from then on.
  /// Idempotent. A halted machine has nothing left to close.
  ///
  /// @throws LeaseHeldException if a lease is not given back in time, or is the calling thread's:
  ///   then nothing has changed
  /// @throws AccessUnderWayException if a thread does not end a store: then its space is left, and
  ///   the call may be repeated
  public void closeSpaces() {
    VmThread self = newThread("close");
    kernel.closeAfter(self, halt.isHalted(), () -> spaces.closeAll(self));
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
  ///
  /// @throws LeaseHeldException as [#closeSpaces]
  /// @throws AccessUnderWayException if a thread does not end an access: then the machine keeps its
  ///   memory, and may be closed again
  @Override
  public void close() {
    try {
      closeSpaces();
      if (!closed.get() && !halt.isHalted()) {
        segments.clear(newThread("close"));
        List<Unwritten> lost = paged.closeAll(newThread("close"));
        allocator.drainMagazines(newThread("close"));
        if (!lost.isEmpty()) {
          throw lost.getFirst().toLoss(lost.size());
        }
      }
    } catch (LeaseHeldException | AccessUnderWayException again) {
      throw again;
    } catch (RuntimeException | Error broken) {
      end();
      throw broken;
    }
    end();
  }

  private void end() {
    if (closed.getAndSet(true)) {
      return;
    }
    try {
      if (swapFile != null) {
        swapFile.close();
      }
    } finally {
      release();
    }
  }

  /// Whether [#close] has done its work.
  public boolean isClosed() {
    return closed.get();
  }

  /// Halts the machine and wakes everybody, to learn of it.
  public void halt(Throwable cause) {
    halt.halt(cause);
    page.gate().broadcast();
  }

  /// The numbers that its user may choose.
  public Tunables tunables() {
    return tunables;
  }

  /// What the machine was made of.
  public MachineSpec spec() {
    return spec;
  }

  /// Whether it still runs.
  public HaltSwitch haltSwitch() {
    return halt;
  }

  /// Which pages have memory, and where in the physical address space.
  public PhysicalMap physical() {
    return layout.map();
  }

  /// What became of the physical memory that it was given (`vm_page_startup`).
  public MemoryMap memoryMap() {
    return MapReport.of(this, layout);
  }

  /// Calls back for every page whose memory the structures took at boot.
  public void overheadPages(IntConsumer page) {
    layout.overheadPages(page);
  }

  /// Which frames hold the machine's own state.
  public DumpMap dump() {
    return layer.dump();
  }

  /// The memory of its own structures.
  public OwnMemory memory() {
    return memory;
  }

  /// The page layer.
  public PageParts page() {
    return page;
  }

  /// The operations on single pages beside those of [#page].
  public PageOperations pageOperations() {
    return operations;
  }

  /// The allocator.
  public PageAllocator allocator() {
    return allocator;
  }

  /// Which frames have the colours of which socket.
  public SocketColors socketColors() {
    return layer.socketColors();
  }

  /// How many frames are bound to a memory node of the computer: all or none, but for those that
  /// share a page of the kernel with another node's.
  public int boundFrames() {
    return layer.boundFrames();
  }

  /// Hands out runs of neighbouring frames.
  public ContigAllocator contig() {
    return contig;
  }

  /// The grace period.
  public Grace grace() {
    return layer.grace();
  }

  /// The reverse map, as the daemons use it.
  public Mappings mappings() {
    return layer.mappings();
  }

  /// The objects.
  public ObjectTable objects() {
    return objects;
  }

  /// Puts pages into objects.
  public ObjectOwner owner() {
    return layer.owner();
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

  /// Faults for ranges, to hold their pages.
  public RangeFaults rangeFaults() {
    return rangeFaults;
  }

  /// The pageout daemon, to be run by a thread of the caller's.
  public PageoutDaemon daemon() {
    return daemon;
  }

  /// The objects with pagers of their own.
  public PagedObjects paged() {
    return paged;
  }

  /// What condemns the largest space when nothing else can be freed, where that is switched on.
  public LowMemoryKill lowMemory() {
    return lowMemory;
  }

  /// What shortens chains, to be run by a thread of the caller's.
  public ChainCollapser collapser() {
    return collapser;
  }

  /// Which pages are leased.
  public LeasedPages leased() {
    return leased;
  }

  /// What zeroes frames ahead, to be run by a thread of the caller's if that is wanted.
  public PageZeroer zeroer() {
    return layer.zeroer();
  }

  /// The shared memory.
  public Segments segments() {
    return segments;
  }

  /// Its own memory, made when it is first asked for.
  ///
  /// @throws IllegalStateException if it is closed, or there are no addresses for the page table
  public Kernel kernel() {
    halt.check();
    return kernel.get();
  }

  /// Its own memory, if anybody ever asked for it.
  public @Nullable Kernel kernelIfMade() {
    return kernel.peek();
  }

  /// The address spaces that are open, and its own if there is one: all that have a page table.
  public List<Space> everySpace() {
    return kernel.with(spaces.open());
  }

  /// The pages that it shows to its users.
  public Devices devices() {
    return devices;
  }

  /// The address spaces that are open.
  public List<Space> spaces() {
    return spaces.open();
  }
}
