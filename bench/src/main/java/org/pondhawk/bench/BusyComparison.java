package org.pondhawk.bench;

import java.util.LinkedHashMap;
import java.util.Map;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageMover;
import org.pondhawk.vm.sync.VmThread;

/// Taking and giving back of one page in each of the ways there are, and the other operations on
/// one page.
final class BusyComparison implements Comparison {
  private static final int PAGE = 4 << 10;
  private static final int OPERATIONS = 1_000_000;
  private static final String FLOOR = "two locked instructions";

  @Override
  public String name() {
    return "busy";
  }

  @Override
  public String line() {
    return "the operations on one page, beside two locked instructions";
  }

  @Override
  public void run(Effort effort, Report report) {
    try (Rig rig = Rig.boot(effort.sizes().getFirst(), 0, PAGE, false);
        RawRange word = new RawRange(PAGE, false).touchAll()) {
      Machine machine = rig.machine;
      VmThread self = machine.newThread("bench");
      int page = machine.allocator().allocate(self, 0, AllocClass.NORMAL);
      PageBusy busy = machine.page().busy();
      Map<String, Work> sides = new LinkedHashMap<>();
      sides.put(FLOOR, (_, n) -> lockedPairs(word.address, n));
      sides.put("the caller's processor looked up", (_, n) -> lookedUp(self, n));
      sides.put("wired once more and unwired", (_, n) -> wired(machine, self, page, n));
      busyOnlyWhileMeasured(sides, machine, self, page, busy);
      PageLoops loops = new PageLoops(machine, self);
      sides.putAll(loops.sides());
      Turns turns = new Turns(effort);
      sides.forEach(turns::add);
      machine.page().mover().wire(self, page);
      Map<String, Double> times = turns.run();
      sides.forEach((what, work) -> {
        if (!FLOOR.equals(what)) {
          double nanos = times.getOrDefault(what, Double.NaN);
          report.row(what, nanos, Row.Unit.NANOS, FLOOR, times.get(FLOOR));
          double bytes = Allocated.bytesPerOperation(work, OPERATIONS);
          report.row("heap of: " + what, bytes, Row.Unit.BYTES_PER_OP, "nothing", 0.0);
        }
      });
      loops.close();
      machine.page().mover().unwireToFree(self, page);
      machine.allocator().free(self, page);
    }
  }

  /// The ways that begin with a page that is not busy: each run finds it hard-busy and leaves it
  /// so.
  private static void busyOnlyWhileMeasured(
      Map<String, Work> sides, Machine machine, VmThread self, int page, PageBusy busy) {
    sides.put("hard-busy and let go", (_, n) -> hardBusy(busy, page, n));
    sides.put("soft-busy and let go", (_, n) -> softBusy(busy, page, n));
    sides.put("held and unheld", (_, n) -> held(machine.allocator(), self, page, n));
  }

  private static long lookedUp(VmThread self, int n) {
    long sum = 0;
    for (int i = 0; i < n; i++) {
      self.relocate();
      sum += self.stripe();
    }
    return sum;
  }

  private static long lockedPairs(long word, int n) {
    long sum = 0;
    for (int i = 0; i < n; i++) {
      RawMemory.compareAndSetInt(word, 1, 0);
      sum += RawMemory.compareAndSetInt(word, 0, 1) ? 1 : 0;
    }
    return sum;
  }

  private static long hardBusy(PageBusy busy, int page, int n) {
    long sum = 0;
    busy.unbusy(page);
    for (int i = 0; i < n; i++) {
      sum += busy.tryHardBusy(page) ? 1 : 0;
      busy.unbusy(page);
    }
    busy.tryHardBusy(page);
    return require(sum, n);
  }

  private static long softBusy(PageBusy busy, int page, int n) {
    long sum = 0;
    busy.unbusy(page);
    for (int i = 0; i < n; i++) {
      sum += busy.trySoftBusy(page) ? 1 : 0;
      busy.dropSoftBusy(page);
    }
    busy.tryHardBusy(page);
    return require(sum, n);
  }

  private static long held(PageAllocator allocator, VmThread self, int page, int n) {
    for (int i = 0; i < n; i++) {
      allocator.hold(page);
      allocator.unhold(self, page);
    }
    return page;
  }

  /// The page stays wired once all the while, so that it is put on no queue.
  private static long wired(Machine machine, VmThread self, int page, int n) {
    PageMover mover = machine.page().mover();
    for (int i = 0; i < n; i++) {
      mover.wire(self, page);
      mover.unwire(self, page, false);
    }
    return machine.page().pages().wireCount(page);
  }

  private static long require(long sum, int n) {
    if (sum != n) {
      throw new IllegalStateException("the page was busy " + (n - sum) + " times");
    }
    return sum;
  }
}
