package org.pondhawk.vm.map;

import java.util.ArrayList;
import java.util.List;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.ObjectTable;
import org.pondhawk.vm.object.RadixNodes;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.pmap.Pmap;
import org.pondhawk.vm.sync.Grace;
import org.pondhawk.vm.sync.VmThread;

/// An address space inside the machine: a map, a page table, and how ranges come and go (`vmspace`,
/// `vm_map_insert`, `vm_map_remove`).
///
/// **Contract.** Addresses and lengths are multiples of the page size and lie in the range; the
/// caller has checked that. Every change waits for faults that are under way in this space.
public final class Space {
  private final long id;
  private final AddressMap map;
  private final Pmap pmap;
  private final Parts parts;
  private volatile boolean closed;

  /// The parts of the machine that a space works with.
  ///
  /// @param pageShift the logarithm of the page size
  public record Parts(
      ObjectTable objects, RadixNodes nodes, ObjectReaper reaper, Grace grace, int pageShift) {}

  /// Makes an empty space.
  ///
  /// @param range the number of addresses
  public Space(long id, long range, Pmap pmap, Parts parts) {
    this.id = id;
    this.map = new AddressMap(range);
    this.pmap = pmap;
    this.parts = parts;
  }

  /// A number that no other space of the machine ever has.
  public long id() {
    return id;
  }

  /// The map.
  public AddressMap map() {
    return map;
  }

  /// The page table.
  public Pmap pmap() {
    return pmap;
  }

  /// Whether the space was closed.
  public boolean isClosed() {
    return closed;
  }

  /// Maps anonymous memory at the first place from `hint` on where it fits.
  ///
  /// @return the address, or -1 if it fits nowhere
  public long mapAnywhere(long hint, long bytes, long alignment, int access) {
    long stamp = map.lockExclusive();
    try {
      long start = map.findSpace(bytes, hint, alignment);
      if (start >= 0) {
        insert(start, bytes, access);
      }
      return start;
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  /// Maps anonymous memory at an address.
  ///
  /// @return false if something is mapped there already; nothing is changed then
  public boolean mapAt(long start, long bytes, int access) {
    long stamp = map.lockExclusive();
    try {
      if (!map.isFree(start, start + bytes)) {
        return false;
      }
      insert(start, bytes, access);
      return true;
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  private void insert(long start, long bytes, int access) {
    if (closed) {
      throw new IllegalStateException("the address space is closed");
    }
    VmObject object = parts.objects().create(bytes >>> parts.pageShift(), parts.nodes());
    Backing backing = new Backing(start, start + bytes, object, 0, pmap);
    object.attach(backing);
    map.insert(new MapEntry(backing, access));
  }

  /// Unmaps a range; what is not mapped in it is skipped (`vm_map_remove`). Returns when no thread
  /// can reach the old pages any more.
  public void unmap(VmThread self, long start, long end) {
    long stamp = map.lockExclusive();
    try {
      removeRange(self, start, end);
    } finally {
      map.unlockExclusive(stamp);
    }
  }

  private void removeRange(VmThread self, long start, long end) {
    List<MapEntry> affected = map.overlapping(start, end);
    if (affected.isEmpty()) {
      return;
    }
    for (MapEntry entry : affected) {
      pmap.remove(Math.max(start, entry.start()), Math.min(end, entry.end()));
    }
    parts.grace().await(parts.grace().begin()); // once a call: a guarded store may be under way
    for (MapEntry entry : affected) {
      cut(self, entry, Math.max(start, entry.start()), Math.min(end, entry.end()));
    }
    pmap.uncharge(self, start, end);
  }

  /// Takes [from, to) out of an entry, keeping what lies before and behind. A reverse scan finds
  /// the kept parts at every moment: they replace the whole in one step.
  private void cut(VmThread self, MapEntry entry, long from, long to) {
    Backing whole = entry.backing();
    VmObject object = whole.object();
    int shift = parts.pageShift();
    List<Backing> kept = new ArrayList<>();
    if (from > whole.start()) {
      kept.add(whole.part(whole.start(), from, shift));
    }
    if (to < whole.end()) {
      kept.add(whole.part(to, whole.end(), shift));
    }
    kept.forEach(_ -> object.reference());
    object.replace(whole, kept.toArray(Backing[]::new));
    map.remove(entry);
    kept.forEach(part -> map.insert(new MapEntry(part, entry.access())));
    long first = whole.pindex(from, shift);
    parts.reaper().removePages(self, object, first, (to - from) >>> shift);
    parts.reaper().release(self, object);
  }

  /// Unmaps everything and gives the page table back; later accesses find nothing mapped.
  /// Idempotent.
  public void close(VmThread self) {
    long stamp = map.lockExclusive();
    try {
      if (closed) {
        return;
      }
      closed = true;
      removeRange(self, 0, map.range());
      pmap.close();
    } finally {
      map.unlockExclusive(stamp);
    }
  }
}
