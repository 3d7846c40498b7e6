package org.pondhawk.vm.shm;

import org.pondhawk.vm.object.VmObject;

/// One segment: an object that stays while nobody shows it (`shmid_ds`). Its fields are guarded by
/// the lock of the [Segments], of which only that uses it.
final class Segment {
  /// A moment that has not come yet.
  static final long NEVER = -1;

  private static final int SLOT_BITS = 16;

  /// How many slots an id can tell apart.
  static final int MOST_SLOTS = 1 << (SLOT_BITS - 1);

  /// The sequence numbers of a slot: an id is used again only after all of them.
  static final int SEQUENCE = 0x7FFF;

  final int id;
  final long bytes;
  final VmObject object;
  long key;
  Permission permission;
  boolean removed;
  int attachments;
  long changedNanos;
  long attachedNanos = NEVER;
  long detachedNanos = NEVER;
  long lastSpace;

  Segment(int id, long key, long bytes, VmObject object, Permission permission, long now) {
    this.id = id;
    this.key = key;
    this.bytes = bytes;
    this.object = object;
    this.permission = permission;
    this.changedNanos = now;
  }

  /// ```
  ///   30              16 15               0
  ///  ┌──────────────────┬──────────────────┐
  ///  │ sequence         │ slot             │
  ///  └──────────────────┴──────────────────┘
  /// ```
  static int id(int slot, int sequence) {
    return (sequence << SLOT_BITS) | slot;
  }

  static int slot(int id) {
    return id & ((1 << SLOT_BITS) - 1);
  }

  int slot() {
    return slot(id);
  }

  /// Whether nobody can get at it any more.
  boolean isOver() {
    return removed && attachments == 0;
  }

  @Override
  public String toString() {
    return "segment %d: key %d, %d bytes, %d attachments%s"
        .formatted(id, key, bytes, attachments, removed ? ", removed" : "");
  }
}
