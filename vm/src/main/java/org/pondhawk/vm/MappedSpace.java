package org.pondhawk.vm;

import java.util.List;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.boot.MapInspection;
import org.pondhawk.vm.error.NoRoomException;
import org.pondhawk.vm.map.MapCall;
import org.pondhawk.vm.map.Placement;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.stats.MappedRange;

/// What is mapped in an address space: how it comes and goes, within which limits, and what there
/// is. A chapter of [AddressSpace].
abstract sealed class MappedSpace permits AddressSpace {
  final Machine machine;
  final EdgeThreads edge;
  final SpaceHandle handle;
  private final ObjectMappings objects;

  MappedSpace(Machine machine, EdgeThreads edge, Space space) {
    this.machine = machine;
    this.edge = edge;
    this.handle = new SpaceHandle(machine, space);
    this.objects = new ObjectMappings(edge, handle, machine.spec().pageSize());
  }

  /// The space of this handle, asked for anew in each call.
  ///
  /// @throws IllegalStateException if the handle is closed
  final Space space() {
    return handle.open();
  }

  /// A name for messages.
  public final String name() {
    return "space " + handle.any().id();
  }

  /// Maps anonymous memory where it fits: zeros, made when touched, swapped when memory is short
  /// (`mmap` with `MAP_ANON`). Address 0 is never chosen; what is longer than 32 MiB, or a multiple
  /// of 2 MiB long, lies at a multiple of 2 MiB if it fits at one.
  ///
  /// @param bytes the length, rounded up to whole pages
  /// @return the address
  /// @throws IllegalArgumentException if the length is not positive
  /// @throws NoRoomException if it fits nowhere, or a limit would be passed
  public final long map(long bytes, Protection protection) {
    return map(MapRequest.of(bytes, protection));
  }

  /// Maps anonymous memory at an address, replacing nothing (`MAP_TRYFIXED`).
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @return the address
  /// @throws IllegalArgumentException if the range is not inside the space
  /// @throws NoRoomException if something is mapped there, or a limit would be passed
  public final long mapAt(long address, long bytes, Protection protection) {
    return map(MapRequest.of(bytes, protection).at(address));
  }

  /// Maps anonymous memory as a request says (`mmap`). One that replaces others waits as [#unmap]
  /// does, no other waits for anything but faults in this space.
  ///
  /// @return the address; of a stack the lowest one that it may grow to
  /// @throws IllegalArgumentException if the request makes no sense: a length that is not positive
  ///   or longer than the space, an address that is not a multiple of the page size or with a range
  ///   that is not inside the space, a stack that can't be used as one, an alignment to a length
  ///   that is no power of two
  /// @throws NoRoomException if it fits nowhere or a limit would be passed ([#setLimits],
  ///   `vm.max_proc_mmap`, `kern.maxssiz`); nothing has changed
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a [PageLease] on what is to be replaced is
  ///   not closed in time, or is the calling thread's; nothing has changed
  public final long map(MapRequest request) {
    machine.haltSwitch().check();
    request.requireForm();
    long length = wholePages(request.bytes());
    long from = request.address();
    if (!request.isAnywhere()) {
      long _ = checkRange(from, length);
    } else if (from < 0) {
      throw new IllegalArgumentException("there is no address 0x%x to be near to".formatted(from));
    } else {
      from = Math.max(from, machine.spec().pageSize());
    }
    MapCall call = request.call(length, from, handle.any().map().range());
    long address = edge.<Long>call(self -> space().calls().map(self, call));
    wireNew(
        call.stack() ? handle.any().stacks().partOf(address, length) : address, address + length);
    return address;
  }

  /// Maps a range of a memory object where it fits (`mmap` of a file).
  ///
  /// The range may go beyond the object's end: a page that lies wholly behind it may not be
  /// accessed until the object is longer.
  ///
  /// @param offset where the range begins in the object, a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @return the address
  /// @throws IllegalArgumentException if the length is not positive or fits nowhere, for such an
  ///   offset, and for more rights than the object was opened with
  /// @throws NoRoomException if a limit would be passed
  public final long map(
      MemoryObject object, long offset, long bytes, Protection protection, Sharing sharing) {
    machine.haltSwitch().check();
    long length = wholePages(bytes);
    int pageSize = machine.spec().pageSize();
    Placement where = new Placement.Anywhere(pageSize, pageSize, handle.any().map().range());
    long address = objects.map(object, offset, where, length, protection, sharing);
    if (address < 0) {
      throw new IllegalArgumentException(name() + " has no room for " + bytes + " bytes");
    }
    wireNew(address, address + length);
    return address;
  }

  /// Maps a range of a memory object at an address, replacing nothing.
  ///
  /// @param address a multiple of the page size
  /// @param offset as for [#map(MemoryObject, long, long, Protection, Sharing)]
  /// @param bytes the length, rounded up to whole pages
  /// @return the address
  /// @throws IllegalArgumentException as there, and if the range is not inside the space, or
  ///   something is mapped there
  public final long mapAt(
      long address,
      MemoryObject object,
      long offset,
      long bytes,
      Protection protection,
      Sharing sharing) {
    machine.haltSwitch().check();
    long length = checkRange(address, bytes);
    Placement where = new Placement.Free(address);
    if (objects.map(object, offset, where, length, protection, sharing) < 0) {
      throw new IllegalArgumentException(
          "something is mapped in %s at 0x%x, %d bytes".formatted(name(), address, length));
    }
    wireNew(address, address + length);
    return address;
  }

