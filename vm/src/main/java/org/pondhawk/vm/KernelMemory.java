package org.pondhawk.vm;

import java.util.EnumSet;
import java.util.Set;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.kmem.KernelArea;
import org.pondhawk.vm.kmem.ZoneFlag;
import org.pondhawk.vm.map.Subsystem;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.queue.RunLimits;
import org.pondhawk.vm.stats.PhysicalRange;

/// The machine's own memory (`kmem`): a space that is shared by all who use the machine, with
/// addresses, memory that stays where it is, and pools of items. It is looked at through a [#view],
/// as any space.
///
/// ```java
/// KernelMemory kernel = vm.kernelMemory();
/// long buffer = kernel.allocate(64 << 10);
/// try (View view = kernel.view()) {
///   view.putLong(buffer, 1);
/// }
/// kernel.free(buffer, 64 << 10);
/// ```
///
/// **Contract.** Lengths are rounded up to whole pages. Addresses mean the same to every view of
/// the kernel; 0 is none of them. What is allocated stays until it is freed or the machine closes.
/// All methods may be called from any thread.
///
/// **Failure.** `IllegalArgumentException` for lengths that make no sense or fit nowhere;
/// [OutOfPagesException] where there is no memory; nothing is allocated then.
/// `IllegalStateException` after the machine was closed.
public final class KernelMemory {
  private final Machine machine;
  private final EdgeThreads edge;
  private final KernelArea area;

  KernelMemory(Machine machine, EdgeThreads edge, KernelArea area) {
    this.machine = machine;
    this.edge = edge;
    this.area = area;
  }

  /// The first address.
  public long first() {
    return area.first();
  }

  /// The address behind the last.
  public long end() {
    return area.end();
  }

  /// How many bytes of addresses are taken: with memory, without, or for a part of their own.
  public long used() {
    return edge.call(_ -> area.used());
  }

  /// Makes the calling thread's window on the kernel. Only that thread uses it, and closes it; it
  /// reads and writes what is allocated, in any part.
  public View view() {
    machine.haltSwitch().check();
    return View.open(machine, machine.kernel().space());
  }

  // ---- memory

  /// Allocates memory: zeros, wired, mapped for loads and stores (`kmem_alloc`). Waits for memory.
  ///
  /// @return the address
  public long allocate(long bytes) {
    return require(bytes, area.end(), n -> edgeAllocate(n, false));
  }

  /// Allocates memory for a stack, with one page more below it that nothing is ever mapped to
  /// (`kmem_alloc_stack`): an access to it is a violation that says so. Waits for memory.
  ///
  /// @param bytes the length of the stack
  /// @return the address of the guard page, a page below the stack; it is freed with the stack
  public long allocateStack(long bytes) {
    int pageSize = machine.spec().pageSize();
    return require(bytes, area.end() - pageSize, n -> edgeAllocate(n + pageSize, true));
  }

  private long edgeAllocate(long bytes, boolean guarded) {
    Subsystem subsystem = guarded ? Subsystem.STACK : Subsystem.KMALLOC;
    return edge.call(self -> area.allocate(self, bytes, subsystem, guarded));
  }

  /// Allocates memory in frames that lie in a range of physical addresses (`kmem_alloc_attr`):
  /// zeros, wired. They need not be neighbours. May wait for transfers to swap.
  ///
  /// @param within where each frame lies
  /// @return the address
  public long allocateWithin(long bytes, PhysicalRange within) {
    return require(
        bytes,
        (long) machine.physical().frameCount() * machine.spec().pageSize(),
        n -> {
          RunLimits limits = limits(within);
          return edge.call(self ->
              area.allocateWithin(self, n, Subsystem.CONTIG, limits, MemoryAttribute.WRITE_BACK));
        });
  }

  private RunLimits limits(PhysicalRange within) {
    int pageSize = machine.spec().pageSize();
    int low = pageFrom(within.start() + pageSize - 1);
    return new RunLimits(low, Math.max(low, pageFrom(within.end())), 1, 0);
  }

  private int pageFrom(long physical) {
    int shift = machine.page().pages().frames().pageShift();
    long page = (physical - machine.physical().physical(0)) >> shift;
    return Math.clamp(page, 0, machine.page().pages().frames().frameCount());
  }

  /// Allocates memory that is made when it is touched and may be swapped (`kmem_alloc_swapbacked`).
  ///
  /// @return the address
  public long allocateSwappable(long bytes) {
    return require(
        bytes,
        area.end(),
        n -> edge.call(self -> area.allocateSwappable(self, n, Subsystem.KMALLOC)));
  }

  // ---- addresses only

  /// Takes addresses without memory (`kmem_alloc_pageable`): every access is a violation.
  ///
  /// @return the first address
  public long reserve(long bytes) {
    return reserve(bytes, machine.spec().pageSize());
  }

