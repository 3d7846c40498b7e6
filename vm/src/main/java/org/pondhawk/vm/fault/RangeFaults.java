package org.pondhawk.vm.fault;

import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.map.RangeWirer;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;

/// Faults for ranges that nobody accesses now: their pages are to be there when somebody does
/// (`vm_fault_wire`).
///
/// **Contract.** A page at a time, with nothing locked in between.
public final class RangeFaults implements RangeWirer {
  /// What the limit is where nobody chose one: a third of all frames.
  public static final long USUAL = -1;

  private static final int USUAL_SHARE = 3;

  private final FaultHandler faults;
  private final PageArray pages;
  private final VmStats stats;
  private final Tunable most;

  /// Makes it for a machine.
  ///
  /// @param most how many pages may be wired, or [#USUAL]
  public RangeFaults(FaultHandler faults, PageArray pages, VmStats stats, Tunable most) {
    this.faults = faults;
    this.pages = pages;
    this.stats = stats;
    this.most = most;
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
