package org.pondhawk.vm.kmem;

import java.util.Set;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.EntryFlags;
import org.pondhawk.vm.map.EntryTraits;
import org.pondhawk.vm.map.Subsystem;
import org.pondhawk.vm.sync.VmThread;

/// A pool of items of one size in kernel memory (`vm_zone`, `zinit`).
///
/// ```
///   allocate ◀── list of the caller's processor ◀── bursts ── list of the zone ◀── new memory
///   free ──────▶ list of the caller's processor ──  bursts ─▶ list of the zone
/// ```
///
/// **Contract.** An item is a multiple of 32 bytes at a multiple of 32. It is as its last user left
/// it, zeros at first, but for its first two words, which are the zone's while it is free; memory
/// that became items stays items. Any thread may call. A zone that is not for interrupts waits for
/// memory.
///
/// **Failure.** No item is 0, or a [VmPanic] where that was asked for. An item that is freed twice,
/// and one that was stored into while it was free, is a [VmPanic].
public final class Zone {
  /*
   * I1  total = items on lists + items in use, at rest
   * I2  every item on a list has its mark
   *
   * The lock of a processor's list is taken before that of the zone's; new memory is made with neither.
   */

  /// What sizes are multiples of.
  public static final int GRAIN = 32;

  /// How many items go between lists at once (`zone_burst`).
  static final int BURST = 128;

  /// How many a processor keeps at most (`zmax_pcpu`).
  static final int MOST_PER_PROCESSOR = 8192;

  private static final int LEAST_PER_PROCESSOR = 1024;
  private static final long MOST_BYTES_PER_PROCESSOR = 16L << 20;

  /// How many pages are made into items at once.
  private static final int PAGES_PER_LOAD = 32;

  private final String name;
  private final int itemBytes;
  private final long limit;
  private final Set<ZoneFlag> flags;
  private final KernelArea area;
  private final ZoneItems items;
  private final int cap;
  private final FreeList[] processors;
  private final FreeList global;
  private final ConcurrentSkipListMap<Long, Long> chunks = new ConcurrentSkipListMap<>();
  private final AtomicLong total = new AtomicLong();
  private final LongAdder requests = new LongAdder();

  /// Held while memory is made into items.
  private final ReentrantLock growing = new ReentrantLock();

  /// The addresses of a zone for interrupts, and how far they have pages; guarded by `growing`.
  private long reserved;

  private long reservedBytes;
  private long filledBytes;
  private long carvedBytes;

  /// Set with all lists locked, so that no item is looked at afterwards.
  private volatile boolean destroyed;

  /// A list of free items, with its lock.
  private static final class FreeList {
    final ReentrantLock lock = new ReentrantLock();
    long head;
    long count;
  }

  /// Makes a zone.
  ///
  /// @param itemBytes from 1 on; rounded up
  /// @param limit how many items there may be, or 0 for as many as there is memory for
  /// @throws IllegalArgumentException if there are no addresses for a zone for interrupts, or it
  ///   has no limit
  Zone(
      KernelArea area,
      String name,
      int itemBytes,
      long limit,
      Set<ZoneFlag> flags,
      int processorCount) {
    this.name = name;
    this.itemBytes = (itemBytes + GRAIN - 1) & -GRAIN;
    this.limit = limit;
    this.flags = Set.copyOf(flags);
    this.area = area;
    int pageSize = area.kernel().parts().pageSize();
    this.items = new ZoneItems(area.space(), pageSize);
    this.global = new FreeList();
    this.processors = new FreeList[processorCount];
    for (int i = 0; i < processorCount; i++) {
      processors[i] = new FreeList();
    }
    this.cap = is(ZoneFlag.INTERRUPT) ? capFor(limit, processorCount) : MOST_PER_PROCESSOR;
    if (is(ZoneFlag.INTERRUPT)) {
      reserve(pageSize);
    }
  }

  private int capFor(long most, int processorCount) {
    long high = Math.max(1, MOST_BYTES_PER_PROCESSOR / itemBytes);
    long low = Math.min(LEAST_PER_PROCESSOR, high);
    return (int) Math.clamp(most / processorCount / 64, low, high);
  }

  private boolean is(ZoneFlag flag) {
    return flags.contains(flag);
  }

