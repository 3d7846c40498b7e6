package org.pondhawk.vm.map;

import java.util.Arrays;
import java.util.List;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.sync.LockOrder;
import org.pondhawk.vm.sync.LockRank;

/// The map of an address space: its entries in the order of their addresses (`vm_map`).
///
/// **Contract.** A hard lock, shared by faults and exclusive for changes; it is kept across a
/// sleep, so what a fault has looked up stays true while it reads a page in. The daemons never take
/// it.
public final class AddressMap {
  /*
   * I1  entries are disjoint, ordered by start, page aligned and inside the range
   * I2  size = sum of the lengths of the entries
   */
  private static final int FIRST_CAPACITY = 8;

  private final StampedLock lock = new StampedLock();
  private final long range;
  private MapEntry[] entries = new MapEntry[FIRST_CAPACITY];
  private int count;
  private long size;

  /// Makes an empty map of the addresses below `range`.
  AddressMap(long range) {
    this.range = range;
  }

  /// Shares the map with other faults. May sleep while it is being changed.
  public long lockShared() {
    assert LockOrder.mayWaitFor(LockRank.MAP);
    long stamp = lock.readLock();
    assert LockOrder.took(LockRank.MAP);
    return stamp;
  }

  /// As [#lockShared], if that needs no waiting: the map may be out of order then.
  ///
  /// @return the stamp, or 0
  long tryLockShared() {
    long stamp = lock.tryReadLock();
    assert stamp == 0 || LockOrder.took(LockRank.MAP);
    return stamp;
  }

  /// Ends what [#lockShared] or [#tryLockShared] began.
  public void unlockShared(long stamp) {
    assert LockOrder.gave(LockRank.MAP);
    lock.unlockRead(stamp);
  }

  long lockExclusive() {
    assert LockOrder.mayWaitFor(LockRank.MAP);
    long stamp = lock.writeLock();
    assert LockOrder.took(LockRank.MAP);
    return stamp;
  }

  void unlockExclusive(long stamp) {
    assert LockOrder.gave(LockRank.MAP);
    lock.unlockWrite(stamp);
  }

  /// The entry of an address, or null if it is not mapped (`vm_map_lookup_entry`).
  public @Nullable MapEntry find(long address) {
    int i = floor(address);
    return i >= 0 && entries[i].contains(address) ? entries[i] : null;
  }

  /// The place of the last entry that starts at or before an address, or -1.
  private int floor(long address) {
    int low = 0;
    int high = count - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (entries[middle].start() <= address) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return high;
  }

  /// Whether nothing is mapped in a range.
  boolean isFree(long start, long end) {
    int i = floor(end - 1);
    return i < 0 || entries[i].end() <= start;
  }

  /// The first address from which a length fits (`vm_map_findspace`), or -1.
  ///
  /// @param length in bytes
  /// @param alignment a power of two
  long findSpace(long length, long from, long alignment) {
    long start = alignUp(from, alignment);
    for (int i = Math.max(0, floor(start)); i < count; i++) {
      MapEntry entry = entries[i];
      if (entry.end() <= start) {
        continue;
      }
      if (entry.start() >= start && entry.start() - start >= length) {
        break;
      }
      start = alignUp(entry.end(), alignment);
    }
    return start >= 0 && start <= range && range - start >= length ? start : -1;
  }

  private static long alignUp(long address, long alignment) {
    return (address + alignment - 1) & -alignment;
  }

  /// Adds an entry whose range is free.
  void insert(MapEntry entry) {
    if (count == entries.length) {
      entries = Arrays.copyOf(entries, 2 * count);
    }
    int at = floor(entry.start()) + 1;
    System.arraycopy(entries, at, entries, at + 1, count - at);
    entries[at] = entry;
    count++;
    size += entry.end() - entry.start();
  }

  /// Takes an entry away.
  @SuppressWarnings("ReferenceEquality") // this very entry, not one that looks the same
  void remove(MapEntry entry) {
    int at = floor(entry.start());
    if (at < 0 || entries[at] != entry) {
      throw new IllegalStateException("not in the map: " + entry);
    }
    System.arraycopy(entries, at + 1, entries, at, count - at - 1);
    count--;
    size -= entry.end() - entry.start();
  }

  /// Puts another entry in the place of one with the same bounds.
  @SuppressWarnings("ReferenceEquality") // this very entry, not one that looks the same
  void replace(MapEntry entry, MapEntry other) {
    int at = floor(entry.start());
    if (at < 0 || entries[at] != entry || other.start() != entry.start()) {
      throw new IllegalStateException("not in the map: " + entry);
    }
    entries[at] = other;
  }

  /// The entries that share an address with a range, in order.
  List<MapEntry> overlapping(long start, long end) {
    int first = Math.max(0, floor(start));
    while (first < count && entries[first].end() <= start) {
      first++;
    }
    int last = first;
    while (last < count && entries[last].start() < end) {
      last++;
    }
    return List.of(Arrays.copyOfRange(entries, first, last));
  }

  /// All entries, in order.
  public List<MapEntry> all() {
    return List.of(Arrays.copyOf(entries, count));
  }

  /// The mapped bytes.
  public long size() {
    return size;
  }

  /// The address behind the last one that can be mapped.
  public long range() {
    return range;
  }
}
