package org.pondhawk.vm.map;

import org.pondhawk.vm.error.NoRoomException;
import org.pondhawk.vm.sync.VmThread;

/// Maps anonymous memory as programs ask for it, within the limits of the space (`vm_mmap`).
///
/// **Contract.** The form of a [MapCall] is as its fields say. Everything that can refuse it is
/// asked with the map locked and before anything is changed, in the order of the reference: too
/// many mappings, too many bytes, an alignment that can't be, no place.
public final class CallMapper {
  private final Space space;
  private final AddressMap map;
  private final Mapper mapper;
  private final MapLimits limits;

  CallMapper(Space space, MapLimits limits) {
    this.space = space;
    this.map = space.map();
    this.mapper = space.mapper();
    this.limits = limits;
  }

  /// Maps memory. Only a mapping that replaces others waits: as an unmap, for leases of the range
  /// and stores under way.
  ///
  /// @return the address; of a stack the lowest that it may grow to
  /// @throws NoRoomException if it fits nowhere, or a limit would be passed; nothing has changed
  /// @throws IllegalArgumentException if it can't be aligned as it asks for; nothing has changed
  public long map(VmThread self, MapCall call) {
    if (call.place() == MapCall.Place.REPLACING) {
      return replace(self, call);
    }
    return space.withMapLocked(_ -> {
      space.requireOpen();
      if (call.stack()) {
        limits.require(map, space.stacks().firstBytes(call));
        return space.stacks().map(call);
      }
      limits.require(map, call.bytes());
      long alignment = call.alignment(pageSize());
      long start = mapper.place(call.placement(alignment), call.bytes());
      if (start < 0 && !call.sizeAligned()) { // a round place was a wish
        start = mapper.place(call.placement(pageSize()), call.bytes());
      }
      if (start < 0) {
        throw noRoom(call);
      }
      mapper.insert(start, call.bytes(), call.traits(), null);
      return start;
    });
  }

  /// Maps a range of an object where nothing is mapped, within the same limits.
  ///
  /// @param shown what; the reference is the mapping's if there is one afterwards
  /// @return the address, or -1 if there is no room; nothing has changed then
  /// @throws NoRoomException if a limit would be passed; nothing has changed
  public long mapObject(Placement placement, long bytes, EntryTraits traits, Mapper.Shown shown) {
    return space.withMapLocked(_ -> {
      space.requireOpen();
      limits.require(map, bytes);
      long start = mapper.place(placement, bytes);
      if (start >= 0) {
        mapper.insert(start, bytes, traits, shown);
      }
      return start;
    });
  }

  private long replace(VmThread self, MapCall call) {
    long start = call.address();
    space
        .unmapper()
        .replace(
            self,
            start,
            start + call.bytes(),
            () -> {
              space.requireOpen();
              limits.require(map, call.bytes());
              call.alignment(pageSize());
            },
            () -> mapper.insert(start, call.bytes(), call.traits(), null));
    return start;
  }

  private long pageSize() {
    return 1L << space.pageShift();
  }

  /// Why a mapping was refused that its limits allow.
  NoRoomException noRoom(MapCall call) {
    return new NoRoomException(
        call.place() == MapCall.Place.FREE
            ? "something is mapped in space %d at 0x%x, %d bytes"
                .formatted(space.id(), call.address(), call.bytes())
            : "space %d has no room for %d bytes from 0x%x to 0x%x"
                .formatted(space.id(), call.bytes(), call.address(), call.limit()));
  }
}
