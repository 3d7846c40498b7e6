package org.pondhawk.vm.kmem;

import java.util.Set;
import java.util.function.LongFunction;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.MachineHaltedException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.AddressMap;
import org.pondhawk.vm.map.EntryFlags;
import org.pondhawk.vm.map.EntryTraits;
import org.pondhawk.vm.map.MapEntry;
import org.pondhawk.vm.map.Mapper;
import org.pondhawk.vm.map.Placement;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.map.Submap;
import org.pondhawk.vm.map.Subsystem;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.queue.Patience;
import org.pondhawk.vm.queue.RunLimits;
import org.pondhawk.vm.sync.VmThread;
import org.pondhawk.vm.sync.WaitChannel;

/// A part of the machine's own addresses that has a map, and what is allocated there: memory, or
/// addresses only (`kmem_alloc` and its family; the whole is `kernel_map`).
///
/// **Contract.** Lengths are multiples of the page size and positive; the caller has checked that.
/// The lowest address that fits is taken. Methods may be called from any thread, which holds
/// nothing; those that say so wait for memory.
///
/// **Failure.** -1 where there are no addresses; [org.pondhawk.vm.error.OutOfPagesException] where
/// there is no memory; nothing is allocated then.
public final class KernelArea {
  private static final long SLICE_NANOS = 100_000_000L;

  private final Kernel kernel;
  private final Space space;
  private final long first;
  private final long end;
  private final int pageSize;
  private final WaitChannel freed = new WaitChannel("kernel addresses");

  KernelArea(Kernel kernel, Space space, long first, long end) {
    this.kernel = kernel;
    this.space = space;
    this.first = first;
    this.end = end;
    this.pageSize = kernel.parts().pageSize();
  }

  /// The first address.
  public long first() {
    return first;
  }

  /// The address behind the last.
  public long end() {
    return end;
  }

  /// The kernel that it is part of.
  Kernel kernel() {
    return kernel;
  }

  /// Whose map it is.
  Space space() {
    return space;
  }

  // ---- memory

  /// Allocates memory: zeros, wired and mapped (`kmem_alloc3`). Waits for memory.
  ///
  /// @param guarded whether the first page is left out and stays out, as below a stack (`KM_STACK`)
  /// @return the address, of the guard if there is one, or -1
  public long allocate(VmThread self, long bytes, Subsystem subsystem, boolean guarded) {
    int flags = EntryFlags.NO_FAULT | (guarded ? EntryFlags.GUARDED : 0);
    long start = reserveWired(bytes, traits(subsystem, flags));
    if (start >= 0) {
      fill(self, start, guarded ? start + pageSize : start, start + bytes);
    }
    return start;
  }

  private void fill(VmThread self, long start, long from, long to) {
    try {
      kernel.filling().fill(self, space, from, to);
    } catch (VmPanic | MachineHaltedException broken) {
      throw broken;
    } catch (RuntimeException failure) {
      space.unmap(self, start, to);
      throw failure;
    }
  }

  /// Takes addresses that show the kernel's object, each the page of its own index.
  long reserveWired(long bytes, EntryTraits traits) {
    VmObject object = kernel.object();
    return map(
        bytes,
        pageSize,
        traits,
        at -> {
          object.reference();
          return new Mapper.Shown(object, at / pageSize);
        });
  }

  /// Fills one page of addresses that were reserved so, if there is memory at once.
  boolean tryFill(VmThread self, long address) {
    return kernel.filling().tryFill(self, space, address);
  }

  /// Allocates memory in frames within bounds (`kmem_alloc_attr`): zeros, wired. May wait for
  /// transfers to swap.
  ///
  /// @param limits where each frame lies
  /// @return the address, or -1
  public long allocateWithin(
      VmThread self, long bytes, Subsystem subsystem, RunLimits limits, MemoryAttribute attribute) {
    int count = Math.toIntExact(bytes / pageSize);
    BoundedFrames frames =
        BoundedFrames.take(self, kernel.parts(), kernel.freeing(), count, limits, attribute);
    boolean mapped = false;
    try {
      long start =
          space.mapper().mapSupplied(anywhere(pageSize), bytes, traits(subsystem, 0), frames, 0);
      mapped = start >= 0;
      return start;
    } finally {
      if (!mapped) {
        frames.giveAll(self);
      }
    }
  }

  /// Allocates memory that is made when touched and may be swapped (`kmem_alloc_swapbacked`).
  ///
  /// @return the address, or -1
  public long allocateSwappable(VmThread self, long bytes, Subsystem subsystem) {
    VmObject object =
        kernel.parts().map().objects().create(bytes / pageSize, kernel.parts().map().nodes());
    long start = map(bytes, pageSize, traits(subsystem, 0), _ -> new Mapper.Shown(object, 0));
    if (start < 0) {
      kernel.parts().map().reaper().release(self, object);
    }
    return start;
  }

  // ---- addresses only

