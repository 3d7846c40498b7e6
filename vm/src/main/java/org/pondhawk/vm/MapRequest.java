package org.pondhawk.vm;

import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.EntryFlags;
import org.pondhawk.vm.map.EntryTraits;
import org.pondhawk.vm.map.Inheritance;
import org.pondhawk.vm.map.MapCall;
import org.pondhawk.vm.map.MapCall.Place;

/// What is to be mapped: anonymous memory of a length with rights, where, and how (the arguments of
/// `mmap`). Immutable; each method gives another one.
///
/// ```java
/// long stack = space.map(MapRequest.of(mebibytes(8), READ_WRITE).with(MapOption.STACK));
/// space.map(MapRequest.of(bytes, READ).replacing(address));
/// ```
///
/// Nothing is checked before [AddressSpace#map(MapRequest)].
public final class MapRequest {
  private static final long FOUR_GIB = 1L << 32;

  private final long bytes;
  private final Protection protection;
  private final Place place;
  private final long address;
  private final Set<MapOption> options;

  private MapRequest(
      long bytes, Protection protection, Place place, long address, Set<MapOption> options) {
    this.bytes = bytes;
    this.protection = protection;
    this.place = place;
    this.address = address;
    this.options = options;
  }

  /// A private mapping, anywhere.
  ///
  /// @param bytes the length, to be rounded up to whole pages
  public static MapRequest of(long bytes, Protection protection) {
    return new MapRequest(bytes, protection, Place.ANYWHERE, 0, Set.of());
  }

  /// At the first place from an address on where it fits; anywhere is from the second page on.
  ///
  /// @param hint where the search begins, rounded up as the mapping is to be aligned
  public MapRequest near(long hint) {
    return new MapRequest(bytes, protection, Place.ANYWHERE, hint, options);
  }

  /// At an address, if nothing is mapped there (`MAP_TRYFIXED`).
  ///
  /// @param start a multiple of the page size
  public MapRequest at(long start) {
    return new MapRequest(bytes, protection, Place.FREE, start, options);
  }

  /// At an address, in the place of what is mapped there, in one step for every thread
  /// (`MAP_FIXED`).
  ///
  /// @param start a multiple of the page size
  public MapRequest replacing(long start) {
    return new MapRequest(bytes, protection, Place.REPLACING, start, options);
  }

  /// With something more.
  public MapRequest with(MapOption option) {
    EnumSet<MapOption> more = EnumSet.of(option);
    more.addAll(options);
    return new MapRequest(bytes, protection, place, address, Collections.unmodifiableSet(more));
  }

  long bytes() {
    return bytes;
  }

  long address() {
    return address;
  }

  boolean isAnywhere() {
    return place == Place.ANYWHERE;
  }

  private boolean has(MapOption option) {
    return options.contains(option);
  }

  /// Requires what a stack must be.
  void requireForm() {
    if (has(MapOption.STACK)
        && (!protection.allowsRead() || !protection.allowsWrite() || place == Place.REPLACING)) {
      throw new IllegalArgumentException(
          "a stack can be loaded from and stored into, and replaces nothing: " + this);
    }
  }

  /// The same as the map takes it.
  ///
  /// @param length whole pages
  /// @param from where the search begins, or the place
  MapCall call(long length, long from, long range) {
    EntryTraits traits = EntryTraits.of(protection.access);
    if (has(MapOption.SHARED)) {
      traits = traits.withInheritance(Inheritance.SHARE);
    }
    int flags =
        (has(MapOption.NO_SYNC) ? EntryFlags.NO_SYNC : 0)
            | (has(MapOption.NO_DUMP) ? EntryFlags.NO_DUMP : 0);
    return new MapCall(
        place,
        from,
        length,
        has(MapOption.BELOW_4_GIB) ? Math.min(range, FOUR_GIB) : range,
        has(MapOption.SIZE_ALIGNED),
        has(MapOption.STACK),
        traits.withFlags(flags, 0));
  }

  @Override
  public String toString() {
    String where =
        switch (place) {
          case ANYWHERE -> "from 0x%x on";
          case FREE -> "at 0x%x";
          case REPLACING -> "replacing 0x%x";
        };
    return "%d bytes %s %s %s"
        .formatted(bytes, Access.describe(protection.access), where.formatted(address), options);
  }
}
