package org.pondhawk.vm.map;

import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.object.Attachment;
import org.pondhawk.vm.object.Translations;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.pager.BlockPager;

/// What a map entry shows: a range of an object, and what shines through where that object has
/// nothing (`vm_map_backing`).
///
/// ```
///   entry ──▶ head ──next──▶ element ──next──▶ element       nearest first; what the head has hides
///              │                │                 │          what lies deeper; only the head is
///            object           object            object       ever stored into
/// ```
///
/// Never changed: a split, a shadow or a collapse makes new ones. Every element has one reference
/// to its object and is attached to it, with the bounds of the entry, so that a reverse scan finds
/// the mappings of pages at every depth. Elements are not shared between entries.
///
/// @param start the first address
/// @param end the address behind the last
/// @param object the object shown
/// @param firstPindex the index in the object of the page at `start`
/// @param space the address space
/// @param next the element beneath, or null
public record Backing(
    long start, long end, VmObject object, long firstPindex, Space space, @Nullable Backing next)
    implements Attachment, EntryContent {
  /// From so many sharers on nobody looks whether their ranges overlap.
  private static final int MANY = 64;

  @Override
  public Translations translations() {
    return space.pmap();
  }

  /// The index in the object of the page at an address.
  public long pindex(long address, int pageShift) {
    return firstPindex + ((address - start) >>> pageShift);
  }

  /// How many elements lie beneath.
  public int depth() {
    int depth = 0;
    for (Backing below = next; below != null; below = below.next) {
      depth++;
    }
    return depth;
  }

  /// Whether no other chain goes through the element in its range; then none can come while the map
  /// is locked, shared or exclusive, because only a fork of this space could bring one. May say no
  /// where very many share the object.
  public boolean isAlone() {
    if (object.keepsUnshown()) {
      return false; // it can be shown again at any time
    }
    int sharers = object.references();
    return sharers == 1 || (sharers <= MANY && isAloneAmong(object.attachments()));
  }

  @SuppressWarnings("ReferenceEquality") // this very element, not one that looks the same
  private boolean isAloneAmong(Attachment[] all) {
    for (Attachment other : all) {
      if (other != this && overlaps(other)) {
        return false;
      }
    }
    return true;
  }

  /// Whether another range shows some of the same pages of the object.
  private boolean overlaps(Attachment other) {
    long others = (other.end() - other.start()) >>> space.pageShift();
    return other.firstPindex() < endPindex() && firstPindex < other.firstPindex() + others;
  }

  /// The index in the object behind that of the last page.
  long endPindex() {
    return firstPindex + ((end - start) >>> space.pageShift());
  }

  /// The share of the object's swap that lies behind the range, in blocks: exact where the range
  /// shows all of the object, but for one more (`vmspace_swap_count`).
  public long swapShare() {
    BlockPager pager = object.swap();
    long blocks = pager == null ? 0 : pager.blocks();
    return blocks == 0 ? 0 : blocks * (endPindex() - firstPindex) / object.size() + 1;
  }

  /// The chain that shows a smaller range.
  Backing part(long partStart, long partEnd, int pageShift) {
    Backing below = next == null ? null : next.part(partStart, partEnd, pageShift);
    long first = pindex(partStart, pageShift);
    return new Backing(partStart, partEnd, object, first, space, below);
  }

  /// The same chain in another address space.
  Backing in(Space other) {
    Backing below = next == null ? null : next.in(other);
    return new Backing(start, end, object, firstPindex, other, below);
  }

  /// The same element above another chain.
  Backing above(@Nullable Backing below) {
    return new Backing(start, end, object, firstPindex, space, below);
  }

  /// Refers to and attaches to the object of every element.
  void attachAll() {
    for (Backing element = this; element != null; element = element.next) {
      element.object.reference();
      element.object.attach(element);
    }
  }
}
