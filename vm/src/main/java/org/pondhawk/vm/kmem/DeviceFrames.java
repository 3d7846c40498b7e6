package org.pondhawk.vm.kmem;

import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.WiredPages;
import org.pondhawk.vm.sync.VmThread;

/// Frames for pages that the machine shows: zeroed, wired, of no object. Taken and given back while
/// a map is locked, so never with a wait for memory.
final class DeviceFrames {
  private final WiredPages alone;

  /// What frees pages where there is no thread's record at hand; guarded by `lock`.
  private final VmThread freeing;

  private final ReentrantLock lock = new ReentrantLock();

  /// Takes them from a machine.
  ///
  /// @param freeing a record of a system thread, for this use only
  DeviceFrames(WiredPages alone, VmThread freeing) {
    this.alone = alone;
    this.freeing = freeing;
  }

  /// Takes a frame of zeros.
  ///
  /// @return the page, or [PageArray#NONE] if memory is short
  int take(VmThread self, long pindex) {
    return alone.tryAllocate(self, pindex, AllocClass.NORMAL, true);
  }

  /// Gives a frame back that no space shows any more.
  void give(int page) {
    lock.lock();
    try {
      alone.free(freeing, page);
    } finally {
      lock.unlock();
    }
  }
}