  private void reserve(int pageSize) {
    if (limit <= 0 || limit > area.end() / itemBytes) {
      throw new IllegalArgumentException("zone " + name + " has a limit of " + limit + " items");
    }
    reservedBytes = (limit * itemBytes + pageSize - 1) & -pageSize;
    reserved = area.reserveWired(reservedBytes, traits());
    if (reserved < 0) {
      throw new IllegalArgumentException(
          "no addresses for the %d items of zone %s".formatted(limit, name));
    }
    chunks.put(reserved, limit * itemBytes);
  }

  private static EntryTraits traits() {
    return EntryTraits.of(Access.ALL)
        .withSubsystem(Subsystem.ZALLOC)
        .withFlags(EntryFlags.NO_FAULT, 0);
  }

  // ---- items

  /// Allocates an item (`zalloc`). May wait for memory, unless the zone is for interrupts.
  ///
  /// @return its address, or 0 if there is none
  /// @throws VmPanic if there is none and there must be
  public long allocate(VmThread self) {
    requests.increment();
    FreeList mine = processors[self.stripe()];
    for (; ; ) {
      mine.lock.lock();
      try {
        requireLiving();
        if (mine.head == 0) {
          refill(mine);
        }
        if (mine.head != 0) {
          return pop(mine);
        }
      } finally {
        mine.lock.unlock();
      }
      if (!grow(self) && !gather()) {
        return none();
      }
    }
  }

  private long none() {
    if (is(ZoneFlag.PANIC_ON_FAILURE)) {
      throw new VmPanic("zone " + name + " has no item left: " + this);
    }
    return 0;
  }

  private long pop(FreeList list) {
    long item = list.head;
    list.head = items.next(item);
    list.count--;
    items.take(item);
    return item;
  }

  /// Moves up to a burst from the zone's list to a processor's, whose lock is held.
  private void refill(FreeList mine) {
    global.lock.lock();
    try {
      for (int n = 0; n < BURST && global.head != 0; n++) {
        move(global, mine);
      }
    } finally {
      global.lock.unlock();
    }
  }

  private void move(FreeList from, FreeList to) {
    long item = from.head;
    from.head = items.next(item);
    from.count--;
    items.link(item, to.head);
    to.head = item;
    to.count++;
  }

  /// Moves a burst from each processor's list to the zone's, when there is nothing else to be had:
  /// an item must not be out of reach because its user has moved to another processor.
  ///
  /// @return whether there was any
  private boolean gather() {
    boolean any = false;
    for (FreeList list : processors) {
      list.lock.lock();
      try {
        any |= list.head != 0;
        spill(list, BURST);
      } finally {
        list.lock.unlock();
      }
    }
    return any;
  }

  /// Gives an item back (`zfree`).
  ///
  /// @throws IllegalArgumentException if no item of this zone is at the address
  /// @throws VmPanic if it is free already
  public void free(VmThread self, long item) {
    FreeList mine = processors[self.stripe()];
    mine.lock.lock();
    try {
      requireLiving();
      requireItem(item);
      items.free(item, mine.head);
      mine.head = item;
      mine.count++;
      if (mine.count >= cap) {
        spill(mine, Math.min(cap / 2, BURST));
      }
    } finally {
      mine.lock.unlock();
    }
  }

  /// Moves items from a processor's list, whose lock is held, to the zone's.
  private void spill(FreeList mine, int most) {
    global.lock.lock();
    try {
      for (int n = 0; n < most && mine.head != 0; n++) {
        move(mine, global);
      }
    } finally {
      global.lock.unlock();
    }
  }

  private void requireItem(long item) {
    var chunk = chunks.floorEntry(item);
    long offset = chunk == null ? -1 : item - chunk.getKey();
    boolean fits = chunk != null && offset < chunk.getValue() && offset % itemBytes == 0;
    if (!fits || (is(ZoneFlag.INTERRUPT) && offset >= carved())) {
      throw new IllegalArgumentException("zone %s has no item at 0x%x".formatted(name, item));
    }
  }

  private long carved() {
    return total.get() * itemBytes;
  }

  // ---- memory

  /// Makes items of new memory, if it may.
  ///
  /// @return whether it makes sense to look again
  private boolean grow(VmThread self) {
    if (is(ZoneFlag.INTERRUPT)) {
      return growReserved(self);
    }
    growing.lock();
    try {
      return !isWanted() || load(self); // whoever had the lock before may have made items
    } finally {
      growing.unlock();
    }
  }

  /// Whether the zone's list is still empty.
  private boolean isWanted() {
    global.lock.lock();
    try {
      return global.head == 0;
    } finally {
      global.lock.unlock();
    }
  }

