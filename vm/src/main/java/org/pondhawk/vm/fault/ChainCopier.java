package org.pondhawk.vm.fault;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.ChainCopying;
import org.pondhawk.vm.map.ChainCut;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.queue.Event;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.VmThread;

/// Shortens chains whose generations all live, by copying up what they show of the elements in
/// between (the copying half of `vm_fault_collapse`): a store fault without a store for each such
/// page.
///
/// **Contract.** A page at a time, with nothing locked in between.
public final class ChainCopier implements ChainCopying {
  private final FaultHandler faults;
  private final VmStats stats;
  private final int depth;

  /// Makes it.
  ///
  /// @param depth from how many elements beneath its head on a chain is shortened
  public ChainCopier(FaultHandler faults, VmStats stats, int depth) {
    this.faults = faults;
    this.stats = stats;
    this.depth = depth;
  }

  @Override
  public boolean copySome(VmThread self, Space space) {
    ChainCut cut = space.takeCut();
    if (cut == null) {
      cut = ChainCut.plan(self, space, depth);
      return cut != null && goOn(space, cut);
    }
    long @Nullable [] addresses = cut.next(self);
    if (addresses == null) {
      return true; // the chain has changed: plan anew
    }
    if (addresses.length > 0) {
      copyUp(self, space, addresses);
      return goOn(space, cut);
    }
    stats.count(self.stripe(), Event.CUT_OFF, cut.cut(self));
    return true;
  }

  private static boolean goOn(Space space, ChainCut cut) {
    space.keepCut(cut);
    return true;
  }

  private void copyUp(VmThread self, Space space, long[] addresses) {
    Fault fault = new Fault(self, space);
    fault.copiesOnly = true;
    for (long address : addresses) {
      faults.resolve(fault, address, Access.WRITE);
    }
  }
}
