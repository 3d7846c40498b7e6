package org.pondhawk.vm.map;

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
   * I3  the timestamp rises with every exclusive locking, whatever comes of it
   */
  private final StampedLock lock = new StampedLock();
  private final long first;
  private final long range;
  private final EntryTable entries = new EntryTable();
  private final FreeHints hints = new FreeHints();
  private long size;

  /// Written with the lock taken exclusively, read by anybody.
  private volatile long timestamp;

  /// Makes an empty map of the addresses below `range`.
  AddressMap(long range) {
    this(0, range);
  }

  /// Makes an empty map of the addresses from `first` to below `end`.
  AddressMap(long first, long end) {
    this.first = first;
    this.range = end;
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
  public long tryLockShared() {
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
    countLocking();
    return stamp;
  }

  void unlockExclusive(long stamp) {
    assert LockOrder.gave(LockRank.MAP);
    lock.unlockWrite(stamp);
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // written with the lock taken exclusively only
  private void countLocking() {
    timestamp++;
  }

  /// How often the map was locked to be changed. Two that are equal, the first read with the map
  /// shared or before it was looked at, say that it was the same all the time between.
  public long timestamp() {
    return timestamp;
  }

  /// The entry of an address, or null if it is not mapped (`vm_map_lookup_entry`).
  public @Nullable MapEntry find(long address) {
    MapEntry entry = entries.floor(address);
    return entry != null && entry.contains(address) ? entry : null;
  }

  /// The first entry that starts behind an address, or null.
  public @Nullable MapEntry after(long address) {
    return entries.higher(address);
  }

  /// The first entry that ends behind an address, or null.
  public @Nullable MapEntry from(long address) {
    MapEntry entry = find(address);
    return entry == null ? after(address) : entry;
  }

  /// Where what lies before an address ends; 0 if nothing does.
  long endBefore(long address) {
    MapEntry before = address == 0 ? null : entries.floor(address - 1);
    return before == null ? first : before.end();
  }

  /// Whether nothing is mapped in a range; a stack may keep it to grow into.
  boolean isFree(long start, long end) {
    MapEntry entry = entries.floor(end - 1);
    return entry == null || entry.end() <= start;
  }

  /// Requires that no part of a range has a map of its own: what is to be done with its addresses
  /// is that map's business.
  ///
  /// @throws IllegalArgumentException if one has
  void requireNoSubmap(long start, long end) {
    for (MapEntry e = from(start); e != null && e.start() < end; e = after(e.start())) {
      if (e.isSubmap()) {
        throw new IllegalArgumentException("has a map of its own: " + e);
      }
    }
  }

  /// The first address from which a length fits, beside what stacks keep to grow into
  /// (`vm_map_findspace`), or -1.
  ///
  /// @param length in bytes
  /// @param alignment a power of two
  long findSpace(long length, long from, long alignment) {
    long start = entries.firstFit(hints.begin(length, alignment, from), length, alignment);
    if (start < 0 || start > range || range - start < length) {
      return -1;
    }
    hints.found(length, alignment, from, start);
    return start;
  }

  /// Notes that a range was unmapped, so that searches look there again.
  void unmapped(long start, long end) {
    MapEntry behind = entries.higher(end - 1);
    long from = endBefore(start);
    hints.hole(from, (behind == null ? range : behind.start()) - from);
  }

  /// Adds an entry whose range is free.
  void insert(MapEntry entry) {
    MapEntry above = after(entry.start());
    entries.insert(entry);
    if (above != null && above.foot() < entry.start()) {
      // What the stack above kept further down it can't grow into any more: a hole.
      long from = endBefore(entry.start());
      hints.hole(from, entry.foot() - from);
    }
    size += entry.end() - entry.start();
  }

  /// Takes an entry away.
  void remove(MapEntry entry) {
    entries.remove(entry);
    size -= entry.end() - entry.start();
  }

  /// Puts another entry in the place of one with the same bounds.
  void replace(MapEntry entry, MapEntry other) {
    entries.replace(entry, other);
  }

  /// The entries that share an address with a range, in order.
  List<MapEntry> overlapping(long start, long end) {
    return entries.overlapping(start, end);
  }

  /// All entries, in order.
  public List<MapEntry> all() {
    return entries.overlapping(0, range);
  }

  /// How many entries there are.
  public int count() {
    return entries.count();
  }

  /// The mapped bytes.
  public long size() {
    return size;
  }

  /// The first address at which something of a kind that searches remember fits although they pass
  /// it over, or -1 if there is none (`freehint`); for checks.
  public long misleadingHint() {
    return hints.misleading(
        (origin, length, alignment) -> entries.firstFit(origin, length, alignment));
  }

  /// The first address that can be mapped.
  public long first() {
    return first;
  }

  /// The address behind the last one that can be mapped.
  public long range() {
    return range;
  }
}
