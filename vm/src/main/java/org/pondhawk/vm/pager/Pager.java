package org.pondhawk.vm.pager;

import java.io.IOException;
import org.pondhawk.vm.sync.VmThread;

/// Where the pages of one object come from and go to (the reference's `pagerops`, bound to an
/// object): what every pager can, of swap, of a file or of a device.
///
/// Who reads, writes or resizes holds the object's token exclusively; an operation that blocks
/// gives it up meanwhile. The others are called without it. A pager never waits for memory of the
/// machine, and does not touch memory that it is the pager of: what it needs and cannot have is
/// [PagerResult#AGAIN].
public interface Pager {
  /// Reads a page (`vm_pager_get_page`). May block.
  ///
  /// @param page a hard-busy page, inserted at `pindex`, whose content is overwritten
  /// @return [PagerResult#OK] with every byte of the page read or zeroed; [PagerResult#FAIL] if
  ///   there is no data, which makes zeros of it; [PagerResult#BAD] for an index that makes no
  ///   sense. Anything else counts as a failed transfer
  /// @throws IOException if the data is there and cannot be read
  PagerResult pageIn(VmThread self, long pindex, int page) throws IOException;

  /// Writes pages (`vm_pager_put_pages`), noting in the run what became of each. May block. A page
  /// that is [PagerResult#PENDING] on return is read by the pager until it says in the run that it
  /// is [complete][PageRun#complete].
  ///
  /// @param run soft-busy pages that nobody can store into meanwhile
  void pageOut(VmThread self, PageRun run);

  /// Whether there is data for an index (`vm_pager_has_page`).
  boolean hasPage(long pindex);

  /// Takes note that the object has another size from now on. What is read or written from now on
  /// ends there. Does not block; what lies behind is not given up by this.
  ///
  /// @param bytes the size
  default void resized(long bytes) {}

  /// Makes durable what was written (`OBJPC_SYNC`). May block.
  ///
  /// @throws IOException if that can't be done: what was written since the last time may be lost
  default void force(VmThread self) throws IOException {}

  /// Ends the pager: the object is gone, and all its pages (`pgo_dealloc`). No operation follows.
  default void end(VmThread self) {}
}
