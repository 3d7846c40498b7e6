package org.pondhawk.vm.kmem;

import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.map.PageSupplier;
import org.pondhawk.vm.map.SuppliedRange;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.RunLimits;
import org.pondhawk.vm.sync.VmThread;

/// Frames within bounds, one by one from the contiguous allocator, and shown as one range (the
/// pages of `kmem_alloc_attr`). Each goes back when no range shows it any more.
final class BoundedFrames implements PageSupplier {
  private static final int SEEN =
      PageFlags.MAPPED | PageFlags.MAPPED_MULTI | PageFlags.WRITABLE | PageFlags.REFERENCED;

  private final KernelParts parts;

  /// Guards the counts, and the record of the thread that frees. Leaf.
  private final ReentrantLock lock;

  private final int[] pages;
  private final int[] ranges;

  private BoundedFrames(KernelParts parts, ReentrantLock lock, int[] pages) {
    this.parts = parts;
    this.lock = lock;
    this.pages = pages;
    this.ranges = new int[pages.length];
  }

  /// Takes frames of zeros, all or none. May wait for transfers to swap.
  ///
  /// @param lock what is held while frames are given back
  /// @throws OutOfPagesException if there are not so many
  static BoundedFrames take(
      VmThread self,
      KernelParts parts,
      ReentrantLock lock,
      int count,
      RunLimits limits,
      MemoryAttribute attribute) {
    int[] taken = new int[count];
    for (int i = 0; i < count; i++) {
      taken[i] = parts.contig().allocate(limits, 1, attribute);
      if (taken[i] == PageArray.NONE) {
        giveAll(self, parts, Arrays.copyOf(taken, i));
        throw new OutOfPagesException(
            "out of pages: %d of %d frames from %d to %d can be had"
                .formatted(i, count, limits.low(), limits.high()));
      }
      parts.page().pages().frames().zero(taken[i]);
    }
    return new BoundedFrames(parts, lock, taken);
  }

  private static void giveAll(VmThread self, KernelParts parts, int[] frames) {
    for (int page : frames) {
      give(self, parts, page);
    }
  }

  private static void give(VmThread self, KernelParts parts, int page) {
    parts.page().pages().clearFlags(page, SEEN);
    parts.contig().free(self, page, 1);
  }

  /// Gives all back, if no range was ever made of them.
  void giveAll(VmThread self) {
    giveAll(self, parts, pages);
  }

  @Override
  public void added(SuppliedRange range) {
    lock.lock();
    try {
      count(range, 1);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void removed(SuppliedRange range) {
    lock.lock();
    try {
      count(range, -1);
      for (int i = 0; i < range.pageCount(); i++) {
        int n = (int) range.firstPindex() + i;
        if (ranges[n] == 0) {
          give(parts.freeing(), parts, pages[n]);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private void count(SuppliedRange range, int delta) {
    for (int i = 0; i < range.pageCount(); i++) {
      ranges[(int) range.firstPindex() + i] += delta;
    }
  }

  @Override
  public int supply(VmThread self, SuppliedRange range, long pindex) {
    return pages[(int) pindex];
  }

  @Override
  public String toString() {
    return pages.length + " frames within bounds";
  }
}
