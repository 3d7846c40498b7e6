package org.pondhawk.vm.object;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.page.Chunks;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageContent;
import org.pondhawk.vm.queue.PageCount;
import org.pondhawk.vm.queue.PageMover;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.queue.VmStats;
import org.pondhawk.vm.sync.VmThread;

/// Pages from allocation to free, in two objects or in none, step by step beside [ModelPage].
final class PageLifeModel implements AutoCloseable {
  private static final int PLACES = 16;
  private static final int MOST = 14;
  private static final int SHOWN = 80;
  private static final int PAGE_SIZE = TestMachine.PAGE_SIZE;

  enum Op {
    ALLOCATE,
    FREE,
    INSERT,
    RENAME,
    LOOK_UP,
    TRY_HARD,
    TRY_HARD_BESIDE_SOFT,
    UNBUSY,
    TRY_SOFT,
    ADD_SOFT,
    DROP_SOFT,
    FINISH_IO,
    HOLD,
    UNHOLD,
    WIRE,
    UNWIRE,
    WIRE_AGAIN,
    UNWIRE_UNLESS_LAST,
    ACTIVATE,
    DEACTIVATE,
    UNQUEUE,
    CACHE,
    TRY_TO_CACHE,
    TRY_TO_FREE,
    STEAL,
    NOT_NEEDED,
    UNMANAGE,
    NEED_COMMIT,
    CLEAR_COMMIT,
    SET_VALID,
    SET_VALID_CLEAN,
    SET_VALID_DIRTY,
    CLEAR_DIRTY,
    CLEAR_WITHIN,
    SET_INVALID,
    DIRTY,
    UNDIRTY,
    ZERO_INVALID
  }

  private final TestMachine machine = new TestMachine(256);
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final PageMover mover = machine.vm.page().mover();
  private final VmStats stats = machine.vm.page().stats();
  private final PageAllocator allocator = machine.vm.allocator();
  private final PageOperations operations = machine.vm.pageOperations();
  private final PageContent content = operations.content();
  private final VmThread self = machine.self;
  private final VmObject[] objects = new VmObject[2];
  private final List<ModelPage> live = new ArrayList<>();
  private final Deque<String> history = new ArrayDeque<>();
  private final long[] atFirst = new long[PageCount.values().length];
  private final Random random;
  private final long seed;
  private int advice;

  PageLifeModel(long seed) {
    this.seed = seed;
    this.random = new Random(seed);
    Space space = machine.vm.newSpace();
    for (int i = 0; i < objects.length; i++) {
      long start = machine.map(space, PLACES + 1);
      long last =
          start + (long) PLACES * PAGE_SIZE; // it stays: the objects and their nodes with it
      machine.put(space, last, 1);
      objects[i] = machine.vm.objects().get(pages.object(machine.pageAt(space, last)));
    }
    machine.vm.nodes().preload(self);
    System.arraycopy(counts(), 0, atFirst, 0, atFirst.length);
  }

  private long[] counts() {
    stats.rollup();
    long[] counts = new long[PageCount.values().length];
    for (PageCount count : PageCount.values()) {
      counts[indexOf(count)] = stats.global(count);
    }
    return counts;
  }

  private static int indexOf(PageCount count) {
    return List.of(PageCount.values()).indexOf(count);
  }

  // ---- one step

  void step() {
    Op op = Op.values()[random.nextInt(Op.values().length)];
    if (op == Op.ALLOCATE || live.isEmpty()) {
      allocate();
      return;
    }
    ModelPage m = live.get(random.nextInt(live.size()));
    if (isPossible(op, m)) {
      note(op + " of " + m);
      if (m.hard) {
        whileHardBusy(op, m);
      }
      whatever(op, m);
    }
  }

  private void note(String what) {
    history.add(what);
    if (history.size() > SHOWN) {
      history.removeFirst();
    }
  }

