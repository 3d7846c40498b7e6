package org.pondhawk.vm.queue;

import org.pondhawk.vm.sync.VmThread;

/// The port through which pages that are in the way of a run are written out.
public interface Launderer {
  /// Takes a dirty page, and perhaps dirty neighbours, to be written. May wait for the token of its
  /// object, and for transfers of what was added before.
  ///
  /// @param self the calling thread
  /// @param page a hard-busy page on the inactive queue; not busy for the caller afterwards
  void add(VmThread self, int page);

  /// Writes all that was added and waits for the transfers: what was written is cached, what could
  /// not be written, or waits for a grace period that does not end, is inactive.
  ///
  /// @param self the calling thread
  void finish(VmThread self);
}