  /// Takes addresses without memory: every access is a violation (`kmem_alloc_pageable`,
  /// `kmem_alloc_nofault`).
  ///
  /// @param alignment a power of two, at least the page size
  /// @return the address, or -1
  public long reserve(long bytes, Subsystem subsystem, long alignment) {
    return map(bytes, alignment, traits(subsystem, EntryFlags.NO_FAULT), _ -> null);
  }

  /// As [#reserve], and waits for others to free addresses (`kmem_alloc_wait`).
  ///
  /// @return the address, or -1 if there never can be so many
  /// @throws org.pondhawk.vm.error.OutOfPagesException if nobody frees any for the machine's
  ///   patience
  public long awaitReserve(VmThread self, long bytes, Subsystem subsystem) {
    Patience patience = kernel.parts().page().gate().patience();
    for (; ; ) {
      int ticket = freed.ticket();
      long start = reserve(bytes, subsystem, pageSize);
      if (start >= 0 || bytes > end - first) {
        return start;
      }
      self.sleep(freed, ticket, SLICE_NANOS);
      kernel
          .parts()
          .page()
          .gate()
          .checkWait(self, patience, freed.ticket(), "no kernel addresses were freed");
    }
  }

  // ---- back

  /// Gives back what was allocated, or a part of it, and wakes who waits for addresses
  /// (`kmem_free`, `kmem_free_wakeup`). Waits for stores under way and for leases.
  ///
  /// @throws IllegalArgumentException if a part of it is not allocated, or has a map of its own
  public void free(VmThread self, long start, long bytes) {
    long unmapped = firstUnmapped(start, start + bytes);
    if (unmapped >= 0) {
      throw new IllegalArgumentException("not allocated: 0x%x".formatted(unmapped));
    }
    space.unmap(self, start, start + bytes);
    freed.wakeAll();
  }

  private long firstUnmapped(long from, long to) {
    AddressMap map = space.map();
    long stamp = map.lockShared();
    try {
      long at = from;
      for (MapEntry e = map.find(at); e != null && at < to; e = map.find(at)) {
        at = e.end();
      }
      return at < to ? at : -1;
    } finally {
      map.unlockShared(stamp);
    }
  }

  // ---- parts

  /// Takes addresses that get a map of their own, for good (`kmem_suballoc`): whole pieces of the
  /// page table, so that the two maps never meet in one.
  ///
  /// @param bytes a multiple of what one piece of the table maps, see [#pieceBytes]
  /// @return null if there are no addresses
  public @Nullable KernelArea suballocate(long bytes) {
    Space inside =
        space
            .mapper()
            .mapSubmap(
                anywhere(pieceBytes()),
                bytes,
                traits(Subsystem.SYSMAP, 0),
                (start, stop) -> kernel.makeSubmap(space, start, stop));
    return inside == null
        ? null
        : new KernelArea(kernel, inside, inside.map().first(), inside.map().range());
  }

  /// How many bytes one piece of the page table maps.
  public long pieceBytes() {
    return 1L << space.pmap().regionShift();
  }

  /// Makes a zone whose memory lies here (`zinit`).
  ///
  /// @throws IllegalArgumentException if there are no addresses for a zone for interrupts
  public Zone makeZone(
      String name, int itemBytes, long limit, Set<ZoneFlag> flags, int processorCount) {
    Zone zone = new Zone(this, name, itemBytes, limit, flags, processorCount);
    kernel.zoneList().add(zone);
    return zone;
  }

  // ---- questions

  /// Whether every byte of a range is allocated and allows an access (`kernacc`).
  ///
  /// @param access bits of [Access]
  public boolean allows(long start, long bytes, int access) {
    return bytes >= 0
        && start >= first
        && start <= end - bytes
        && allows(space.map(), start, start + bytes, access);
  }

  private static boolean allows(AddressMap map, long from, long to, int access) {
    long at = from;
    while (at < to) {
      MapEntry entry = entryOf(map, at);
      if (entry == null) {
        return false;
      }
      boolean allowed =
          entry.content() instanceof Submap inside
              ? allows(inside.map().map(), at, Math.min(to, entry.end()), access)
              : Access.allows(entry.access(), access);
      if (!allowed) {
        return false;
      }
      at = entry.end();
    }
    return true;
  }

  private static @Nullable MapEntry entryOf(AddressMap map, long address) {
    long stamp = map.lockShared();
    try {
      return map.find(address);
    } finally {
      map.unlockShared(stamp);
    }
  }

  /// How many bytes of its addresses are taken.
  public long used() {
    AddressMap map = space.map();
    long stamp = map.lockShared();
    try {
      return map.size();
    } finally {
      map.unlockShared(stamp);
    }
  }

  // ----

  private long map(
      long bytes, long alignment, EntryTraits traits, LongFunction<Mapper.@Nullable Shown> shown) {
    return space.mapper().mapShowing(anywhere(alignment), bytes, traits, shown);
  }

  private Placement anywhere(long alignment) {
    return new Placement.Anywhere(first, alignment, end);
  }

  private static EntryTraits traits(Subsystem subsystem, int flags) {
    return EntryTraits.of(Access.ALL).withSubsystem(subsystem).withFlags(flags, 0);
  }
}
