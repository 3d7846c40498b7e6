package org.pondhawk.vm.object;

import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.sync.VmThread;

/// Goes through the resident pages of a range of an object, in the order of their indexes
/// (`vm_page_rb_tree_RB_SCAN`).
///
/// **Contract.** The caller holds the object's token, shared or exclusively, and so it does at each
/// call of the visitor. The visitor may take any page out of the object, the one that it was called
/// for too, may insert pages, and may sleep, which gives the token up. A page is visited at most
/// once at its index. Whatever is resident in the range from the begin to the end of the scan is
/// visited, what is resident at no time is not; what comes or goes ahead of the scan meanwhile may
/// be visited or not, and what comes behind it is not.
///
/// [#scan] takes no memory from the heap.
public final class PageScan {
  /*
   * There is no place to keep up to date while others change the tree: after each visit the scan asks
   * for the first page behind the index that it was at.
   */

  /// What is done with one page.
  @FunctionalInterface
  public interface Visitor {
    /// Is called for one page.
    ///
    /// @param page a resident page, not busied by the scan
    /// @return from 0, to be added up; or less, which ends the scan with this result
    int visit(VmThread self, int page, long pindex);
  }

  /// Makes it.
  public PageScan() {}

  /// Visits the pages of a range.
  ///
  /// @param first the first index
  /// @param last the last index, itself in the range
  /// @return the sum of what the visitor returned, or the first result below 0
  public long scan(VmThread self, VmObject object, long first, long last, Visitor visitor) {
    requireToken(self, object);
    IntRadix resident = object.resident();
    long sum = 0;
    for (long at = resident.next(first); isWithin(at, last); at = resident.next(at + 1)) {
      int result = visitor.visit(self, resident.get(at), at);
      if (result < 0) {
        return result;
      }
      requireToken(self, object);
      sum += result;
    }
    return sum;
  }

  /// As [#scan] where the pages of the object stay what they are meanwhile, in less time
  /// (`RB_SCAN_NOLK`).
  ///
  /// @param visitor takes none out, inserts none and does not sleep
  public long scanUnchanged(
      VmThread self, VmObject object, long first, long last, Visitor visitor) {
    requireToken(self, object);
    IntRadix resident = object.resident();
    int changes = resident.changes();
    return resident.forEach(
        first,
        last,
        (page, pindex) -> {
          int result = visitor.visit(self, page, pindex);
          if (resident.changes() != changes) {
            throw new VmPanic("changed under a scan that relies on it: " + object);
          }
          return result;
        });
  }

  private static boolean isWithin(long at, long last) {
    return at >= 0 && at <= last;
  }

  private static void requireToken(VmThread self, VmObject object) {
    if (!self.holds(object.token())) {
      throw new VmPanic(self + " scans " + object + " without its token");
    }
  }
}
