package org.pondhawk.vm.map;

import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.object.ObjectKind;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.PagedObjects;
import org.pondhawk.vm.object.Unwritten;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.sync.VmThread;

/// Writes back what a range shows of objects with pagers of their own, or forgets it
/// (`vm_map_clean`).
///
/// **Contract.** As [Space]. What lies beneath the copies of a private mapping counts too, though
/// the copies themselves, as all anonymous memory, have nowhere to go. The map is locked only to
/// look what there is; the objects are kept alive meanwhile.
public final class RangeSync {
  private final Space space;
  private final ObjectReaper reaper;
  private final PagedObjects paged;

  RangeSync(Space space, ObjectReaper reaper, PagedObjects paged) {
    this.space = space;
    this.reaper = reaper;
    this.paged = paged;
  }

  /// A range of pages of an object, which is referred to.
  private record Part(VmObject object, long first, long end, long start) {}

  /// Writes what was stored into a range before the call.
  ///
  /// @param wait whether to return only when all is written and durable
  /// @param forget whether clean pages are to be read anew when they are next accessed; those that
  ///   are busy, wired or held are left
  /// @throws AccessViolationException if a part of the range is not mapped; nothing is done then
  /// @throws UncheckedIOException if something is not durable, or could not even be begun
  public void sync(VmThread self, long start, long end, boolean wait, boolean forget) {
    List<Part> parts =
        space.withMapShared(map -> {
          space.requireOpen();
          return partsOf(map, start, end);
        });
    Failure first = null;
    try {
      for (Part part : parts) {
        Unwritten left = sync(self, part, wait, forget);
        if (first == null && !left.isNothing()) {
          first = new Failure(part, left);
        }
      }
    } finally {
      parts.forEach(part -> reaper.release(self, part.object));
    }
    if (first != null) {
      throw first.toException(space.pageShift());
    }
  }

  private record Failure(Part part, Unwritten left) {
    UncheckedIOException toException(int pageShift) {
      long address =
          part.start + ((Math.max(left.firstPindex(), part.first) - part.first) << pageShift);
      return left.toException("from 0x%x on, of %s".formatted(address, part.object));
    }
  }

  private Unwritten sync(VmThread self, Part part, boolean wait, boolean forget) {
    Unwritten left =
        part.object.syncs()
            ? paged.cleaner().clean(self, part.object, part.first, part.end, wait || forget)
            : Unwritten.NOTHING;
    if (forget && part.object.kind() != ObjectKind.PHYSICAL) {
      paged.trimmer().remove(self, part.object, part.first, part.end, true);
    }
    return left;
  }

  private List<Part> partsOf(AddressMap map, long start, long end) {
    List<MapEntry> entries = map.overlapping(start, end);
    long at = start;
    for (MapEntry entry : entries) {
      if (entry.start() > at) {
        break;
      }
      at = entry.end();
    }
    if (at < end) {
      throw new AccessViolationException(at, "sync", "not mapped");
    }
    List<Part> parts = new ArrayList<>();
    for (MapEntry entry : entries) {
      Backing last = deepest(entry);
      if (last != null && last.object().kind().hasOwnPager()) {
        long from = Math.max(start, entry.start());
        long to = Math.min(end, entry.end());
        last.object().reference();
        int shift = space.pageShift();
        parts.add(new Part(last.object(), last.pindex(from, shift), last.pindex(to, shift), from));
      }
    }
    return parts;
  }

  private static @Nullable Backing deepest(MapEntry entry) {
    Backing element = entry.backing();
    while (element != null && element.next() != null) {
      element = element.next();
    }
    return element;
  }
}
