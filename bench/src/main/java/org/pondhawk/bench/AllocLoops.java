package org.pondhawk.bench;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.ByteBufAllocator;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.sync.VmThread;

/// Pairs of an allocation and a free of 4 KiB; each thread has some in use at a time, as a program
/// has, so that what is freed is not what is taken next.
final class AllocLoops {
  /// How many a thread has in use.
  static final int IN_USE = 64;

  private static final int SIZE = 4 << 10;

  private AllocLoops() {}

  /// Which colours a thread asks for.
  enum Colors {
    /// Those of its processor.
    OWN,
    /// The same, and the processor is looked up for each pair, as at the edge of the machine.
    LOOKED_UP,
    /// Those of the first processor, as all others do.
    SHARED
  }

  /// Pages of a machine, through the coloured queues.
  static final class Coloured implements Work {
    private final PageAllocator allocator;
    private final VmThread self;
    private final Colors colors;
    private final int[] inUse = new int[IN_USE];

    Coloured(Machine machine, Colors colors) {
      this.colors = colors;
      allocator = machine.allocator();
      self = machine.newThread("bench");
      for (int i = 0; i < IN_USE; i++) {
        inUse[i] = take(i);
      }
    }

    private int take(long n) {
      int color =
          colors == Colors.SHARED ? allocator.colorNear(0, 0, n) : allocator.colorFor(self, 0, n);
      int page = allocator.allocate(self, color, AllocClass.NORMAL);
      if (page == PageArray.NONE) {
        throw new IllegalStateException("the machine is too small for this many threads");
      }
      return page;
    }

    @Override
    public long run(long seed, int operations) {
      long sum = 0;
      for (int i = 0; i < operations; i++) {
        int at = i & (IN_USE - 1);
        if (colors == Colors.LOOKED_UP) {
          self.relocate();
        }
        allocator.free(self, inUse[at]);
        inUse[at] = take(seed + i);
        sum += inUse[at];
      }
      return sum;
    }

    @Override
    public void close() {
      for (int page : inUse) {
        allocator.free(self, page);
      }
    }
  }

  /// Pages of a machine for who wants zeros, and zeroes them where they are not.
  static final class ForZeros implements Work {
    private final PageAllocator allocator;
    private final PageArray pages;
    private final VmThread self;

    ForZeros(Machine machine) {
      allocator = machine.allocator();
      pages = machine.page().pages();
      self = machine.newThread("bench");
    }

    @Override
    public long run(long seed, int operations) {
      long sum = 0;
      for (int i = 0; i < operations; i++) {
        int color = allocator.colorFor(self, 0, seed + i);
        int page = allocator.allocateForZeros(self, color, AllocClass.NORMAL);
        if (!pages.hasFlag(page, PageFlags.ZERO)) {
          pages.frames().zero(page);
        }
        sum += page;
        allocator.free(self, page);
      }
      return sum;
    }
  }

  /// The same descriptors and busy words, but all free pages on one stack under one lock.
  static final class OneQueue {
    private final ReentrantLock lock = new ReentrantLock();
    private final PageAllocator allocator;
    private final VmThread self;
    private final PageBusy busy;
    private final int[] free;
    private int count;

    /// Takes so many of the machine's pages.
    OneQueue(Machine machine, int pageCount) {
      allocator = machine.allocator();
      self = machine.newThread("bench");
      busy = machine.page().busy();
      free = new int[pageCount];
      for (int i = 0; i < pageCount; i++) {
        int page = allocator.allocate(self, i, AllocClass.NORMAL);
        busy.unbusy(page);
        free[i] = page;
      }
      count = pageCount;
    }

    private int take() {
      lock.lock();
      try {
        int page = free[--count];
        busy.tryHardBusy(page);
        return page;
      } finally {
        lock.unlock();
      }
    }

    private void give(int page) {
      lock.lock();
      try {
        busy.unbusy(page);
        free[count++] = page;
      } finally {
        lock.unlock();
      }
    }

    /// Gives the pages back to the machine.
    void close() {
      while (count > 0) {
        allocator.free(self, take());
      }
    }

    /// A thread's work with it.
    Work work() {
      int[] inUse = new int[IN_USE];
      for (int i = 0; i < IN_USE; i++) {
        inUse[i] = take();
      }
      return new Work() {
        @Override
        public long run(long seed, int operations) {
          long sum = 0;
          for (int i = 0; i < operations; i++) {
            int at = i & (IN_USE - 1);
            give(inUse[at]);
            inUse[at] = take();
            sum += inUse[at];
          }
          return sum;
        }

        @Override
        public void close() {
          for (int page : inUse) {
            give(page);
          }
        }
      };
    }
  }

  /// Buffers of an allocator of Netty's.
  static Work netty(ByteBufAllocator allocator) {
    ByteBuf[] inUse = new ByteBuf[IN_USE];
    for (int i = 0; i < IN_USE; i++) {
      inUse[i] = allocator.directBuffer(SIZE);
    }
    return new Work() {
      @Override
      public long run(long seed, int operations) {
        long sum = 0;
        for (int i = 0; i < operations; i++) {
          int at = i & (IN_USE - 1);
          inUse[at].release();
          inUse[at] = allocator.directBuffer(SIZE);
          sum += inUse[at].capacity();
        }
        return sum;
      }

      @Override
      public void close() {
        for (ByteBuf buffer : inUse) {
          buffer.release();
        }
      }
    };
  }

  /// Memory of the C library's allocator.
  static Work malloc() {
    long[] inUse = new long[IN_USE];
    for (int i = 0; i < IN_USE; i++) {
      inUse[i] = Malloc.take(SIZE);
    }
    return new Work() {
      @Override
      public long run(long seed, int operations) {
        long sum = 0;
        for (int i = 0; i < operations; i++) {
          int at = i & (IN_USE - 1);
          Malloc.give(inUse[at]);
          inUse[at] = Malloc.take(SIZE);
          RawMemory.putLong(inUse[at], i);
          sum += inUse[at];
        }
        return sum;
      }

      @Override
      public void close() {
        for (long address : inUse) {
          Malloc.give(address);
        }
      }
    };
  }
}