  private boolean load(VmThread self) {
    requireLiving(); // who destroys has the lock from before until all memory is given back
    int pageSize = area.kernel().parts().pageSize();
    long bytes =
        Math.max((long) PAGES_PER_LOAD * pageSize, ((long) itemBytes + pageSize - 1) & -pageSize);
    long wanted = bytes / itemBytes;
    if (limit > 0) {
      wanted = Math.min(wanted, limit - total.get());
      if (wanted <= 0) {
        return false;
      }
      bytes = (wanted * itemBytes + pageSize - 1) & -pageSize;
    }
    long start;
    try {
      start = area.allocate(self, bytes, Subsystem.ZALLOC, false);
    } catch (OutOfPagesException _) {
      return false;
    }
    if (start < 0) {
      return false;
    }
    chunks.put(start, wanted * itemBytes);
    add(start, wanted);
    return true;
  }

  /// Gives a zone for interrupts one more page of items, if there is memory at once.
  private boolean growReserved(VmThread self) {
    int pageSize = area.kernel().parts().pageSize();
    growing.lock();
    try {
      if (!isWanted()) {
        return true; // whoever had the lock before has made items
      }
      long needed = Math.min(limit * itemBytes, carvedBytes + Math.max(itemBytes, pageSize));
      while (filledBytes < needed) {
        if (filledBytes == reservedBytes || !area.tryFill(self, reserved + filledBytes)) {
          return false;
        }
        filledBytes += pageSize;
      }
      long count = (Math.min(filledBytes, limit * itemBytes) - carvedBytes) / itemBytes;
      long start = reserved + carvedBytes;
      carvedBytes += count * itemBytes;
      add(start, count);
      return count > 0;
    } finally {
      growing.unlock();
    }
  }

  /// Puts new items on the zone's list, the lowest first.
  private void add(long start, long count) {
    global.lock.lock();
    try {
      requireLiving();
      total.addAndGet(count);
      for (long i = count - 1; i >= 0; i--) {
        long item = start + i * itemBytes;
        items.free(item, global.head);
        global.head = item;
        global.count++;
      }
    } finally {
      global.lock.unlock();
    }
  }

  /// Takes the zone down and gives its memory back (`zdestroy`).
  ///
  /// @throws IllegalStateException if it was not made for that, or items are in use
  public void destroy(VmThread self) {
    if (!is(ZoneFlag.DESTROYABLE)) {
      throw new IllegalStateException("zone " + name + " is there for good");
    }
    growing.lock();
    try {
      endIfUnused();
      int pageSize = area.kernel().parts().pageSize();
      chunks.forEach((start, bytes) -> area.free(self, start, (bytes + pageSize - 1) & -pageSize));
      chunks.clear();
      area.kernel().zoneList().remove(this);
    } finally {
      growing.unlock();
    }
  }

  private void endIfUnused() {
    lockAll();
    try {
      requireLiving();
      if (used() != 0) {
        throw new IllegalStateException("zone %s has %d items in use".formatted(name, used()));
      }
      destroyed = true;
    } finally {
      unlockAll();
    }
  }

  /// Lets nobody have or give an item any more, because the kernel is about to close.
  void end() {
    lockAll();
    destroyed = true;
    unlockAll();
  }

  private void lockAll() {
    for (FreeList list : processors) {
      list.lock.lock();
    }
    global.lock.lock();
  }

  private void unlockAll() {
    global.lock.unlock();
    for (FreeList list : processors) {
      list.lock.unlock();
    }
  }

  private void requireLiving() {
    if (destroyed) {
      throw new IllegalStateException("zone " + name + " is no more");
    }
  }

  // ---- counts

  /// Its name.
  public String name() {
    return name;
  }

  /// The size of an item, in bytes.
  public int itemBytes() {
    return itemBytes;
  }

  /// How many items there may be; 0 for no limit.
  public long limit() {
    return limit;
  }

  /// How many items were asked for.
  public long requests() {
    return requests.sum();
  }

  /// How many items are free.
  public long free() {
    long sum = countOf(global);
    for (FreeList list : processors) {
      sum += countOf(list);
    }
    return sum;
  }

  private static long countOf(FreeList list) {
    list.lock.lock();
    try {
      return list.count;
    } finally {
      list.lock.unlock();
    }
  }

  /// How many items are in use: exact at rest.
  public long used() {
    return total.get() - free();
  }

  @Override
  public String toString() {
    return "%s: size %d, limit %d, used %d, free %d, requests %d"
        .formatted(name, itemBytes, limit, used(), free(), requests());
  }
}
