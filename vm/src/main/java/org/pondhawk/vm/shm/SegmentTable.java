package org.pondhawk.vm.shm;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.VmObject;

/// The segments by their slots (`shmsegs`). Guarded by the lock of the [Segments].
final class SegmentTable {
  private final List<Slot> slots = new ArrayList<>();
  private int used;
  private long committedPages;

  /// A place for a segment.
  private static final class Slot {
    @Nullable Segment segment;
    int sequence;
  }

  /// How many segments there are.
  int used() {
    return used;
  }

  /// How many pages they have together.
  long committedPages() {
    return committedPages;
  }

  /// Chooses the id of a segment to come: the lowest free slot, with the number after its last one.
  ///
  /// @param most how many slots there may be
  /// @return the id, or -1 if all are taken
  int nextId(long most) {
    int slot = 0;
    while (slot < slots.size() && slots.get(slot).segment != null) {
      slot++;
    }
    if (used >= most || slot >= Segment.MOST_SLOTS) {
      return -1;
    }
    if (slot == slots.size()) {
      slots.add(new Slot());
    }
    Slot free = slots.get(slot);
    free.sequence = (free.sequence + 1) & Segment.SEQUENCE;
    return Segment.id(slot, free.sequence);
  }

  void add(Segment segment) {
    slots.get(segment.slot()).segment = segment;
    used++;
    committedPages += segment.object.size();
  }

  void remove(Segment segment) {
    slots.get(segment.slot()).segment = null;
    used--;
    committedPages -= segment.object.size();
  }

  /// The segment of an id, or null.
  @Nullable Segment find(int id) {
    int slot = Segment.slot(id);
    Segment segment = id < 0 || slot >= slots.size() ? null : slots.get(slot).segment;
    return segment == null || segment.id != id ? null : segment;
  }

  /// The segment of a key, or null.
  @Nullable Segment findByKey(long key) {
    return all().stream().filter(s -> s.key == key).findFirst().orElse(null);
  }

  /// The segment of an object, or null.
  @SuppressWarnings("ReferenceEquality") // this very object, not one that looks the same
  @Nullable Segment findByObject(VmObject object) {
    return all().stream().filter(s -> s.object == object).findFirst().orElse(null);
  }

  /// All segments, by slot.
  List<Segment> all() {
    List<Segment> all = new ArrayList<>();
    for (Slot slot : slots) {
      if (slot.segment != null) {
        all.add(slot.segment);
      }
    }
    return all;
  }
}