  /// Whether the contract allows it; what it does then is the model's to say.
  private static boolean isPossible(Op op, ModelPage m) {
    boolean heldAndFree = m.isOn(PageQueue.HOLD);
    return switch (op) {
      case ALLOCATE -> false;
      case UNHOLD -> m.held > 0;
      case HOLD, TRY_HARD, TRY_HARD_BESIDE_SOFT, TRY_TO_FREE -> !heldAndFree || op == Op.HOLD;
      case TRY_SOFT, LOOK_UP, STEAL -> !heldAndFree;
      case ADD_SOFT -> m.isBusy();
      case DROP_SOFT -> m.soft > 0;
      case FINISH_IO -> m.hard && m.soft > 0;
      case WIRE_AGAIN, UNWIRE_UNLESS_LAST -> m.wired > 0;
      case ACTIVATE, DEACTIVATE, UNQUEUE -> !heldAndFree && !m.isLoose();
      case FREE -> m.hard && m.soft == 0 && m.wired == 0;
      case INSERT -> m.hard && m.owner == ModelPage.NOTHING;
      case RENAME, NEED_COMMIT, SET_INVALID -> m.hard && m.owner != ModelPage.NOTHING;
      case UNWIRE -> m.hard && m.wired > 0;
      case SET_VALID_DIRTY, DIRTY -> m.hard && !m.isOn(PageQueue.CACHE);
      default -> m.hard;
    };
  }

  private void allocate() {
    if (live.size() == MOST) {
      return;
    }
    note("ALLOCATE");
    AllocClass klass = random.nextBoolean() ? AllocClass.NORMAL : AllocClass.QUICK;
    int page = allocator.allocate(self, random.nextInt(PageQueue.COLORS), klass);
    expect(page != PageArray.NONE, "a page");
    expect(live.stream().noneMatch(m -> m.page == page), "a page of nobody");
    live.add(new ModelPage(page));
  }

  // ---- what needs the page hard-busy

  private void whileHardBusy(Op op, ModelPage m) {
    switch (op) {
      case FREE -> {
        allocator.free(self, m.page);
        freed(m);
      }
      case UNBUSY -> {
        busy.unbusy(m.page);
        m.hard = false;
      }
      case FINISH_IO -> {
        busy.finishIo(m.page);
        m.soft--;
      }
      case INSERT -> insert(m);
      case RENAME -> rename(m);
      case WIRE -> {
        mover.wire(self, m.page);
        m.wired++;
      }
      case UNWIRE -> unwire(m, random.nextBoolean());
      case CACHE -> cache(m);
      case TRY_TO_CACHE -> tryToCache(m);
      case NOT_NEEDED -> notNeeded(m);
      case UNMANAGE -> {
        operations.exemption().unmanage(self, m.page);
        m.queue = null;
        m.unmanaged = true;
      }
      case NEED_COMMIT -> {
        operations.exemption().needCommit(m.page);
        m.toCommit = true;
      }
      case CLEAR_COMMIT -> {
        operations.exemption().clearCommit(m.page);
        m.toCommit = false;
      }
      default -> change(op, m);
    }
  }

  private void freed(ModelPage m) {
    if (m.held == 0) {
      live.remove(m);
    }
    m.owner = ModelPage.NOTHING;
    m.hard = false;
    m.valid = 0;
    m.dirty = 0;
    m.unmanaged = false;
    m.toCommit = false;
    m.queue = m.held > 0 ? PageQueue.HOLD : PageQueue.FREE;
  }

  private @Nullable ModelPage at(int owner, long pindex) {
    return live.stream().filter(m -> m.owner == owner && m.pindex == pindex).findAny().orElse(null);
  }

  private void insert(ModelPage m) {
    int owner = random.nextInt(objects.length);
    long pindex = random.nextInt(PLACES);
    if (at(owner, pindex) == null) {
      objects[owner].token().lock(self, true);
      machine.vm.owner().insert(self, objects[owner], pindex, m.page);
      objects[owner].token().unlock(self);
      m.owner = owner;
      m.pindex = pindex;
    }
  }

