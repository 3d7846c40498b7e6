package org.pondhawk.bench;

import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Inside;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.Linux;

/// A machine to measure: one address space, one mapping, and the calling thread's view of it.
final class Rig implements AutoCloseable {
  final VirtualMemory vm;
  final Machine machine;
  final AddressSpace space;
  final View view;
  final long base;
  final long bytes;
  final int pageSize;

  private Rig(VirtualMemory vm, long bytes, boolean huge) {
    this.vm = vm;
    this.machine = Inside.of(vm);
    this.bytes = bytes;
    this.pageSize = vm.config().pageSize();
    FrameMemory frames = machine.page().pages().frames();
    long frameBytes = (long) frames.frameCount() * pageSize;
    if (huge) {
      Linux.hugePages(frames.address(0), frameBytes);
    } else {
      Linux.noHugePages(frames.address(0), frameBytes);
    }
    this.space = vm.newAddressSpace();
    this.base = space.map(bytes, Protection.READ_WRITE);
    this.view = space.view();
  }

  /// A machine with a mapping that fits into its memory.
  ///
  /// @param extra memory for more than the mapping
  static Rig boot(long bytes, long extra, int pageSize, boolean huge) {
    return new Rig(VirtualMemory.boot(config(bytes + extra, pageSize).build()), bytes, huge);
  }

  static Rig boot(VmConfig config, long bytes) {
    return new Rig(VirtualMemory.boot(config), bytes, false);
  }

  /// The configuration of a machine in which so many bytes are resident without pressure.
  static VmConfig.Builder config(long bytes, int pageSize) {
    return VmConfig.builder()
        .physicalMemory(bytes + bytes / 12 + 48 * Memory.MIB)
        .prefaultPages(0) // each fault maps one page, unless a row is about that
        .pageSize(pageSize);
  }

  /// What [#boot] takes of the computer's memory.
  static long takes(long bytes) {
    return bytes + bytes / 12 + 48 * Memory.MIB;
  }

  int pageCount() {
    return (int) (bytes / pageSize);
  }

  long page(int n) {
    return base + (long) n * pageSize;
  }

  /// Stores into every page, in order, as a program does that loads its data in bulk: scalar
  /// accesses have seen no miss when they are compiled.
  Rig touchAll() {
    for (int n = 0; n < pageCount(); n++) {
      view.fill(page(n), pageSize, (byte) n);
    }
    return this;
  }

  /// Gives all frames memory: every page of another mapping is touched, and unmapped.
  Rig touchFrames(long more) {
    long other = space.map(more, Protection.READ_WRITE);
    for (long at = 0; at < more; at += pageSize) {
      view.putLong(other + at, 1);
    }
    space.unmap(other, more);
    return this;
  }

  long faults() {
    return vm.statistics().faultsMinor() + vm.statistics().faultsMajor();
  }

  /// The address of the page table entry of the mapping's first page.
  long table() {
    return machine.spaces().getFirst().pmap().slot(base);
  }

  /// The address of the region word of the mapping's first page.
  long regions() {
    long region = 512L * pageSize;
    return machine.spaces().getFirst().pmap().regions() + base / region * Long.BYTES;
  }

  @Override
  public void close() {
    view.close();
    space.close();
    vm.close();
  }
}
