package org.pondhawk.vm;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.Supplier;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.object.DevicePager;
import org.pondhawk.vm.object.ObjectKind;
import org.pondhawk.vm.object.PhysicalPager;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.pager.DeviceMemory;
import org.pondhawk.vm.pager.Pager;

/// Opens the memory objects of a machine.
final class ObjectOpeners {
  private final Machine machine;
  private final EdgeThreads edge;
  private final PageArray pages;

  ObjectOpeners(Machine machine, EdgeThreads edge) {
    this.machine = machine;
    this.edge = edge;
    this.pages = machine.page().pages();
  }

  MemoryObject open(BackingStore store, long bytes, Protection most) {
    return open(store, ObjectKind.FILE, bytes, most, () -> new StorePager(store, pages));
  }

  MemoryObject open(Pager pager, long bytes, Protection most) {
    return open(pager, ObjectKind.FILE, bytes, most, () -> pager);
  }

  MemoryObject openResident(long bytes) {
    requirePositive(bytes);
    Pager pager = new PhysicalPager(pages, machine.pageOperations().exemption());
    return open(pager, ObjectKind.PHYSICAL, bytes, Protection.READ_WRITE, () -> pager);
  }

  MemoryObject openDevice(MemorySegment memory) {
    int pageSize = machine.spec().pageSize();
    requirePositive(memory.byteSize());
    if (!memory.isNative() || !memory.scope().equals(Arena.global().scope())) {
      throw new IllegalArgumentException("not native memory of the global arena: " + memory);
    }
    if (memory.address() % pageSize != 0 || memory.byteSize() % pageSize != 0) {
      throw new IllegalArgumentException("not whole pages of memory: " + memory);
    }
    Device device = new Device(memory.address(), memory.byteSize());
    Protection most = memory.isReadOnly() ? Protection.READ : Protection.READ_WRITE;
    return open(
        device,
        ObjectKind.DEVICE,
        memory.byteSize(),
        most,
        () ->
            new DevicePager(
                pages,
                machine.allocator().fictitious(),
                machine.owner(),
                device,
                MemoryAttribute.WRITE_BACK));
  }

  /// Memory of a user's, by which its object is known.
  private record Device(long address, long bytes) implements DeviceMemory {
    @Override
    public long addressOf(long offset) {
      return address + offset;
    }
  }

  private static void requirePositive(long bytes) {
    if (bytes <= 0) {
      throw new IllegalArgumentException("a size of %d bytes".formatted(bytes));
    }
  }

  private MemoryObject open(
      Object handle, ObjectKind kind, long bytes, Protection most, Supplier<Pager> pager) {
    if (bytes < 0) {
      throw new IllegalArgumentException("a size of %d bytes".formatted(bytes));
    }
    machine.haltSwitch().check();
    VmObject object = edge.call(self -> machine.paged().open(self, handle, kind, bytes, pager));
    return new MemoryObject(machine, edge, object, most);
  }
}