  /// The same at a multiple of something (`kmem_alloc_nofault`).
  ///
  /// @param alignment a power of two; a page at least is taken
  /// @return the first address
  public long reserve(long bytes, long alignment) {
    if (alignment < 1 || Long.bitCount(alignment) != 1 || alignment > area.end()) {
      throw new IllegalArgumentException(
          "alignment=%d is not a power of two from 1 to %d".formatted(alignment, area.end()));
    }
    long multiple = Math.max(alignment, machine.spec().pageSize());
    return require(
        bytes, area.end(), n -> edge.call(_ -> area.reserve(n, Subsystem.KMALLOC, multiple)));
  }

  /// Takes addresses without memory, and waits until others have freed some if there are none
  /// (`kmem_alloc_wait`).
  ///
  /// @return the first address
  /// @throws OutOfPagesException if nobody frees any for the machine's patience
  public long awaitReserve(long bytes) {
    return require(
        bytes,
        area.end() - area.first(),
        n -> edge.call(self -> area.awaitReserve(self, n, Subsystem.KMALLOC)));
  }

  // ---- back

  /// Gives back what was allocated or reserved, or a part of it, and wakes who waits for addresses
  /// (`kmem_free`, `kmem_free_wakeup`). Waits for stores under way and for leases.
  ///
  /// @param address a multiple of the page size
  /// @throws IllegalArgumentException if a part of it is not allocated, or is a part with addresses
  ///   of its own; nothing is freed then
  public void free(long address, long bytes) {
    int pageSize = machine.spec().pageSize();
    if (address % pageSize != 0) {
      throw new IllegalArgumentException(
          "address 0x%x is not a multiple of the page size".formatted(address));
    }
    boolean inside =
        bytes > 0
            && address >= area.first()
            && address < area.end()
            && bytes <= area.end() - address;
    if (!inside) {
      throw new IllegalArgumentException(
          "%d bytes at 0x%x do not lie in %s".formatted(bytes, address, this));
    }
    machine.haltSwitch().check();
    long length = (bytes + pageSize - 1) & -pageSize;
    edge.run(self -> area.free(self, address, length));
  }

  // ---- parts and zones

  /// Takes addresses that are from now on allocated from by themselves (`kmem_suballoc`); they stay
  /// taken until the machine closes.
  ///
  /// @param bytes rounded up to what a piece of the page table maps, 2 MiB in pages of 4 KiB
  public KernelMemory suballocate(long bytes) {
    long piece = area.pieceBytes();
    if (bytes <= 0 || bytes > area.end() - piece) {
      throw noRoom(bytes);
    }
    machine.haltSwitch().check();
    return edge.call(_ -> {
      KernelArea part = area.suballocate((bytes + piece - 1) & -piece);
      if (part == null) {
        throw noRoom(bytes);
      }
      return new KernelMemory(machine, edge, part);
    });
  }

  /// Makes a pool of items of one size (`zinit`).
  ///
  /// @param name for listings
  /// @param itemBytes from 1 to 1 MiB; rounded up to a multiple of 32
  /// @param limit how many items there may be; 0 for as many as there is memory for
  /// @param kinds none, one or several
  public KernelZone newZone(String name, int itemBytes, long limit, KernelZone.Kind... kinds) {
    if (itemBytes < 1 || itemBytes > 1 << 20 || limit < 0) {
      throw new IllegalArgumentException(
          "zone %s: itemBytes=%d, limit=%d".formatted(name, itemBytes, limit));
    }
    Set<ZoneFlag> flags = EnumSet.noneOf(ZoneFlag.class);
    for (KernelZone.Kind kind : kinds) {
      flags.add(ZoneFlag.valueOf(kind.name()));
    }
    machine.haltSwitch().check();
    int processors = machine.page().stats().stripes();
    return edge.call(
        _ -> new KernelZone(edge, area.makeZone(name, itemBytes, limit, flags, processors)));
  }

  // ---- questions

  /// Whether every byte of a range is allocated and may be accessed so (`kernacc`). The answer is
  /// of the past when it is read. A range that makes no sense is not allowed.
  ///
  /// @param bytes 0 for nothing, which is allowed anywhere inside
  public boolean allows(long address, long bytes, Protection protection) {
    return edge.call(_ -> area.allows(address, bytes, protection.access));
  }

  // ----

  /// What takes a length in whole pages and gives an address, or -1.
  @FunctionalInterface
  private interface Taking {
    long take(long bytes);
  }

  private long require(long bytes, long most, Taking taking) {
    if (bytes <= 0 || bytes > most) {
      throw new IllegalArgumentException(
          "a length of %d bytes is not from 1 to %d".formatted(bytes, most));
    }
    machine.haltSwitch().check();
    int pageSize = machine.spec().pageSize();
    long start = taking.take((bytes + pageSize - 1) & -pageSize);
    if (start < 0) {
      throw noRoom(bytes);
    }
    return start;
  }

  private IllegalArgumentException noRoom(long bytes) {
    return new IllegalArgumentException(this + " has no room for " + bytes + " bytes");
  }

  @Override
  public String toString() {
    return "kernel memory 0x%x-0x%x".formatted(area.first(), area.end());
  }
}