  /// Wires what has just been mapped, if all new mappings are to be.
  private void wireNew(long start, long end) {
    if (start < end && handle.any().wiring().wiresFuture()) {
      edge.run(self -> space().wiring().wireNew(self, start, end));
    }
  }

  /// Unmaps a range; its content is gone when this returns (`munmap`). What is not mapped is
  /// skipped; [#isMapped] asks before. Waits for faults in this space, for transfers of the range
  /// and for its leases.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  /// @throws org.pondhawk.vm.error.LeaseHeldException if a [PageLease] on the range is not closed
  ///   in time, or is the calling thread's; nothing is unmapped then
  public final void unmap(long address, long bytes) {
    machine.haltSwitch().check();
    long length = checkRange(address, bytes);
    edge.run(self -> {
      if (!handle.isClosed()) { // else nothing is mapped
        space().unmap(self, address, address + length);
      }
    });
  }

  /// Whether all of a range is mapped, whatever may be done with it.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  public final boolean isMapped(long address, long bytes) {
    return allows(address, bytes, Protection.NONE);
  }

  /// Whether all of a range is mapped with these rights or more (`vm_map_check_protection`). It was
  /// so at one moment of the call.
  ///
  /// @param address a multiple of the page size
  /// @param bytes the length, rounded up to whole pages
  public final boolean allows(long address, long bytes, Protection protection) {
    machine.haltSwitch().check();
    long length = checkRange(address, bytes);
    return edge.<Boolean>call(
        _ -> space().use().allows(address, address + length, protection.access));
  }

  // ---- the data range

  /// Says where the data range begins; in the middle of the space until then (`vm_daddr`).
  ///
  /// @param address a multiple of the page size
  /// @throws IllegalStateException if it has grown already
  public final void placeBreak(long address) {
    machine.haltSwitch().check();
    long _ = checkRange(address, 1);
    edge.run(_ -> space().dataBreak().place(address));
  }

  /// Makes the data range longer, which is anonymous memory for loads and stores (`sbrk`).
  ///
  /// @param bytes by how many, from 0
  /// @return the address of the first new byte: the old end, or the page behind it if the new bytes
  ///   do not all lie in its page. For 0 the end, the *break*
  /// @throws IllegalArgumentException if the number is below 0: the range is not made shorter
  /// @throws NoRoomException if something is mapped there, or it would become longer than its limit
  public final long growBreak(long bytes) {
    machine.haltSwitch().check();
    if (bytes < 0) {
      throw new IllegalArgumentException("the break is not lowered, by %d".formatted(bytes));
    }
    long start = edge.<Long>call(_ -> space().dataBreak().grow(bytes));
    if (bytes != 0) {
      wireNew(wholePage(start), wholePage(start + bytes));
    }
    return start;
  }

  /// Makes the data range end at an address (`obreak`).
  ///
  /// @param address the new end, rounded up to a whole page, not below the old one
  /// @throws IllegalArgumentException if it is below the old one
  /// @throws NoRoomException if something is mapped there, or a limit would be passed
  public final void setBreak(long address) {
    machine.haltSwitch().check();
    if (address < 0 || address > handle.any().map().range()) {
      throw new IllegalArgumentException("0x%x does not lie in %s".formatted(address, name()));
    }
    long old = edge.<Long>call(_ -> space().dataBreak().set(address));
    if (old < address) {
      wireNew(old, wholePage(address));
    }
  }

  // ---- limits, and what there is

  /// How much the space may map.
  public final SpaceLimits limits() {
    long[] own = handle.any().limits().own();
    return new SpaceLimits(own[0], own[1], own[2]);
  }

  /// Says how much the space may map from now on.
  public final void setLimits(SpaceLimits limits) {
    handle.any().limits().set(limits.sizeBytes(), limits.dataBytes(), limits.stackBytes());
  }

  /// How often the map of the space was locked to be changed, also by faults (`timestamp`). If two
  /// answers are equal, nothing was mapped, unmapped or given other rights between them.
  public final long timestamp() {
    return handle.any().map().timestamp();
  }

  /// Everything that is mapped, in order, at one moment of the call (ddb's `show map`). Waits for
  /// changes of the map under way. Neighbours that agree in everything may be one.
  public final List<MappedRange> mappings() {
    machine.haltSwitch().check();
    return edge.call(self -> MapInspection.of(self, handle.any()));
  }

  final long checkRange(long address, long bytes) {
    long length = wholePages(bytes);
    long range = handle.any().map().range();
    if (address % machine.spec().pageSize() != 0) {
      throw new IllegalArgumentException(
          "address 0x%x is not a multiple of the page size".formatted(address));
    }
    if (address < 0 || address > range - length) {
      throw new IllegalArgumentException(
          "%d bytes at 0x%x do not lie in the %d bytes of %s"
              .formatted(length, address, range, name()));
    }
    return length;
  }

  private long wholePages(long bytes) {
    if (bytes <= 0 || bytes > handle.any().map().range()) {
      throw new IllegalArgumentException(
          "a length of %d bytes is not from 1 to %d".formatted(bytes, handle.any().map().range()));
    }
    return wholePage(bytes);
  }

  private long wholePage(long bytes) {
    int pageSize = machine.spec().pageSize();
    return (bytes + pageSize - 1) & -pageSize;
  }
}
