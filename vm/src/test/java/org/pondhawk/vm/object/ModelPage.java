package org.pondhawk.vm.object;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.page.Chunks;
import org.pondhawk.vm.queue.PageQueue;

/// What a page should be, in plain fields.
final class ModelPage {
  static final int NOTHING = -1;

  final int page;

  /// Which of the test's objects has it, and where.
  int owner = NOTHING;

  long pindex;
  @Nullable PageQueue queue;
  boolean hard;
  int soft;
  int wired;
  int held;
  int valid;
  int dirty;
  boolean unmanaged;
  boolean toCommit;

  /// A page as it was just allocated.
  ModelPage(int page) {
    this.page = page;
    this.hard = true;
  }

  boolean isBusy() {
    return hard || soft > 0;
  }

  /// Whether nobody may move it: it is of no object, on no queue, and nobody has it hard-busy.
  boolean isLoose() {
    return !hard && owner == NOTHING && queue == null;
  }

  boolean isPinned() {
    return wired > 0 || held > 0 || unmanaged || toCommit;
  }

  boolean isOn(PageQueue kind) {
    return queue == kind;
  }

  void moveTo(@Nullable PageQueue kind) {
    if (!unmanaged || kind == null) {
      queue = kind;
    }
  }

  /// What an operation on a range of bytes touches, counted in bytes one by one.
  static int chunks(int offset, int size, int pageSize) {
    int mask = 0;
    for (int b = offset; b < offset + size; b++) {
      mask |= 1 << (b / (pageSize / Chunks.COUNT));
    }
    return mask;
  }

  /// Whether the page may lie about in a machine at rest.
  boolean isAtRest() {
    return !isBusy()
        && !isPinned()
        && owner != NOTHING
        && valid == Chunks.ALL
        && queue != null
        && dirty == Chunks.ALL;
  }

  @Override
  public String toString() {
    return "page %d: %s%s n=%d, wire %d, hold %d, object %d at %d, on %s, valid %02x, dirty %02x"
        .formatted(
            page,
            hard ? "L" : "-",
            unmanaged || toCommit ? " exempt" : "",
            soft,
            wired,
            held,
            owner,
            pindex,
            queue,
            valid,
            dirty);
  }
}