  private void rename(ModelPage m) {
    int owner = random.nextInt(objects.length);
    long pindex = random.nextInt(PLACES);
    if (at(owner, pindex) != null) {
      return;
    }
    for (VmObject object : objects) {
      object.token().lock(self, true);
    }
    expect(machine.vm.owner().move(self, objects[owner], pindex, m.page), "nodes are there");
    for (VmObject object : objects) {
      object.token().unlock(self);
    }
    if (m.isOn(PageQueue.CACHE)) {
      mover.deactivate(self, m.page); // where it may be dirty
      m.moveTo(PageQueue.INACTIVE);
    }
    m.owner = owner;
    m.pindex = pindex;
    m.dirty = Chunks.ALL;
  }

  private void unwire(ModelPage m, boolean activate) {
    mover.unwire(self, m.page, activate);
    if (--m.wired == 0) {
      m.moveTo(activate || m.toCommit ? PageQueue.ACTIVE : PageQueue.INACTIVE);
    }
  }

  private void cache(ModelPage m) {
    boolean fit = !m.isPinned() && m.soft == 0;
    boolean cached = operations.reclaim().cache(self, m.page);
    expect(cached == (fit && m.dirty == 0), "cached if it was clean");
    if (fit) {
      m.moveTo(m.dirty == 0 ? PageQueue.CACHE : PageQueue.INACTIVE);
    }
    m.hard = false;
  }

  private void tryToCache(ModelPage m) {
    boolean can = !m.isPinned() && m.soft == 0 && m.dirty == 0 && !m.isOn(PageQueue.CACHE);
    expect(operations.reclaim().tryToCache(self, m.page) == can, "cached if it could be");
    if (can) {
      m.moveTo(PageQueue.CACHE);
    }
    m.hard = false;
  }

  private void notNeeded(ModelPage m) {
    advice++;
    operations.advice().notNeeded(self, m.page);
    if ((advice & 0x1f0) != 0 && !m.isOn(PageQueue.CACHE)) {
      m.moveTo(PageQueue.INACTIVE);
    }
  }

  // ---- its content

  private void change(Op op, ModelPage m) {
    int offset = random.nextInt(PAGE_SIZE);
    int size = random.nextInt(PAGE_SIZE - offset + 1);
    int touched = ModelPage.chunks(offset, size, PAGE_SIZE);
    switch (op) {
      case SET_VALID -> {
        content.setValid(m.page, offset, size);
        m.valid |= touched;
      }
      case SET_VALID_CLEAN -> {
        content.setValidClean(m.page, offset, size);
        m.valid |= touched;
        m.dirty &= ~touched;
      }
      case SET_VALID_DIRTY -> {
        content.setValidDirty(m.page, offset, size);
        m.valid |= touched;
        m.dirty |= touched;
      }
      case CLEAR_DIRTY -> {
        content.clearDirty(m.page, offset, size);
        m.dirty &= ~touched;
      }
      case CLEAR_WITHIN -> clearWithin(m, offset, size);
      case SET_INVALID -> {
        content.setInvalid(m.page, offset, size);
        m.valid &= ~touched;
        m.dirty &= ~touched;
      }
      case DIRTY -> {
        content.dirty(m.page);
        m.dirty = Chunks.ALL;
      }
      case UNDIRTY -> {
        content.undirty(m.page);
        m.dirty = 0;
      }
      case ZERO_INVALID -> {
        content.zeroInvalid(m.page, true);
        m.valid = Chunks.ALL;
      }
      default -> {}
    }
  }

  /// The chunk that the range only ends within, or starts within, stays as it is.
  private void clearWithin(ModelPage m, int offset, int size) {
    int chunk = PAGE_SIZE / Chunks.COUNT;
    int end = offset + size;
    if (random.nextBoolean()) {
      content.clearDirtyWithinEnd(m.page, offset, size);
      end -= end % chunk;
    } else {
      content.clearDirtyWithinStart(m.page, offset, size);
      offset += (chunk - offset % chunk) % chunk;
    }
    m.dirty &= ~ModelPage.chunks(offset, end - offset, PAGE_SIZE);
  }

  // ---- what needs nothing

