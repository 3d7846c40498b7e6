package org.pondhawk.vm.boot;

import java.util.List;
import java.util.concurrent.Executor;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.FrameRange;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.page.DumpMap;
import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PhysicalMap;
import org.pondhawk.vm.pageout.PageoutDaemon;
import org.pondhawk.vm.pmap.Pte;
import org.pondhawk.vm.pmap.ReverseMap;
import org.pondhawk.vm.queue.ColorPolicy;
import org.pondhawk.vm.queue.DmaReserve;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.FreeLevels;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageMover;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.PageQueues;
import org.pondhawk.vm.queue.PageZeroer;
import org.pondhawk.vm.queue.Pressure;
import org.pondhawk.vm.queue.SocketColors;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.HaltSwitch;
import org.pondhawk.vm.sync.VmThread;

/// The page layer of one machine, booted from nothing to frames that are all free
/// (`vm_page_startup`).
///
/// The order is the constructor's: the frames are reserved and bound, descriptors made for them,
/// queues, levels and the allocator over these; colours follow the sockets before any frame is
/// queued; then each frame goes into the reserve or on its free queue, and the colours of sockets
/// of unequal size are evened out.
final class PageLayer {
  private final PageParts page;
  private final Grace grace;
  private final ObjectOwner owner;
  private final Mappings mappings;
  private final PageZeroer zeroer;
  private final PageAllocator allocator;
  private final SocketColors socketColors;
  private final DmaReserve reserve;
  private final DumpMap dump;
  private final int boundFrames;

  /// Boots it.
  ///
  /// @param memory what its structures are charged to
  /// @param objects what pages will belong to
  /// @param io helps where there are many descriptors
  PageLayer(
      MachineSpec spec,
      PhysicalLayout layout,
      Seams seams,
      Tunables tunables,
      OwnMemory memory,
      HaltSwitch halt,
      ObjectTable objects,
      Executor io) {
    PhysicalMap physical = layout.map();
    int frameCount = physical.frameCount();
    List<FrameRange> ranges = spec.processors().topology().divide(physical.pageCount());
    FreeLevels levels = tunables.levels(spec, frameCount);
    FrameMemory frames = reserveFrames(physical, spec.pageSize());
    this.boundFrames = bindOrClose(frames, ranges, tunables.numaPolicy().get());
    leaveHolesOut(frames, physical);
    PageArray pages =
        new PageArray(memory, frames, PageoutDaemon.MARKERS, spec.fictitiousPages(), io);
    PageBusy busy = seams.busy(pages);
    VmStats stats = new VmStats(spec.cpus());
    PageQueues queues = new PageQueues(memory, pages, stats);
    Pressure pressure = new Pressure(levels, stats);
    tunables.drive(spec, pressure, frameCount);
    FreeGate gate =
        new FreeGate(
            pressure, stats, spec.ticker(), halt, spec.patienceNanos(), tunables.freeHysteresis());
    PageMover mover = new PageMover(pages, busy, queues, stats, gate);
    this.page = new PageParts(pages, busy, queues, mover, stats, gate);
    this.grace = seams.grace(spec.membarrier(), spec.ticker(), spec.patienceNanos(), halt);
    this.owner = new ObjectOwner(pages, busy, objects);
    this.mappings = seams.mappings(pages).apply(new ReverseMap(pages, objects));
    VmThread zeroing = new VmThread("zero", 0, true, 0).endsWith(halt);
    this.zeroer =
        new PageZeroer(pages, busy, queues, stats, pressure, halt, spec.ticker(), zeroing);
    ColorPolicy colors = new ColorPolicy(spec.processors().topology());
    this.allocator =
        new PageAllocator(
            page, grace, owner, mappings, zeroer, colors, spec.poison(), tunables.allocTuning());
    this.socketColors = new SocketColors(pages, queues, colors);
    ranges.forEach(socketColors::organize); // before they are queued, so that none is moved
    this.reserve = new DmaReserve(memory, pages, stats, physical.limitOf(spec.reserveFrames()));
    addFrames(physical);
    socketColors.evenOut();
    this.dump = new DumpMap(memory, layout.spanPages());
    layout.overheadPages(dump::add);
    stats.rollup();
    stats.pushAt(levels.pushAt(spec.cpus()));
  }

  private static FrameMemory reserveFrames(PhysicalMap physical, int pageSize) {
    int count = physical.pageCount();
    FrameMemory frames = FrameMemory.reserve(count, pageSize);
    if (!Pte.fits(frames.address(0), (long) count * pageSize)) {
      frames.close();
      throw new IllegalStateException("frames lie where no page table entry can map them");
    }
    return frames;
  }

  /// Binds frames to the nodes of the computer, where it has several; closes them all where the
  /// kernel refuses.
  ///
  /// @return how many frames were bound
  private static int bindOrClose(FrameMemory frames, List<FrameRange> ranges, long policy) {
    if (ranges.size() <= 1 || policy == Tunables.NUMA_FIRST_TOUCH) {
      return 0;
    }
    int bound = 0;
    try {
      for (FrameRange range : ranges) {
        bound += frames.bind(range, policy == Tunables.NUMA_BIND) ? range.count() : 0;
      }
    } catch (IllegalStateException refused) {
      frames.close();
      throw new IllegalStateException(
          refused.getMessage() + "; nothing is bound with vm.numa_policy=0", refused);
    }
    return bound;
  }

  private static void leaveHolesOut(FrameMemory frames, PhysicalMap physical) {
    int end = 0;
    for (int n = 0; n < physical.stretches(); n++) {
      if (physical.start(n) > end) {
        frames.leaveOut(end, physical.start(n) - end);
      }
      end = physical.end(n);
    }
  }

  /// Puts every frame into the reserve or on its free queue (`vm_add_new_page`); holes into
  /// neither.
  private void addFrames(PhysicalMap physical) {
    for (int n = 0; n < physical.stretches(); n++) {
      for (int frame = physical.start(n); frame < physical.end(n); frame++) {
        if (reserve.wants(frame)) {
          reserve.addAtBoot(frame);
        } else {
          allocator.addAtBoot(frame);
        }
      }
    }
  }

  /// The parts that everybody above works with.
  PageParts page() {
    return page;
  }

  /// The frames themselves.
  FrameMemory frames() {
    return page.pages().frames();
  }

  /// The grace period that separates taking a page away from using its frame again.
  Grace grace() {
    return grace;
  }

  /// Puts pages into objects.
  ObjectOwner owner() {
    return owner;
  }

  /// Who maps a page.
  Mappings mappings() {
    return mappings;
  }

  /// Zeroes free frames ahead.
  PageZeroer zeroer() {
    return zeroer;
  }

  /// Hands out single frames.
  PageAllocator allocator() {
    return allocator;
  }

  /// Which frames have the colours of which socket.
  SocketColors socketColors() {
    return socketColors;
  }

  /// The frames kept back for runs.
  DmaReserve reserve() {
    return reserve;
  }

  /// Which frames hold the machine's own state.
  DumpMap dump() {
    return dump;
  }

  /// How many frames are bound to a memory node of the computer.
  int boundFrames() {
    return boundFrames;
  }
}
