package org.pondhawk.vm.map;

import org.pondhawk.vm.error.NoRoomException;
import org.pondhawk.vm.sync.Tunable;

/// How much one space may map (`RLIMIT_VMEM`, `RLIMIT_DATA`, `RLIMIT_STACK`), within what its
/// machine allows.
///
/// **Contract.** Read with the map locked exclusively; set by anybody, for what is mapped later.
public final class MapLimits {
  /// What a machine lets every space do.
  ///
  /// @param mostMappings how many entries a map may have before it takes no more, 0 for any number
  ///   (`vm.max_proc_mmap`)
  /// @param mostData how long the data range may get (`maxdsiz`)
  /// @param mostStack how long a stack may get (`maxssiz`)
  /// @param stackStep by how much a stack grows (`sgrowsiz`)
  public record Machine(
      Tunable mostMappings, Tunable mostData, Tunable mostStack, Tunable stackStep) {}

  private final Machine machine;
  private volatile long size = Long.MAX_VALUE;
  private volatile long data = Long.MAX_VALUE;
  private volatile long stack = Long.MAX_VALUE;

  MapLimits(Machine machine) {
    this.machine = machine;
  }

  /// Begins with the limits of another space, as a fork does.
  void inherit(MapLimits other) {
    set(other.size, other.data, other.stack);
  }

  /// Sets the limits of the space itself, in bytes.
  ///
  /// @param newSize of all that is mapped
  /// @param newData of the data range
  /// @param newStack of each stack
  public void set(long newSize, long newData, long newStack) {
    size = newSize;
    data = newData;
    stack = newStack;
  }

  /// How many bytes may be mapped in all.
  public long size() {
    return size;
  }

  /// How many bytes the data range may have at most.
  public long data() {
    return Math.min(data, machine.mostData().get());
  }

  /// How many bytes a stack may have at most.
  public long stack() {
    return Math.min(stack, machine.mostStack().get());
  }

  /// The limits that the space has set itself, the machine's aside: of all, of data, of a stack.
  public long[] own() {
    return new long[] {size, data, stack};
  }

  /// By how many bytes a stack grows at least.
  long stackStep() {
    return machine.stackStep().get();
  }

  /// Whether so many bytes more would be too many.
  boolean refuses(AddressMap map, long bytes) {
    return bytes > size - map.size();
  }

  /// Requires that a map may get one mapping more.
  ///
  /// @throws NoRoomException if it has too many entries, or bytes
  void require(AddressMap map, long bytes) {
    long most = machine.mostMappings().get();
    if (most != 0 && map.count() >= most) {
      throw new NoRoomException(
          "there are %d mappings already, and may be %d".formatted(map.count(), most));
    }
    requireSize(map, bytes);
  }

  /// Requires that so many bytes more may be mapped.
  ///
  /// @throws NoRoomException if not
  void requireSize(AddressMap map, long bytes) {
    if (refuses(map, bytes)) {
      throw new NoRoomException(
          "%d bytes are mapped, %d more would pass the limit of %d"
              .formatted(map.size(), bytes, size));
    }
  }
}
