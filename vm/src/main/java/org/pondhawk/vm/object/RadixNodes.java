package org.pondhawk.vm.object;

import java.util.Arrays;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.DumpMap;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.FreeGate;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.sync.VmThread;

/// The nodes of all radix trees: wired frames cut into pieces, so that they count in the budget.
///
/// **Contract.** Who may insert calls [#preload] before it takes tokens or pages, and may wait
/// there; [#take] never waits. The daemons take without preloading, from a reserve that is theirs:
/// when that is empty too the answer is [#NONE], and the page in question is tried again later.
/// Node memory is type-stable: a frame that became nodes stays nodes until the machine closes.
public final class RadixNodes {
  /// No node.
  public static final int NONE = -1;

  static final int FANOUT = 32;
  static final int LG_FANOUT = 5;
  static final int BYTES = FANOUT * Integer.BYTES;

  /// The levels of a tree over the pages of the largest object: 2^35, as many as the largest space
  /// has.
  private static final int MAX_LEVELS = 7;

  /// Nodes that an insert can need: a tree of one level grows to its full height, and the new index
  /// gets a path of its own below the root.
  public static final int INSERT_NEEDS = 2 * (MAX_LEVELS - 1);

  private static final int RESERVE_PER_DAEMON = 48;

  private final PageParts parts;
  private final PageAllocator allocator;
  private final DumpMap dump;
  private final int lgPerFrame;
  private final ReentrantLock lock = new ReentrantLock();
  private volatile long[] frames = new long[8];
  private int[] framePages = new int[8];
  private volatile int frameCount;
  private int freeHead = NONE;
  private int freeCount;
  private int reserve;

  /// Makes a pool without any node.
  ///
  /// @param dump is told of each frame with nodes
  public RadixNodes(PageParts parts, PageAllocator allocator, DumpMap dump) {
    this.parts = parts;
    this.allocator = allocator;
    this.dump = dump;
    int perFrame = parts.pages().frames().pageSize() / BYTES;
    this.lgPerFrame = Integer.numberOfTrailingZeros(perFrame);
  }

  /// Sets nodes aside that only the daemons may take.
  ///
  /// @param daemons how many daemons there are
  /// @return false if memory does not suffice
  public boolean reserveFor(VmThread self, int daemons) {
    int wanted = RESERVE_PER_DAEMON * daemons;
    while (freeCount < wanted) {
      if (!grow(self)) {
        return false;
      }
    }
    reserve = wanted;
    return true;
  }

  /// Makes sure that the thread has nodes enough for one insert. May wait for memory.
  public void preload(VmThread self) {
    Patience patience = null;
    while (self.spareNodes.size() < INSERT_NEEDS) {
      int node = pop(reserve);
      if (node != NONE) {
        self.spareNodes.push(node);
      } else if (!grow(self)) {
        FreeGate gate = parts.gate();
        patience = patience == null ? gate.patience() : patience;
        gate.await(self, patience);
      }
    }
  }

  /// Gives back what a thread was preloaded with, when it leaves the machine.
  public void unload(VmThread self) {
    while (self.spareNodes.size() > 0) {
      free(self.spareNodes.pop());
    }
  }

  /// Takes an empty node: one that was preloaded, or for a daemon one of the pool.
  ///
  /// @return a node whose slots are all 0, or [#NONE]
  int take(VmThread self) {
    int node = self.spareNodes.size() > 0 ? self.spareNodes.pop() : takeForDaemon(self);
    if (node != NONE) {
      RawMemory.fill(address(node), BYTES, (byte) 0);
    }
    return node;
  }

  private int takeForDaemon(VmThread self) {
    if (!self.isSystem()) {
      throw new IllegalStateException(self + " inserts without having preloaded nodes");
    }
    int node = pop(reserve);
    if (node == NONE && grow(self)) {
      node = pop(reserve);
    }
    return node == NONE ? pop(0) : node;
  }

  private int pop(int keep) {
    lock.lock();
    try {
      if (freeCount <= keep) {
        return NONE;
      }
      int node = freeHead;
      freeHead = RawMemory.getInt(address(node));
      freeCount--;
      return node;
    } finally {
      lock.unlock();
    }
  }

  /// Gives a node back.
  void free(int node) {
    lock.lock();
    try {
      RawMemory.putInt(address(node), freeHead);
      freeHead = node;
      freeCount++;
    } finally {
      lock.unlock();
    }
  }

  /// Turns one more frame into nodes. Does not wait.
  private boolean grow(VmThread self) {
    int page = allocator.allocate(self, allocator.colorFor(self, 0, frameCount), AllocClass.SYSTEM);
    if (page == PageArray.NONE) {
      return false;
    }
    parts.mover().wire(self, page);
    dump.add(page);
    parts.busy().unbusy(page);
    lock.lock();
    try {
      addFrame(page);
    } finally {
      lock.unlock();
    }
    return true;
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // written under the lock only
  private void addFrame(int page) {
    int n = frameCount;
    if (n == frames.length) {
      frames = Arrays.copyOf(frames, 2 * n);
      framePages = Arrays.copyOf(framePages, 2 * n);
    }
    frames[n] = parts.pages().address(page);
    framePages[n] = page;
    frameCount = n + 1;
    for (int i = (1 << lgPerFrame) - 1; i >= 0; i--) {
      int node = (n << lgPerFrame) + i;
      RawMemory.putInt(address(node), freeHead);
      freeHead = node;
      freeCount++;
    }
  }

  private long address(int node) {
    return frames[node >>> lgPerFrame] + (long) (node & ((1 << lgPerFrame) - 1)) * BYTES;
  }

  int get(int node, int slot) {
    return RawMemory.getInt(address(node) + (long) slot * Integer.BYTES);
  }

  /// As [#get] for a number that may be no node's, and for a node that may be somebody else's by
  /// now: node memory stays node memory, so that there is something to read.
  ///
  /// @param node from 0
  int peek(int node, int slot) {
    int n = node >>> lgPerFrame;
    if (n >= frameCount) { // read before the addresses, which have at least as many by then
      return 0;
    }
    long address = frames[n] + (long) (node & ((1 << lgPerFrame) - 1)) * BYTES;
    // Opaque is enough: the caller takes nothing that it reads here for true.
    return RawMemory.getIntOpaque(address + (long) slot * Integer.BYTES);
  }

  void set(int node, int slot, int value) {
    RawMemory.putInt(address(node) + (long) slot * Integer.BYTES, value);
  }

  boolean isEmpty(int node) {
    long address = address(node);
    for (int i = 0; i < BYTES; i += Long.BYTES) {
      if (RawMemory.getLong(address + i) != 0) {
        return false;
      }
    }
    return true;
  }

  /// The wired pages that are nodes now.
  public int[] wiredPages() {
    lock.lock();
    try {
      return Arrays.copyOf(framePages, frameCount);
    } finally {
      lock.unlock();
    }
  }

  /// How many nodes are in trees or preloaded.
  public long inUse() {
    lock.lock();
    try {
      return ((long) frameCount << lgPerFrame) - freeCount;
    } finally {
      lock.unlock();
    }
  }
}
