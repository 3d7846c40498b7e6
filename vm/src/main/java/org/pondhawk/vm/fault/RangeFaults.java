package org.pondhawk.vm.fault;

import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.RangeWirer;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageOwner;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;

/// Faults for ranges that nobody accesses through a view: their pages are to be there when somebody
/// does (`vm_fault_wire`), or to be used by their frames (`vm_fault_page`).
///
/// **Contract.** A page at a time, with nothing locked in between.
public final class RangeFaults implements RangeWirer {
  /// What the limit is where nobody chose one: a third of all frames.
  public static final long USUAL = 0;

  private static final int USUAL_SHARE = 3;

  private final FaultHandler faults;
  private final PageParts parts;
  private final PageAllocator allocator;
  private final PageOwner owner;
  private final PageArray pages;
  private final VmStats stats;
  private final Tunable most;

  /// Makes it for a machine.
  ///
  /// @param most how many pages may be wired, or [#USUAL]
  public RangeFaults(
      FaultHandler faults,
      PageParts parts,
      PageAllocator allocator,
      PageOwner owner,
      Tunable most) {
    this.faults = faults;
    this.parts = parts;
    this.allocator = allocator;
    this.owner = owner;
    this.pages = parts.pages();
    this.stats = parts.stats();
    this.most = most;
  }

  /// Brings the pages of a range in and holds them.
  ///
  /// @param start the first address
  /// @param end the address behind the last
  /// @param access READ or WRITE of [org.pondhawk.vm.map.Access]: whether the frames are to be
  ///   changed
  /// @return the pages, to be closed when the transfer has ended
  /// @throws org.pondhawk.vm.error.AccessViolationException if a part of the range is not mapped or
  ///   does not allow it; nothing is held then
  public HeldPages hold(VmThread self, Space space, long start, long end, int access) {
    HeldPages pagesHeld = new HeldPages(parts, allocator, owner, self, access == Access.WRITE);
    Fault fault = new Fault(self, space);
    fault.holds = true;
    boolean done = false;
    try {
      for (long address = start; address < end; address += pages.frames().pageSize()) {
        faults.resolve(fault, address, access);
        pagesHeld.add(fault.held);
      }
      done = true;
      return pagesHeld;
    } finally {
      if (!done) {
        pagesHeld.close();
      }
    }
  }

  @Override
  public void requireRoom(long pageCount) {
    long limit = most.get() == USUAL ? pages.frameCount() / USUAL_SHARE : most.get();
    stats.rollup();
    long wired = stats.global(PageCount.WIRED);
    if (pageCount > limit - wired) {
      throw new OutOfPagesException(
          "%d more pages are to be wired, %d are, and no more than %d may be (%s)"
              .formatted(pageCount, wired, limit, most.name()));
    }
  }

  @Override
  public void wire(VmThread self, Space space, long start, long end, int access) {
    Fault fault = new Fault(self, space);
    fault.wires = true;
    long pageSize = pages.frames().pageSize();
    for (long address = start; address < end; address += pageSize) {
      faults.resolve(fault, address, access);
    }
  }
}
