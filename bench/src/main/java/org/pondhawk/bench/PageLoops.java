package org.pondhawk.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.PageGrabber;
import org.pondhawk.vm.object.PageOperations;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageMover;
import org.pondhawk.vm.sync.VmThread;

/// The operations of the page layer that pagers and tools use one by one, each over and over on one
/// page of an object.
final class PageLoops implements AutoCloseable {
  private static final int PINDEX = 7;
  private static final int OBJECT_PAGES = 100;
  private static final int CHUNK = 512;

  private final Machine machine;
  private final VmThread self;
  private final VmObject object;
  private final PageOperations operations;
  private final PageMover mover;
  private final PageBusy busy;
  private final int page;

  PageLoops(Machine machine, VmThread self) {
    this.machine = machine;
    this.self = self;
    this.operations = machine.pageOperations();
    this.mover = machine.page().mover();
    this.busy = machine.page().busy();
    this.object = machine.objects().create(OBJECT_PAGES, machine.nodes());
    this.page = grab();
    busy.unbusy(page);
  }

  /// The loops by what they do.
  Map<String, Work> sides() {
    Map<String, Work> sides = new LinkedHashMap<>();
    sides.put("made active and inactive", (_, n) -> moved(n));
    sides.put("a chunk made dirty and clean", (_, n) -> chunks(n));
    sides.put("looked up under the token", (_, n) -> lookedUp(n));
    sides.put("looked up and soft-busy, and let go", (_, n) -> lookedUpSoftBusy(n));
    sides.put("grabbed where it is there, and let go", (_, n) -> grabbed(n));
    sides.put("allocated alone and given back", (_, n) -> alone(n));
    return sides;
  }

  private int grab() {
    return operations
        .grabber()
        .grab(self, object, PINDEX, AllocClass.NORMAL, PageGrabber.Zeros.IF_NOT_VALID, true);
  }

  private long moved(int n) {
    busy.takeIdle(page);
    for (int i = 0; i < n; i++) {
      mover.activate(self, page);
      mover.deactivate(self, page);
    }
    busy.unbusy(page);
    return page;
  }

  private long chunks(int n) {
    busy.takeIdle(page);
    for (int i = 0; i < n; i++) {
      operations.content().setValidDirty(page, 0, CHUNK);
      operations.content().clearDirty(page, 0, CHUNK);
    }
    busy.unbusy(page);
    return page;
  }

  private long lookedUp(int n) {
    object.token().lock(self, false);
    long sum = 0;
    for (int i = 0; i < n; i++) {
      sum += operations.finder().find(self, object, PINDEX);
    }
    object.token().unlock(self);
    return sum;
  }

  private long lookedUpSoftBusy(int n) {
    object.token().lock(self, false);
    long sum = 0;
    for (int i = 0; i < n; i++) {
      int found = operations.finder().trySoftBusy(self, object, PINDEX, 0, CHUNK);
      busy.dropSoftBusy(found);
      sum += found;
    }
    object.token().unlock(self);
    return sum;
  }

  private long grabbed(int n) {
    long sum = 0;
    for (int i = 0; i < n; i++) {
      int found = grab();
      busy.unbusy(found);
      sum += found;
    }
    return sum;
  }

  private long alone(int n) {
    long sum = 0;
    for (int i = 0; i < n; i++) {
      int got = operations.alone().allocate(self, i, AllocClass.NORMAL, false, false);
      operations.alone().free(self, got);
      sum += got;
    }
    return sum;
  }

  @Override
  public void close() {
    new ObjectReaper(machine.objects(), machine.page(), machine.allocator(), machine.mappings())
        .release(self, object);
  }
}
