package org.pondhawk.vm.kmem;

import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.queue.WiredPages;
import org.pondhawk.vm.sync.Ticker;
import org.pondhawk.vm.sync.VmThread;

/// The pages that a machine shows to its users.
///
/// @param statistics one page for all, to read
/// @param spaces a page for each space, to read and to store into
public record Devices(StatisticsPage statistics, SpacePages spaces) {
  /// Makes them for a machine.
  ///
  /// @param alone where their frames come from
  /// @param freeing a record of a system thread, for this use only
  public static Devices of(
      WiredPages alone, PageArray pages, VmStats stats, Ticker ticker, VmThread freeing) {
    DeviceFrames frames = new DeviceFrames(alone, freeing);
    return new Devices(
        new StatisticsPage(frames, pages, stats, ticker), new SpacePages(frames, pages));
  }
}
