package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.ObjectOwner;
import org.pondhawk.vm.object.PageFinder;
import org.pondhawk.vm.object.PageGrabber;
import org.pondhawk.vm.object.PageOperations;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.VmThread;

/// Every guard of the page layer, violated: an operation on a page that is not as it must be is a
/// panic that shows the page decoded, and it is left as it was found.
class PageGuardsTest {
  private final TestMachine machine = new TestMachine(256);
  private final PageParts parts = machine.vm.page();
  private final PageArray pages = parts.pages();
  private final PageBusy busy = parts.busy();
  private final PageQueues queues = parts.queues();
  private final PageMover mover = parts.mover();
  private final PageAllocator allocator = machine.vm.allocator();
  private final ObjectOwner owner = machine.vm.owner();
  private final PageOperations operations = machine.vm.pageOperations();
  private final PageContent content = operations.content();
  private final VmThread self = machine.self;
  private final Space space = machine.vm.newSpace();
  private final long address = machine.map(space, 2);
  private final int page = resident(address);
  private final int other = resident(address + TestMachine.PAGE_SIZE);
  private final VmObject object = machine.vm.objects().get(pages.object(page));

  /// A page that was read: active, clean, mapped, idle.
  private int resident(long at) {
    assertThat(machine.get(space, at)).isZero();
    return machine.pageAt(space, at);
  }

  @AfterEach
  void close() {
    machine.vm.haltSwitch().halt(new VmPanic("the test broke the machine"));
    machine.close();
  }