  private void whatever(Op op, ModelPage m) {
    switch (op) {
      case LOOK_UP -> lookUp(m);
      case TRY_HARD -> {
        expect(busy.tryHardBusy(m.page) == !m.isBusy(), "busied if it was idle");
        m.hard |= m.soft == 0;
      }
      case TRY_HARD_BESIDE_SOFT -> {
        expect(busy.tryHardBusyBesideSoft(m.page) == !m.hard, "busied if nobody had it hard");
        m.hard = true;
      }
      case TRY_SOFT -> {
        expect(busy.trySoftBusy(m.page) == !m.hard, "busied if nobody had it hard");
        m.soft += m.hard ? 0 : 1;
      }
      case ADD_SOFT -> {
        busy.addSoftBusy(m.page);
        m.soft++;
      }
      case DROP_SOFT -> {
        busy.dropSoftBusy(m.page);
        m.soft--;
      }
      case HOLD -> {
        allocator.hold(m.page);
        m.held++;
      }
      case UNHOLD -> {
        allocator.unhold(self, m.page);
        if (--m.held == 0 && m.isOn(PageQueue.HOLD)) {
          live.remove(m);
        }
      }
      case WIRE_AGAIN -> {
        operations.wiring().wireAgain(m.page);
        m.wired++;
      }
      case UNWIRE_UNLESS_LAST -> {
        expect(operations.wiring().unwireUnlessLast(m.page) == (m.wired == 1), "the last stays");
        m.wired -= m.wired == 1 ? 0 : 1;
      }
      case ACTIVATE -> {
        mover.activate(self, m.page);
        m.moveTo(PageQueue.ACTIVE);
      }
      case DEACTIVATE -> {
        mover.deactivate(self, m.page);
        m.moveTo(PageQueue.INACTIVE);
      }
      case UNQUEUE -> {
        mover.unqueue(self, m.page);
        m.queue = null;
      }
      case TRY_TO_FREE -> tryToFree(m);
      case STEAL -> steal(m);
      default -> {}
    }
  }

  private void lookUp(ModelPage m) {
    if (m.owner == ModelPage.NOTHING) {
      return;
    }
    VmObject object = objects[m.owner];
    object.token().lock(self, false);
    PageFinder.Found found = operations.finder().tryBusy(self, object, m.pindex, false);
    object.token().unlock(self);
    expect(found.page() == m.page && found.isBusied() == !m.isBusy(), "found where it is");
    m.hard |= found.isBusied();
  }

  private void tryToFree(ModelPage m) {
    boolean can = !m.isBusy() && !m.isPinned() && m.dirty == 0;
    expect(operations.reclaim().tryToFree(self, m.page) == can, "freed if it could be");
    if (can) {
      freed(m);
    }
  }

  /// Has the daemon free a cached page of the colour: only that one can be, as no two pages of so
  /// small a machine share one.
  private void steal(ModelPage m) {
    if (!m.isOn(PageQueue.CACHE)) {
      return;
    }
    boolean can = !m.isBusy() && !m.isPinned() && m.dirty == 0;
    int color = pages.queue(m.page) - PageQueue.CACHE.index(0);
    expect(allocator.freeOneCachedOf(self, color) == can, "reclaimed if it could be");
    if (can) {
      freed(m);
    } else {
      m.moveTo(PageQueue.INACTIVE);
    }
  }

  // ---- comparing

  private void expect(boolean holds, String what) {
    if (!holds) {
      throw new AssertionError("expected " + what + "; " + this);
    }
  }

  /// Compares every page and every count with what they should be.
  void compare() {
    long[] expected = atFirst.clone();
    for (ModelPage m : live) {
      compare(m);
      expected[indexOf(PageCount.FREE)]--;
      expected[indexOf(PageCount.WIRED)] += m.wired > 0 ? 1 : 0;
      if (m.queue != null) {
        expected[indexOf(counterOf(m.queue))]++;
      }
    }
    long[] counts = counts();
    for (PageCount count : PageCount.values()) {
      expect(counts[indexOf(count)] == expected[indexOf(count)], count + " as many as there are");
    }
  }

  private static PageCount counterOf(PageQueue queue) {
    return switch (queue) {
      case FREE -> PageCount.FREE;
      case CACHE -> PageCount.CACHE;
      case INACTIVE -> PageCount.INACTIVE;
      case ACTIVE, HOLD -> PageCount.ACTIVE;
    };
  }

