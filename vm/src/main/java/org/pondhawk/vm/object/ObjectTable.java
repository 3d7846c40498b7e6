package org.pondhawk.vm.object;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.VmPanic;

/// All objects of a machine, by the slot that the descriptors of their pages carry.
public final class ObjectTable {
  private final ReentrantLock lock = new ReentrantLock();
  private final AtomicLong lastId = new AtomicLong();
  private final ArrayDeque<Integer> freeSlots = new ArrayDeque<>();
  private volatile @Nullable VmObject[] slots = new @Nullable VmObject[64];
  private int used;

  /// Makes an empty table.
  public ObjectTable() {}

  /// Makes an anonymous object with one reference, the caller's.
  ///
  /// @param size in pages
  public VmObject create(long size, RadixNodes nodes) {
    return create(size, nodes, VmObject.Own.NONE);
  }

  /// Makes an object with one reference, the caller's.
  ///
  /// @param size in pages
  VmObject create(long size, RadixNodes nodes, VmObject.Own own) {
    lock.lock();
    try {
      Integer reused = freeSlots.poll();
      int slot = reused == null ? used++ : reused;
      if (slot == slots.length) {
        slots = Arrays.copyOf(slots, 2 * slot);
      }
      VmObject object = new VmObject(slot, lastId.incrementAndGet(), size, nodes, own);
      slots[slot] = object;
      return object;
    } finally {
      lock.unlock();
    }
  }

  /// The object of a slot. The caller has a page of it busy, so that it can't go away.
  public VmObject get(int slot) {
    VmObject object = slots[slot];
    if (object == null) {
      throw new VmPanic("no object in slot " + slot);
    }
    return object;
  }

  /// The object of a slot as of now, for dumps: it may be gone by the time it is looked at.
  ///
  /// @return null for an empty slot, or a number that is none
  public @Nullable VmObject peek(int slot) {
    @Nullable VmObject[] now = slots;
    return slot < 0 || slot >= now.length ? null : now[slot];
  }

  void remove(VmObject object) {
    lock.lock();
    try {
      slots[object.slot()] = null;
      freeSlots.add(object.slot());
    } finally {
      lock.unlock();
    }
  }

  /// All objects that live now.
  public List<VmObject> all() {
    lock.lock();
    try {
      List<VmObject> live = new ArrayList<>();
      for (VmObject object : slots) {
        if (object != null) {
          live.add(object);
        }
      }
      return live;
    } finally {
      lock.unlock();
    }
  }
}