  /// One violation.
  ///
  /// @param wrong makes the page wrong for the operation
  /// @param operation what is done with it all the same
  /// @param says what the panic says before it shows the page
  /// @param isLate whether it is noticed by what the operation has just changed
  record Violation(
      String name,
      Consumer<PageGuardsTest> wrong,
      Consumer<PageGuardsTest> operation,
      String says,
      boolean isLate)
      implements Consumer<PageGuardsTest> {
    @Override
    public void accept(PageGuardsTest test) {
      wrong.accept(test);
      String before = test.pages.describe(test.page);
      String shown = isLate ? "page " + test.page + ": busy " : before;
      assertThatThrownBy(() -> operation.accept(test))
          .isInstanceOf(VmPanic.class)
          .hasMessageStartingWith(says)
          .hasMessageContaining(shown);
      if (!isLate) {
        assertThat(test.pages.describe(test.page)).as("left as it was").isEqualTo(before);
      }
    }

    Violation late() {
      return new Violation(name, wrong, operation, says, true);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  /// A name and what it does.
  private record Operation(String name, Consumer<PageGuardsTest> body) {}

  private static List<Operation> operationsOnHardBusyPages() {
    List<Operation> list = new ArrayList<>();
    list.add(new Operation("free", t -> t.allocator.free(t.self, t.page)));
    list.add(new Operation("unbusy", t -> t.busy.unbusy(t.page)));
    list.add(new Operation("finishIo", t -> t.busy.finishIo(t.page)));
    list.add(new Operation("toCache", t -> t.mover.toCache(t.self, t.page)));
    list.add(new Operation("wire", t -> t.mover.wire(t.self, t.page)));
    list.add(new Operation("unwire", t -> t.mover.unwire(t.self, t.page, true)));
    list.add(new Operation("unwireToFree", t -> t.mover.unwireToFree(t.self, t.page)));
    list.add(new Operation("cache", t -> t.operations.reclaim().cache(t.self, t.page)));
    list.add(new Operation("tryToCache", t -> t.operations.reclaim().tryToCache(t.self, t.page)));
    list.add(new Operation("revokeAll", t -> t.operations.protection().revokeAll(t.page)));
    list.add(new Operation("revokeStores", t -> t.operations.protection().revokeStores(t.page)));
    list.add(new Operation("unmanage", t -> t.operations.exemption().unmanage(t.self, t.page)));
    list.add(
        new Operation(
            "unqueueQuietly", t -> t.operations.exemption().unqueueQuietly(t.self, t.page)));
    list.add(new Operation("needCommit", t -> t.operations.exemption().needCommit(t.page)));
    list.add(new Operation("clearCommit", t -> t.operations.exemption().clearCommit(t.page)));
    list.add(new Operation("notNeeded", t -> t.operations.advice().notNeeded(t.self, t.page)));
    list.add(new Operation("setValid", t -> t.content.setValid(t.page, 0, 512)));
    list.add(new Operation("setValidClean", t -> t.content.setValidClean(t.page, 0, 512)));
    list.add(new Operation("setValidDirty", t -> t.content.setValidDirty(t.page, 0, 512)));
    list.add(new Operation("setDirty", t -> t.content.setDirty(t.page, 0, 512)));
    list.add(new Operation("clearDirty", t -> t.content.clearDirty(t.page, 0, 512)));
    list.add(
        new Operation("clearDirtyWithinEnd", t -> t.content.clearDirtyWithinEnd(t.page, 0, 9)));
    list.add(
        new Operation("clearDirtyWithinStart", t -> t.content.clearDirtyWithinStart(t.page, 1, 9)));
    list.add(new Operation("setInvalid", t -> t.content.setInvalid(t.page, 0, 512)));
    list.add(new Operation("undirty", t -> t.content.undirty(t.page)));
    list.add(new Operation("testDirty", t -> t.content.testDirty(t.page)));
    list.add(new Operation("zeroInvalid", t -> t.content.zeroInvalid(t.page, true)));
    list.add(new Operation("zeroFill", t -> t.content.zeroFill(t.page)));
    list.add(new Operation("copy to", t -> t.content.copy(t.other, t.page)));
    list.add(new Operation("remove from the object", t -> t.owner.remove(t.self, t.page)));
    list.add(
        new Operation(
            "insert", t -> t.underToken(() -> t.owner.insert(t.self, t.object, 9, t.page))));
    list.add(
        new Operation("move", t -> t.underToken(() -> t.owner.move(t.self, t.object, 9, t.page))));
    return list;
  }

  static Stream<Violation> pagesThatAreNotHardBusy() {
    return operationsOnHardBusyPages().stream()
        .flatMap(operation -> {
          String says =
              switch (operation.name()) {
                case "unbusy" -> "released, but not hard-busy: ";
                case "finishIo" -> "I/O finished that was not under way: ";
                default -> "not hard-busy: ";
              };
          return Stream.of(
              violation(operation.name() + " of an idle page", _ -> {}, operation.body(), says),
              violation(
                  operation.name() + " of a soft-busy page",
                  t -> t.busy.trySoftBusy(t.page),
                  operation.body(),
                  says));
        });
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("pagesThatAreNotHardBusy")
  void whatNeedsAHardBusyPageRefusesOthers(Violation violation) {
    violation.accept(this);
  }

  // ---- pages in a wrong state, hard-busy or not

  private void take() {
    busy.takeIdle(page);
  }

  private void underToken(Runnable body) {
    machine.vm.nodes().preload(self);
    object.token().lock(self, true);
    try {
      body.run();
    } finally {
      object.token().unlock(self);
    }
  }

  /// Unmaps the page, takes it out of its object and off its queue: as it was allocated.
  private void makeNew() {
    take();
    operations.protection().revokeAll(page);
    owner.remove(self, page);
    mover.unqueue(self, page);
  }

  private void makeFree() {
    makeNew();
    allocator.free(self, page);
  }

  private void makeCached() {
    take();
    assertThat(operations.reclaim().cache(self, page)).isTrue();
  }

  private void allocateFromItsQueue() {
    queuesHeadIsThePage();
    allocator.allocate(self, ColorPolicy.ofPage(page), AllocClass.INTERRUPT);
  }

  private void queuesHeadIsThePage() {
    assertThat(queues.head(pages.queue(page))).as("taken next").isEqualTo(page);
  }

  private static Violation violation(
      String name,
      Consumer<PageGuardsTest> wrong,
      Consumer<PageGuardsTest> operation,
      String says) {
    return new Violation(name, wrong, operation, says, false);
  }

  static Stream<Violation> freeing() {
    Consumer<PageGuardsTest> free = t -> t.allocator.free(t.self, t.page);
    return Stream.of(
        violation(
            "free of a page that others have soft-busy",
            t -> {
              t.take();
              t.busy.addSoftBusy(t.page);
            },
            free,
            "freeing a page that others have busy: "),
        violation(
            "free of a free page",
            t -> {
              t.makeFree();
              t.take();
            },
            free,
            "freeing a free page: "),
        violation(
            "free of a page that is free and held",
            t -> {
              t.allocator.hold(t.page);
              t.makeFree();
              t.take();
            },
            free,
            "freeing a free page: "),
        violation(
            "free of a wired page",
            t -> {
              t.take();
              t.mover.wire(t.self, t.page);
            },
            free,
            "freeing a wired page: "),
        violation(
                "unhold of a page that is not held",
                _ -> {},
                t -> t.allocator.unhold(t.self, t.page),
                "not held: ")
            .late(),
        violation(
                "a run given back that is none",
                _ -> {},
                t -> t.machine.vm.contig().free(t.self, t.page, 1),
                "freed, but of no run: ")
            .late());
  }

  static Stream<Violation> allocating() {
    Consumer<PageGuardsTest> allocate = PageGuardsTest::allocateFromItsQueue;
    String says = "a free page is in use: ";
    return Stream.of(
        violation(
                "allocation of a wired page",
                t -> {
                  t.makeFree();
                  t.pages.addWire(t.page, 1);
                },
                allocate,
                says)
            .late(),
        violation(
                "allocation of a dirty page",
                t -> {
                  t.makeFree();
                  t.pages.setDirty(t.page);
                },
                allocate,
                says)
            .late(),
        violation(
                "allocation of a page of an object",
                t -> {
                  t.makeFree();
                  t.pages.setIdentity(t.page, t.object.slot(), 0);
                },
                allocate,
                says)
            .late(),
        violation(
                "allocation of a page whose grace period is not over",
                t -> {
                  t.makeFree();
                  t.pages.setTicket(t.page, t.machine.vm.grace().next());
                },
                allocate,
                says)
            .late());
  }

  static Stream<Violation> wiring() {
    return Stream.of(
        violation(
                "unwire of a page that is not wired",
                PageGuardsTest::take,
                t -> t.mover.unwire(t.self, t.page, true),
                "unwired, but not wired: ")
            .late(),
        violation(
                "unwireToFree of a page that is wired twice",
                t -> {
                  t.take();
                  t.pages.addWire(t.page, 2);
                },
                t -> t.mover.unwireToFree(t.self, t.page),
                "not wired exactly once: ")
            .late(),
        violation(
                "wire of a page that is wired too often",
                t -> {
                  t.take();
                  t.pages.addWire(t.page, Integer.MIN_VALUE);
                },
                t -> t.mover.wire(t.self, t.page),
                "wired too often: ")
            .late(),
        violation(
            "wireAgain of a page that is not wired",
            _ -> {},
            t -> t.operations.wiring().wireAgain(t.page),
            "wired again, but not wired or too often: "),
        violation(
            "wireAgain of a page that is wired too often",
            t -> t.pages.addWire(t.page, Integer.MAX_VALUE),
            t -> t.operations.wiring().wireAgain(t.page),
            "wired again, but not wired or too often: "),
        violation(
            "unwireUnlessLast of a page that is not wired",
            _ -> {},
            t -> t.operations.wiring().unwireUnlessLast(t.page),
            "unwired, but not wired: "));
  }

  static Stream<Violation> queueing() {
    return Stream.of(
        violation(
            "add of a queued page",
            PageGuardsTest::take,
            t -> t.queues.add(0, t.page, PageQueue.INACTIVE, false),
            "cannot be queued as INACTIVE: "),
        violation(
            "add of a page that is exempt",
            t -> {
              t.makeNew();
              t.pages.setFlags(t.page, PageFlags.UNQUEUED);
            },
            t -> t.queues.add(0, t.page, PageQueue.ACTIVE, false),
            "cannot be queued as ACTIVE: "),
        violation(
            "add of a fictitious page",
            t -> {
              t.makeNew();
              t.pages.setFlags(t.page, PageFlags.FICTITIOUS);
            },
            t -> t.queues.add(0, t.page, PageQueue.FREE, true),
            "cannot be queued as FREE: "),
        violation(
            "taking a page off a queue that it is not on",
            PageGuardsTest::take,
            t -> t.queues.unlinkCounted(0, t.pages.queue(t.other), t.page),
            "not on queue "),
        violation(
            "cache of a cached page that is mapped",
            t -> {
              t.makeCached();
              t.take();
              t.pages.setFlags(t.page, PageFlags.MAPPED);
            },
            t -> t.operations.reclaim().cache(t.self, t.page),
            "cached, but mapped: "));
  }

  static Stream<Violation> content() {
    String clean = "made dirty where every page is clean: ";
    List<Violation> list = new ArrayList<>();
    for (String where : List.of("cached", "free")) {
      Consumer<PageGuardsTest> there =
          t -> {
            if (where.equals("cached")) {
              t.makeCached();
            } else {
              t.makeFree();
            }
            t.take();
          };
      list.add(
          violation("dirty of a " + where + " page", there, t -> t.content.dirty(t.page), clean));
      list.add(
          violation(
              "setDirty of a " + where + " page",
              there,
              t -> t.content.setDirty(t.page, 0, 1),
              clean));
      list.add(
          violation(
              "setValidDirty of a " + where + " page",
              there,
              t -> t.content.setValidDirty(t.page, 0, 1),
              clean));
      list.add(
          violation(
              "copy to a " + where + " page",
              there.andThen(t -> t.busy.trySoftBusy(t.other)),
              t -> t.content.copy(t.other, t.page),
              clean));
    }
    list.add(
        violation(
            "copy of an idle page",
            t -> t.busy.takeIdle(t.other),
            t -> t.content.copy(t.page, t.other),
            "copied, but not busy: "));
    list.add(
        violation(
            "setInvalid of a page of nothing",
            PageGuardsTest::makeNew,
            t -> t.content.setInvalid(t.page, 0, 1),
            "made invalid, but belongs to nothing: "));
    list.add(
        violation(
            "needCommit of a page of nothing",
            PageGuardsTest::makeNew,
            t -> t.operations.exemption().needCommit(t.page),
            "to be committed, but belongs to nothing: "));
    return list.stream();
  }

  static Stream<Violation> owning() {
    return Stream.of(
        violation(
            "insert of a page that has an owner",
            PageGuardsTest::take,
            t -> t.underToken(() -> t.owner.insert(t.self, t.object, 9, t.page)),
            "inserted twice: "),
        violation(
            "insert where a page is",
            PageGuardsTest::makeNew,
            t ->
                t.underToken(
                    () -> t.owner.insert(t.self, t.object, t.pages.pindex(t.other), t.page)),
            "inserted twice: "),
        violation(
            "move of a page of nothing",
            PageGuardsTest::makeNew,
            t -> t.underToken(() -> t.owner.move(t.self, t.object, 9, t.page)),
            "moved, but belongs to nothing: "),
        violation(
            "move to where a page is",
            PageGuardsTest::take,
            t ->
                t.underToken(() -> t.owner.move(t.self, t.object, t.pages.pindex(t.other), t.page)),
            "moved to where a page is: "),
        violation(
                "removal of a page that its object does not have",
                t -> {
                  t.take();
                  t.pages.setIdentity(t.page, t.object.slot(), 77);
                },
                t -> t.owner.remove(t.self, t.page),
                "found page -1 instead of ")
            .late(),
        violation(
            "the next one of a page of nothing",
            PageGuardsTest::makeNew,
            t -> t.underToken(() -> t.operations.finder().next(t.self, t.object, t.page)),
            "not a page of "));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource({"freeing", "allocating", "wiring", "queueing", "content", "owning"})
  void aPageInAWrongStateIsRefused(Violation violation) {
    violation.accept(this);
  }

  // ---- callers that do not hold what they must

  @Test
  void identityChangesNeedTheToken() {
    take();
    List<Runnable> changes =
        List.of(() -> owner.insert(self, object, 9, page), () -> owner.move(self, object, 9, page));
    for (Runnable change : changes) {
      assertThatThrownBy(change::run)
          .isInstanceOf(VmPanic.class)
          .hasMessage("test changes " + object + " without its token");
      object.token().lock(self, false);
      assertThatThrownBy(change::run).as("shared is not enough").isInstanceOf(VmPanic.class);
      object.token().unlock(self);
    }
    assertThat(pages.object(page)).isEqualTo(object.slot());
  }

  @Test
  void lookupsNeedTheToken() {
    PageFinder finder = operations.finder();
    List<Runnable> lookups =
        List.of(
            () -> finder.find(self, object, 0),
            () -> finder.tryBusy(self, object, 0, false),
            () -> finder.busyWait(self, object, 0, true),
            () -> finder.trySoftBusy(self, object, 0, 0, 1),
            () -> finder.next(self, object, page));
    for (Runnable lookup : lookups) {
      assertThatThrownBy(lookup::run)
          .isInstanceOf(VmPanic.class)
          .hasMessage("test looks a page up in " + object + " without its token");
    }
    assertThat(busy.isIdle(page)).isTrue();
  }

  @Test
  void aPageThatKnowsBetterIsNotFound() {
    take();
    long there = pages.pindex(page);
    pages.setIdentity(page, object.slot(), 77);
    assertThatThrownBy(() -> underToken(() -> operations.finder().find(self, object, there)))
        .isInstanceOf(VmPanic.class)
        .hasMessage(
            "%s has at %d a page that knows better: %s"
                .formatted(object, there, pages.describe(page)));
  }

  @Test
  void aGrabberHoldsNothingAndIsNotQuick() {
    PageGrabber grabber = operations.grabber();
    assertThatThrownBy(
            () -> grabber.grab(self, object, 0, AllocClass.QUICK, PageGrabber.Zeros.NONE, true))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("as QUICK");
    object.token().lock(self, false);
    assertThatThrownBy(
            () -> grabber.grab(self, object, 0, AllocClass.NORMAL, PageGrabber.Zeros.NONE, true))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("as NORMAL");
    object.token().unlock(self);
  }

  @Test
  void rangesThatLeaveThePageAreRefusedByEveryOperation() {
    take();
    String before = pages.describe(page);
    List<Runnable> ranges =
        List.of(
            () -> content.setValid(page, 4095, 2),
            () -> content.setValidClean(page, -1, 1),
            () -> content.setValidDirty(page, 0, 4097),
            () -> content.setDirty(page, 4097, 0),
            () -> content.clearDirty(page, 0, -1),
            () -> content.clearDirtyWithinEnd(page, 4000, 97),
            () -> content.clearDirtyWithinStart(page, 4000, 97),
            () -> content.setInvalid(page, Integer.MAX_VALUE, 2),
            () -> content.isValid(page, 4096, 1));
    for (Runnable range : ranges) {
      assertThatThrownBy(range::run)
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("do not lie in a page of 4096");
    }
    assertThat(pages.describe(page)).isEqualTo(before);
  }
}
