package org.pondhawk.vm.map;

import java.util.Objects;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.AccessUnderWayException;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.sync.VmThread;

/// Brings ranges into the map of a space, and objects into the ranges (`vm_map_find`,
/// `vm_map_insert`).
///
/// **Contract.** As [Space]: bounds are multiples of the page size and lie in the range. A range
/// that shows nothing of anybody's gets an object when it is first touched.
public final class Mapper {
  /// How many bytes of a mapping share an object at most (`MAP_ENTRY_PARTITION_SIZE`).
  private static final long PARTITION = 32L << 20;

  private final Space space;
  private final AddressMap map;
  private final Clipper clipper;
  private final Space.Parts parts;

  Mapper(Space space, Clipper clipper, Space.Parts parts) {
    this.space = space;
    this.map = space.map();
    this.clipper = clipper;
    this.parts = parts;
  }

  /// What a new mapping is to show from its first page on.
  ///
  /// @param object the object, of which the caller has a reference for the mapping
  /// @param firstPindex the index of the first page
  public record Shown(VmObject object, long firstPindex) {}

  /// Maps memory where nothing is mapped.
  ///
  /// @param placement where; for [Placement.Replacing] see [#replace]
  /// @param shown what, or null for zeros; the reference is the mapping's if there is one
  ///   afterwards
  /// @return the address, or -1 if there is no room; nothing has changed then
  public long map(Placement placement, long bytes, EntryTraits traits, @Nullable Shown shown) {
    return mapShowing(placement, bytes, traits, _ -> shown);
  }

  /// As [#map(Placement, long, EntryTraits, Shown)], of something that depends on the address.
  ///
  /// @param shown what, by the first address; called once, with the map locked, if there is room
  public long mapShowing(
      Placement placement, long bytes, EntryTraits traits, LongFunction<@Nullable Shown> shown) {
    return space.withMapLocked(_ -> {
      space.requireOpen();
      long start = place(placement, bytes);
      if (start >= 0) {
        insert(start, bytes, traits, shown.apply(start));
      }
      return start;
    });
  }

  /// Where a mapping would lie. The map is locked exclusively.
  ///
  /// @return the address, or -1 if there is no room
  long place(Placement placement, long bytes) {
    return switch (placement) {
      case Placement.Anywhere(long hint, long alignment, long limit) -> {
        long start = map.findSpace(bytes, hint, alignment);
        yield start > limit - bytes ? -1 : start;
      }
      case Placement.Free(long start) -> map.isFree(start, start + bytes) ? start : -1;
      case Placement.Replacing(long start) -> start;
    };
  }

  /// Maps memory in the place of whatever is mapped there, in one step for every thread (`mmap`
  /// with `MAP_FIXED`). Waits for the leases of the range.
  ///
  /// @throws AccessUnderWayException if a store under way does not end; nothing has changed
  public void replace(
      VmThread self, long start, long bytes, EntryTraits traits, @Nullable Shown shown) {
    space
        .unmapper()
        .replace(
            self,
            start,
            start + bytes,
            () -> {
              space.requireOpen();
              insert(start, bytes, traits, shown);
            });
  }

  /// Adds an entry whose range is free. The map is locked exclusively.
  void insert(long start, long bytes, EntryTraits traits, @Nullable Shown shown) {
    long end = start + bytes;
    if (shown == null) {
      map.insert(MapEntry.untouched(start, end, traits));
    } else {
      Backing backing = new Backing(start, end, shown.object(), shown.firstPindex(), space, null);
      shown.object().attach(backing);
      map.insert(MapEntry.showing(backing, traits));
    }
    clipper.join(start, end);
  }

  /// Joins what is alike in a range and beside it. The map is locked exclusively.
  void join(long start, long end) {
    clipper.join(start, end);
  }

  /// Maps pages that somebody supplies, where nothing is mapped (`vm_map_find` of a `UKSMAP`).
  ///
  /// @param firstPindex the supplier's number of the first page
  /// @return the address, or -1 if there is no room; the supplier was not told then
  public long mapSupplied(
      Placement placement,
      long bytes,
      EntryTraits traits,
      PageSupplier supplier,
      long firstPindex) {
    return space.withMapLocked(_ -> {
      space.requireOpen();
      long start = place(placement, bytes);
      if (start >= 0) {
        var range = new SuppliedRange(start, start + bytes, supplier, firstPindex, space);
        supplier.added(range);
        map.insert(MapEntry.showing(range, traits));
      }
      return start;
    });
  }

  /// Gives a range where nothing is mapped a map of its own, for good (`vm_map_submap`).
  ///
  /// @param maker makes the map for the first address and the one behind the last
  /// @return the map, or null if there is no room
  public @Nullable Space mapSubmap(
      Placement placement, long bytes, EntryTraits traits, SubmapMaker maker) {
    return space.<@Nullable Space>withMapLocked(_ -> {
      space.requireOpen();
      long start = place(placement, bytes);
      if (start < 0) {
        return null;
      }
      Space inside = maker.make(start, start + bytes);
      map.insert(MapEntry.showing(new Submap(start, start + bytes, inside), traits));
      return inside;
    });
  }

  /// Makes the map of a part of a space.
  @FunctionalInterface
  public interface SubmapMaker {
    /// Makes a map of the addresses from `start` to below `end`, which shares the page table.
    Space make(long start, long end);
  }

  /// Gives the untouched entry of an address an object, or the part of it that lies in the same
  /// partition: large mappings get many objects, so that threads at work in different parts meet on
  /// different tokens (`vm_map_entry_partition`).
  public void giveObject(long address) {
    space.withMapLocked(_ -> {
      MapEntry entry = map.find(address);
      if (entry != null && entry.isUntouched()) {
        long first = address & -PARTITION;
        clipper.clip(first);
        clipper.clip(first + PARTITION);
        touch(Objects.requireNonNull(map.find(address)));
      }
      return true;
    });
  }

  /// Gives an entry an object, if it has none (`vm_map_entry_allocate_object`). The map is locked
  /// exclusively.
  MapEntry touch(MapEntry entry) {
    if (!entry.isUntouched()) {
      return entry;
    }
    long pageCount = (entry.end() - entry.start()) >>> parts.pageShift();
    VmObject object = parts.objects().create(pageCount, parts.nodes());
    Backing backing = new Backing(entry.start(), entry.end(), object, 0, space, null);
    object.attach(backing);
    MapEntry touched = entry.with(backing, false);
    map.replace(entry, touched);
    return touched;
  }
}
