package org.pondhawk.vm.pageout;

import org.pondhawk.vm.queue.Launderer;
import org.pondhawk.vm.sync.VmThread;

/// Writes out what is in the way of a run of neighbouring frames, in clusters, as the daemon would.
public final class RunLaundry implements Launderer {
  private final Laundry laundry;

  /// Makes it over the parts of a machine.
  ///
  /// @param mostInFlight how many pages may be on their way to swap at once, at least 1
  public RunLaundry(PageoutParts parts, int mostInFlight) {
    this.laundry = new Laundry(parts, mostInFlight);
  }

  @Override
  public void add(VmThread self, int page) {
    laundry.add(self, page);
    if (laundry.room() == 0) {
      laundry.finish(self);
    }
  }

  @Override
  public void finish(VmThread self) {
    laundry.finish(self);
  }
}