  private void compare(ModelPage m) {
    int queue = pages.queue(m.page);
    boolean same =
        Objects.equals(queue == 0 ? null : PageQueue.kindOf(queue), m.queue)
            && busy.isHardBusy(m.page) == m.hard
            && busy.softHolders(m.page) == m.soft
            && pages.wireCount(m.page) == m.wired
            && pages.holdCount(m.page) == m.held
            && pages.valid(m.page) == m.valid
            && pages.dirty(m.page) == m.dirty
            && pages.hasFlag(m.page, PageFlags.UNQUEUED) == m.unmanaged
            && pages.hasFlag(m.page, PageFlags.NEED_COMMIT) == m.toCommit
            && isOwned(m);
    expect(same, m + ", but it is " + pages.describe(m.page));
  }

  private boolean isOwned(ModelPage m) {
    if (m.owner == ModelPage.NOTHING) {
      return pages.object(m.page) == PageArray.NO_OBJECT;
    }
    VmObject object = objects[m.owner];
    return pages.object(m.page) == object.slot()
        && pages.pindex(m.page) == m.pindex
        && object.resident().get(m.pindex) == m.page;
  }

  /// Checks the machine, but for what the pages that are in use explain.
  void check() {
    List<String> problems = new ArrayList<>(VmCheck.run(machine.vm).problems());
    for (ModelPage m : live) {
      if (!m.isAtRest()) {
        problems.removeIf(problem -> problem.contains("page " + m.page + ":"));
      }
    }
    if (live.stream().anyMatch(m -> m.wired > 0)) {
      problems.removeIf(problem -> problem.contains("pages are wired, the counter says"));
      problems.removeIf(problem -> problem.startsWith("in runs outside the reserve are"));
    }
    expect(problems.isEmpty(), "a sound machine, not " + problems);
  }

  /// Ends everything that is under way, and checks the machine without exception.
  void settle() {
    note("everything ends");
    for (ModelPage m : List.copyOf(live)) {
      for (; m.held > 0; m.held--) {
        allocator.unhold(self, m.page);
      }
      if (!m.isOn(PageQueue.HOLD)) {
        end(m);
      }
      live.remove(m);
    }
    compare();
    List<String> problems = VmCheck.run(machine.vm).problems();
    expect(problems.isEmpty(), "a sound machine, not " + problems);
  }

  private void end(ModelPage m) {
    if (!m.hard) {
      expect(busy.tryHardBusyBesideSoft(m.page), "nobody has it hard");
    }
    for (; m.soft > 0; m.soft--) {
      busy.finishIo(m.page);
    }
    for (; m.wired > 0; m.wired--) {
      mover.unwire(self, m.page, true);
    }
    allocator.free(self, m.page);
  }

  /// What is done behind the model's back, to see that it notices.
  enum Meddling {
    WIRE,
    HOLD,
    SOFT_BUSY,
    VALID,
    COMMIT
  }

  void meddle(Meddling how) {
    ModelPage m = live.getFirst();
    switch (how) {
      case WIRE -> pages.addWire(m.page, 1);
      case HOLD -> pages.addHold(m.page, 1);
      case SOFT_BUSY -> m.soft++;
      case VALID -> m.valid ^= 1;
      case COMMIT -> m.toCommit = !m.toCommit;
    }
  }

  void undo(Meddling how) {
    ModelPage m = live.getFirst();
    switch (how) {
      case WIRE -> pages.addWire(m.page, -1);
      case HOLD -> pages.addHold(m.page, -1);
      case SOFT_BUSY -> m.soft--;
      case VALID -> m.valid ^= 1;
      case COMMIT -> m.toCommit = !m.toCommit;
    }
  }

  /// Ends the machine; with pages busy for nobody, as after a failure, it would wait for them.
  @Override
  public void close() {
    if (live.stream().anyMatch(ModelPage::isBusy)) {
      machine.vm.haltSwitch().halt(new VmPanic("the test left pages busy"));
    }
    machine.close();
  }

  @Override
  public String toString() {
    return "seed " + seed + ", last steps:\n" + String.join("\n", history);
  }
}
