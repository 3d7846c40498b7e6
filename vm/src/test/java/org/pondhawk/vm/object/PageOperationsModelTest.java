package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageMover;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.VmThread;

/// Transitions and pins of mapped pages, at random, against plain records of what each page should
/// be; after each batch every invariant of the machine is checked.
class PageOperationsModelTest {
  private static final int BATCHES = 12;
  private static final int STEPS = 60;
  private static final int PAGES = 12;
  private static final int SHOWN = 80;

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 6), LongStream.of(System.nanoTime()));
  }

  private enum Op {
    READ,
    WRITE,
    ACTIVATE,
    DEACTIVATE,
    UNQUEUE,
    UNQUEUE_QUIETLY,
    CACHE,
    TRY_TO_CACHE,
    TRY_TO_FREE,
    NOT_NEEDED,
    WIRE,
    UNWIRE,
    WIRE_AGAIN,
    UNWIRE_UNLESS_LAST,
    HOLD,
    UNHOLD,
    UNMANAGE,
    NEED_COMMIT,
    CLEAR_COMMIT,
    REVOKE_ALL,
    REVOKE_STORES
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void behaveAsPlainRecords(long seed) {
    try (TestMachine machine = new TestMachine(256)) {
      Run run = new Run(machine, seed);
      for (int batch = 0; batch < BATCHES; batch++) {
        for (int step = 0; step < STEPS; step++) {
          run.step();
        }
        run.settle();
        assertThat(VmCheck.run(machine.vm).problems()).as(run::toString).isEmpty();
      }
    }
  }

  /// What a page of the mapping should be.
  private static final class Model {
    final long address;
    final long pindex;
    boolean resident;
    int page;
    @Nullable PageQueue queue;
    int wired;
    int held;
    boolean mapped;
    boolean writable;
    boolean stored;
    boolean unmanaged;
    boolean toCommit;
    long value;

    Model(long address, long pindex) {
      this.address = address;
      this.pindex = pindex;
    }

    boolean isPinned() {
      return wired > 0 || held > 0 || unmanaged || toCommit;
    }

    void moveTo(@Nullable PageQueue to) {
      if (!unmanaged || to == null) {
        queue = to;
      }
    }

    void unmap() {
      mapped = false;
      writable = false;
    }
  }

  private static final class Run {
    private final TestMachine machine;
    private final PageArray pages;
    private final PageBusy busy;
    private final PageMover mover;
    private final PageAllocator allocator;
    private final PageOperations operations;
    private final VmThread self;
    private final Space space;
    private final Random random;
    private final List<Model> models = new ArrayList<>();
    private final List<String> history = new ArrayList<>();
    private final VmObject object;
    private int advice;

    Run(TestMachine machine, long seed) {
      this.machine = machine;
      this.pages = machine.vm.page().pages();
      this.busy = machine.vm.page().busy();
      this.mover = machine.vm.page().mover();
      this.allocator = machine.vm.allocator();
      this.operations = machine.vm.pageOperations();
      this.self = machine.self;
      this.space = machine.vm.newSpace();
      this.random = new Random(seed);
      history.add("seed " + seed);
      long start = machine.map(space, PAGES);
      for (int n = 0; n < PAGES; n++) {
        models.add(new Model(start + (long) n * TestMachine.PAGE_SIZE, n));
        touch(models.get(n), false);
      }
      this.object = machine.vm.objects().get(pages.object(models.getFirst().page));
      for (Model model : models) {
        assertThat(pages.pindex(model.page)).isEqualTo(model.pindex);
      }
    }

    @SuppressWarnings("EnumOrdinal") // nothing depends on the order
    void step() {
      Model model = models.get(random.nextInt(PAGES));
      Op op = model.resident ? Op.values()[random.nextInt(Op.values().length)] : Op.READ;
      if (!isPossible(op, model)) {
        return;
      }
      history.add("%s of %d".formatted(op, model.pindex));
      switch (op) {
        case READ -> touch(model, false);
        case WRITE -> touch(model, true);
        case TRY_TO_FREE -> tryToFree(model);
        case HOLD -> {
          allocator.hold(model.page);
          model.held++;
        }
        case UNHOLD -> {
          allocator.unhold(self, model.page);
          model.held--;
        }
        case WIRE_AGAIN -> {
          operations.wiring().wireAgain(model.page);
          model.wired++;
        }
        case UNWIRE_UNLESS_LAST -> {
          boolean last = model.wired == 1;
          assertThat(operations.wiring().unwireUnlessLast(model.page)).isEqualTo(last);
          model.wired -= last ? 0 : 1;
        }
        case CACHE -> cache(model);
        case TRY_TO_CACHE -> tryToCache(model);
        default -> whileBusy(op, model);
      }
      compare(model);
    }

    private static boolean isPossible(Op op, Model model) {
      return switch (op) {
        case UNWIRE, WIRE_AGAIN, UNWIRE_UNLESS_LAST -> model.wired > 0;
        case UNHOLD -> model.held > 0;
        default -> true;
      };
    }

    private void touch(Model model, boolean write) {
      if (write) {
        model.value = random.nextLong(1, Long.MAX_VALUE);
        machine.put(space, model.address, model.value);
      } else {
        assertThat(machine.get(space, model.address)).as(this::toString).isEqualTo(model.value);
      }
      if (!model.resident) {
        model.resident = true;
        model.page = machine.pageAt(space, model.address);
      }
      if (!model.mapped || (write && !model.writable)) {
        model.moveTo(PageQueue.ACTIVE);
        model.mapped = true;
        model.writable = true;
      }
      model.stored |= write;
    }

    /// Finds the page as the machine does, with the token, and makes it busy.
    private void takeBusy(Model model) {
      object.token().lock(self, false);
      PageFinder.Found found = operations.finder().tryBusy(self, object, model.pindex, false);
      object.token().unlock(self);
      assertThat(found).as(this::toString).isEqualTo(new PageFinder.Found(model.page, true));
    }

    private void cache(Model model) {
      takeBusy(model);
      boolean cached = operations.reclaim().cache(self, model.page);
      if (model.isPinned()) {
        assertThat(cached).as(this::toString).isFalse();
        return;
      }
      assertThat(cached).as(this::toString).isEqualTo(!model.stored);
      model.unmap();
      model.moveTo(model.stored ? PageQueue.INACTIVE : PageQueue.CACHE);
    }

    private void tryToCache(Model model) {
      takeBusy(model);
      boolean known = pages.dirty(model.page) != 0;
      boolean cached = operations.reclaim().tryToCache(self, model.page);
      boolean can = !model.isPinned() && !model.stored && model.queue != PageQueue.CACHE;
      assertThat(cached).as(this::toString).isEqualTo(can);
      if (can) {
        model.unmap();
        model.moveTo(PageQueue.CACHE);
      } else if (!model.isPinned() && !known && model.stored && model.queue == PageQueue.ACTIVE) {
        model.moveTo(PageQueue.INACTIVE);
      }
    }

    private void tryToFree(Model model) {
      boolean freed = operations.reclaim().tryToFree(self, model.page);
      assertThat(freed).as(this::toString).isEqualTo(!model.isPinned() && !model.stored);
      if (freed) {
        model.resident = false;
        model.unmap();
        model.queue = null;
      }
    }

    private void whileBusy(Op op, Model model) {
      takeBusy(model);
      int page = model.page;
      switch (op) {
        case ACTIVATE -> {
          mover.activate(self, page);
          model.moveTo(PageQueue.ACTIVE);
        }
        case DEACTIVATE -> {
          mover.deactivate(self, page);
          model.moveTo(PageQueue.INACTIVE);
        }
        case UNQUEUE -> {
          mover.unqueue(self, page);
          model.moveTo(null);
        }
        case UNQUEUE_QUIETLY -> {
          operations.exemption().unqueueQuietly(self, page);
          model.moveTo(null);
        }
        case NOT_NEEDED -> notNeeded(model);
        case WIRE -> {
          mover.wire(self, page);
          model.wired++;
        }
        case UNWIRE -> unwire(model, random.nextBoolean());
        case UNMANAGE -> {
          operations.exemption().unmanage(self, page);
          model.moveTo(null);
          model.unmanaged = true;
        }
        case NEED_COMMIT -> {
          operations.exemption().needCommit(page);
          model.toCommit = true;
        }
        case CLEAR_COMMIT -> {
          operations.exemption().clearCommit(page);
          model.toCommit = false;
        }
        case REVOKE_ALL -> {
          operations.protection().revokeAll(page);
          model.unmap();
        }
        case REVOKE_STORES -> {
          operations.protection().revokeStores(page);
          model.writable = false;
        }
        default -> throw new AssertionError(op);
      }
      busy.unbusy(page);
    }

    private void notNeeded(Model model) {
      advice++;
      operations.advice().notNeeded(self, model.page);
      if ((advice & 0x1f0) != 0 && model.queue != PageQueue.CACHE) {
        model.moveTo(PageQueue.INACTIVE);
      }
    }

    private void unwire(Model model, boolean activate) {
      mover.unwire(self, model.page, activate);
      if (--model.wired == 0) {
        model.moveTo(activate || model.toCommit ? PageQueue.ACTIVE : PageQueue.INACTIVE);
      }
    }

    private void compare(Model model) {
      if (!model.resident) {
        return;
      }
      int page = model.page;
      int queue = pages.queue(page);
      assertThat(queue == 0 ? null : PageQueue.kindOf(queue))
          .as(this::toString)
          .isEqualTo(model.queue);
      assertThat(pages.wireCount(page)).as(this::toString).isEqualTo(model.wired);
      assertThat(pages.holdCount(page)).as(this::toString).isEqualTo(model.held);
      assertThat(pages.hasFlag(page, PageFlags.MAPPED)).as(this::toString).isEqualTo(model.mapped);
      assertThat(pages.hasFlag(page, PageFlags.WRITABLE))
          .as(this::toString)
          .isEqualTo(model.writable);
      assertThat(pages.dirty(page) != 0 || machine.vm.mappings().isModified(page))
          .as(this::toString)
          .isEqualTo(model.stored);
      assertThat(busy.isIdle(page)).as(this::toString).isTrue();
    }

    /// Ends all pins, as [VmCheck] knows only those of the machine itself.
    void settle() {
      history.add("all pins end");
      for (Model model : models) {
        for (; model.held > 0; model.held--) {
          allocator.unhold(self, model.page);
        }
        while (model.wired > 0) {
          takeBusy(model);
          unwire(model, false);
          busy.unbusy(model.page);
        }
        if (model.unmanaged) {
          model.unmanaged = false;
          pages.clearFlags(model.page, PageFlags.UNQUEUED);
        }
        compare(model);
      }
    }

    @Override
    public String toString() {
      int from = Math.max(1, history.size() - SHOWN);
      return history.getFirst() + "\n" + String.join("\n", history.subList(from, history.size()));
    }
  }
}
