package org.pondhawk.vm.kmem;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.ReentrantLock;
import org.pondhawk.vm.map.Backing;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.sync.VmThread;

/// The machine's own address space: a map, parts of it with maps of their own, and one object for
/// all that is wired in it (`kernel_map`, `kernel_object`).
///
/// The object has an index for every address, so that no two ranges show the same page. It has a
/// reference of its own, an attachment that shows nothing, and lives until the machine closes.
/// Address 0 is never mapped.
public final class Kernel {
  private final KernelParts parts;
  private final Space space;
  private final VmObject object;
  private final Backing base;
  private final KernelPages filling;
  private final KernelArea area;
  private final ReentrantLock freeing = new ReentrantLock();
  private final AtomicLong submaps = new AtomicLong();
  private final List<Space> inside = new CopyOnWriteArrayList<>();
  private final List<Zone> zones = new CopyOnWriteArrayList<>();
  private boolean closed;

  /// Makes it in a space that is empty and known to nobody.
  public Kernel(KernelParts parts, Space space) {
    this.parts = parts;
    this.space = space;
    long range = space.map().range();
    this.object = parts.map().objects().create(range >>> parts.pageShift(), parts.map().nodes());
    object.keepWired();
    this.base = new Backing(0, 0, object, 0, space, null);
    object.attach(base);
    this.filling = new KernelPages(parts, object);
    this.area = new KernelArea(this, space, parts.pageSize(), range);
  }

  /// The whole of it.
  public KernelArea area() {
    return area;
  }

  /// The space, to be looked at through a view.
  public Space space() {
    return space;
  }

  /// The object whose pages are wired.
  public VmObject object() {
    return object;
  }

  /// The zones, in the order in which they were made.
  public List<Zone> zones() {
    return List.copyOf(zones);
  }

  /// The parts that have a map of their own.
  public List<Space> submaps() {
    return List.copyOf(inside);
  }

  List<Zone> zoneList() {
    return zones;
  }

  KernelParts parts() {
    return parts;
  }

  KernelPages filling() {
    return filling;
  }

  /// What is held while frames within bounds are given back.
  ReentrantLock freeing() {
    return freeing;
  }

  /// Makes the map of a part of a space of the kernel's.
  Space makeSubmap(Space parent, long start, long end) {
    Space part = parent.part(-submaps.incrementAndGet(), start, end);
    inside.add(part);
    return part;
  }

  /// Unmaps everything; its pages are free afterwards. Waits for leases. Idempotent.
  ///
  /// @throws org.pondhawk.vm.error.AccessUnderWayException if a store under way does not end; call
  ///   again
  public synchronized void close(VmThread self) {
    if (closed) {
      return;
    }
    zones.forEach(Zone::end); // they look at their items without a guard
    for (Space part : inside) {
      end(self, part);
    }
    end(self, space);
    object.replace(base);
    parts.map().reaper().release(self, object);
    closed = true;
  }

  private static void end(VmThread self, Space space) {
    if (space.end(self, true, () -> {}) && space.life().drop()) {
      space.tearDown();
    }
  }
}
