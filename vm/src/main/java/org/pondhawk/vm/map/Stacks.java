package org.pondhawk.vm.map;

import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.NoRoomException;
import org.pondhawk.vm.sync.VmThread;

/// Stacks: ranges whose lowest part grows downwards when somebody accesses what lies below it
/// (`vm_map_stack`, `vm_map_growstack`).
///
/// ```
///   bottom                     start                 end
///     │  reserve: kept free of   │  mapped: grows       │
///     │  what looks for a place  │  towards the bottom  │
/// ```
///
/// **Contract.** The lowest entry of a stack has its reserve, no other has one. The reserve is
/// avoided by mappings that look for a place; one at a given address may lie in it, and stops the
/// growth there. New parts are as the lowest one was, but for its wirings.
public final class Stacks {
  /*
   * Differs from the reference: a caller may ask for a growing stack at any place, and each has a
   * limit of its own; there, only that of a program has, and it counts what has grown. What is below
   * grows as an entry of its own if the lowest part has pages: its object begins with it.
   */
  private final Space space;
  private final AddressMap map;
  private final MapLimits limits;

  Stacks(Space space, MapLimits limits) {
    this.space = space;
    this.map = space.map();
    this.limits = limits;
  }

  /// Maps the highest part of a new stack, and keeps what is below for it. The map is locked
  /// exclusively.
  ///
  /// @param call where, and how long it may get
  /// @return the lowest address that it may grow to
  /// @throws NoRoomException if that is too long, or fits nowhere
  long map(MapCall call) {
    if (call.bytes() > limits.stack()) {
      throw new NoRoomException(
          "a stack of %d bytes may have %d".formatted(call.bytes(), limits.stack()));
    }
    long pageSize = 1L << space.pageShift();
    long bottom = space.mapper().place(call.placement(call.alignment(pageSize)), call.bytes());
    if (bottom < 0) {
      throw space.calls().noRoom(call);
    }
    long end = bottom + call.bytes();
    long mapped = firstBytes(call);
    EntryTraits traits =
        call.traits().withFlags(EntryFlags.STACK, 0).withSubsystem(Subsystem.STACK);
    map.insert(MapEntry.untouched(end - mapped, end, traits).withReserve(call.bytes() - mapped));
    return bottom;
  }

  /// How much of a new stack is mapped at first.
  long firstBytes(MapCall call) {
    return Math.min(call.bytes(), step());
  }

  /// Where what is mapped of a new stack begins; a later part if it could not grow yet.
  ///
  /// @param bottom the lowest address that it may grow to
  public long partOf(long bottom, long bytes) {
    return bottom + bytes - Math.min(bytes, step());
  }

  private long step() {
    return roundUp(limits.stackStep(), 1L << space.pageShift());
  }

  /// Whether an address that is not mapped lies in what a stack may grow into. The map is locked.
  public boolean isBelow(long address) {
    return above(address) != null;
  }

  private @Nullable MapEntry above(long address) {
    MapEntry entry = map.after(address);
    return entry != null && entry.traits().has(EntryFlags.STACK) && entry.foot() <= address
        ? entry
        : null;
  }

  /// Lets the stack above an address grow down to it, by some more if there is room.
  ///
  /// @param address one that was not mapped and [below a stack][#isBelow] a moment ago
  /// @return why it may not grow, or an empty text if it has grown, or is no such address any more
  public String grow(long address) {
    return space.withMapLocked(_ -> {
      MapEntry stack = above(address);
      return map.find(address) != null || stack == null ? "" : grow(stack, address);
    });
  }

  /// Wires the part of a stack that has just grown, if all new mappings are to be. The map is not
  /// locked.
  ///
  /// @param address in that part
  public void wireGrown(VmThread self, long address) {
    if (space.wiring().wiresFuture()) {
      MapEntry grown = space.withMapShared(m -> Optional.ofNullable(m.find(address))).orElse(null);
      if (grown != null) {
        space.wiring().wireNew(self, grown.start(), grown.end());
      }
    }
  }

  private String grow(MapEntry stack, long address) {
    // Nothing is mapped between the address and the stack, but something may be further down.
    long room = Math.min(stack.reserve(), stack.start() - map.endBefore(stack.start()));
    long needed = stack.start() - (address & -(1L << space.pageShift()));
    long bytes = Math.min(roundUp(needed, step()), room);
    if (limits.refuses(map, bytes)) {
      return "the stack above would grow by %d bytes, past the limit of the space".formatted(bytes);
    }
    extend(stack, bytes, room - bytes);
    return "";
  }

  private void extend(MapEntry stack, long bytes, long reserve) {
    long start = stack.start() - bytes;
    EntryTraits traits =
        stack.traits().withNeedsCopy(false).withWirings(0).withFlags(0, EntryFlags.USER_WIRED);
    map.replace(stack, stack.withReserve(0)); // no hole: the lower part keeps it from now on
    map.insert(MapEntry.untouched(start, stack.start(), traits).withReserve(reserve));
    space.mapper().join(start, stack.start());
  }

  private static long roundUp(long bytes, long unit) {
    return (bytes + unit - 1) / unit * unit;
  }
}
