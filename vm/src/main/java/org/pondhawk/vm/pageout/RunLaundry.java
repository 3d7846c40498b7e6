package org.pondhawk.vm.pageout;

import org.pondhawk.vm.queue.Launderer;
import org.pondhawk.vm.sync.VmThread;

/// Writes out what is in the way of a run of neighbouring frames, in clusters, as the daemon would.
public final class RunLaundry implements Launderer {
  private final Laundry laundry;

  /// Makes it over the parts of a machine.
  public RunLaundry(PageoutParts parts) {
    this.laundry = new Laundry(parts);
  }

  @Override
  public void add(VmThread self, int page) {
    laundry.add(self, page);
  }

  @Override
  public void finish(VmThread self) {
    laundry.finish(self);
  }
}
