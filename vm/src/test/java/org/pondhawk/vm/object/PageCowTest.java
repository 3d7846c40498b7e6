package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.fault.Fault;
import org.pondhawk.vm.map.Access;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageContent;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.VmThread;

/// A space with a page that is sent.
@Timeout(60)
class PageCowTest {
  private static final int SIZE = TestMachine.PAGE_SIZE;

  private final TestMachine machine = new TestMachine(512);
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final PageCow cow = machine.vm.pageOperations().cow();
  private final PageContent content = machine.vm.pageOperations().content();
  private final VmThread self = machine.self;
  private final Space space = machine.vm.newSpace();
  private final long base = machine.map(space, 4);

  @AfterEach
  void everythingIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// Sends the page of an address, as a lease does.
  private int send(Space in, long address) {
    machine.get(in, address);
    int page = machine.pageAt(in, address);
    assertThat(machine.vm.leased().tryReserveSent(1)).isTrue();
    busy.takeIdle(page);
    int ticket = cow.setUp(page);
    busy.unbusy(page);
    assertThat(cow.awaitStores(ticket)).isTrue();
    return page;
  }

  private void clear(int page) {
    cow.clear(self, page);
    machine.vm.leased().unreserveSent(1);
  }

  private VmObject object() {
    return machine.vm.objects().all().getFirst();
  }

  @Test
  void aStoreGetsAnotherPageAndTheSenderKeepsThisOne() {
    machine.put(space, base, 1);
    int page = send(space, base);
    assertThat(pages.hasFlag(page, PageFlags.WRITABLE)).isFalse();

    machine.put(space, base, 2);

    int own = machine.pageAt(space, base);
    assertThat(own).isNotEqualTo(page);
    assertThat(machine.get(space, base)).isEqualTo(2);
    assertThat(RawMemory.getLong(pages.address(page))).isEqualTo(1);
    assertThat(pages.object(page)).isEqualTo(PageArray.NO_OBJECT);
    assertThat(PageQueue.HOLD.isKindOf(pages.queue(page))).isTrue();
    assertThat(pages.dirty(own)).isEqualTo(0xff);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    clear(page);
    assertThat(
            PageQueue.FREE.isKindOf(pages.queue(page))
                || PageQueue.CACHE.isKindOf(pages.queue(page)))
        .as(pages.describe(page))
        .isTrue();
  }

  @Test
  void aLoadMapsThePageWithoutTheRightToStore() {
    machine.put(space, base, 1);
    int page = send(space, base);
    busy.takeIdle(page);
    machine.vm.mappings().removeAll(page);
    busy.unbusy(page);
    assertThat(machine.get(space, base)).isEqualTo(1);
    assertThat(machine.pageAt(space, base)).isEqualTo(page);
    assertThat(space.pmap().touch(base, true)).isFalse();
    clear(page);
    machine.put(space, base, 2);
    assertThat(machine.pageAt(space, base)).as("in place again").isEqualTo(page);
  }

  @Test
  void twoSendersEndOneByOne() {
    machine.put(space, base, 1);
    int page = send(space, base);
    assertThat(send(space, base)).isEqualTo(page);
    assertThat(pages.cowCount(page)).isEqualTo(2);
    clear(page);
    assertThat(cow.isSent(page)).isTrue();
    machine.put(space, base, 2);
    assertThat(RawMemory.getLong(pages.address(page))).isEqualTo(1);
    clear(page);
    assertThat(cow.isSent(page)).isFalse();
  }

  @Test
  void whoFindsNoMemoryWaitsWithNothingHeld() {
    machine.put(space, base, 1);
    int page = send(space, base);
    List<Integer> taken = new ArrayList<>();
    VmThread system = new VmThread("greedy", 0, true, 0);
    for (int other = allocate(system); other != PageArray.NONE; other = allocate(system)) {
      taken.add(other);
    }
    machine.vm.page().stats().rollup();
    self.setDeadline(machine.clock::get, 0);
    assertThatThrownBy(
            () -> machine.vm.faults().resolve(new Fault(self, space), base, Access.WRITE))
        .isInstanceOf(OutOfPagesException.class);
    self.clearDeadline();
    assertThat(busy.isIdle(page) && self.holdsNothing()).isTrue();
    assertThat(object().resident().get(0)).isEqualTo(page);
    assertThat(RawMemory.getLong(pages.address(page))).isEqualTo(1);
    taken.forEach(other -> machine.vm.allocator().free(self, other));
    machine.put(space, base, 2);
    assertThat(RawMemory.getLong(pages.address(page))).isEqualTo(1);
    clear(page);
  }

  private int allocate(VmThread by) {
    return machine.vm.allocator().allocate(by, 0, AllocClass.INTERRUPT);
  }

  @Test
  void whoSendsNoMoreWhenTheFaultComesToDecideCostsNoCopy() {
    machine.put(space, base, 1);
    int page = machine.pageAt(space, base);
    int spare = allocate(self);
    busy.takeIdle(page);
    object().token().lock(self, true);
    assertThat(cow.replace(self, object(), page, spare)).isEqualTo(page);
    object().token().unlock(self);
    busy.unbusy(page);
    assertThat(PageQueue.FREE.isKindOf(pages.queue(spare))).isTrue();
  }

  @Nested
  class Misuse {
    private void panics(String message, Runnable misuse) {
      assertThatThrownBy(misuse::run)
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining(message)
          .hasMessageContaining("page ");
    }

    private int mapped() {
      machine.put(space, base, 1);
      return machine.pageAt(space, base);
    }

    @Test
    void sendingAPageThatIsNotBusy() {
      int page = mapped();
      panics("not hard-busy", () -> cow.setUp(page));
    }

    @Test
    void sendingAPageThatIsNobodysWiredOrFictitious() {
      int page = mapped();
      busy.takeIdle(page);
      machine.vm.page().mover().wire(self, page);
      panics("nobody's, bound or fictitious", () -> cow.setUp(page));
      machine.vm.page().mover().unwire(self, page, true);
      pages.setFlags(page, PageFlags.FICTITIOUS);
      panics("nobody's, bound or fictitious", () -> cow.setUp(page));
      pages.clearFlags(page, PageFlags.FICTITIOUS);
      busy.unbusy(page);
      int nobodys = allocate(self);
      panics("nobody's, bound or fictitious", () -> cow.setUp(nobodys));
      machine.vm.allocator().free(self, nobodys);
      assertThat(pages.holdCount(page)).isZero();
    }

    @Test
    void endingWhatNobodyBegan() {
      int page = mapped();
      panics("not sent: page " + page, () -> cow.clear(self, page));
    }

    @Test
    void sendingTooOften() {
      int page = mapped();
      busy.takeIdle(page);
      for (int n = 0; n < PageArray.MOST_SENDERS; n++) {
        pages.tryRaiseCow(page);
      }
      assertThat(cow.isFull(page)).isTrue();
      panics("sent too often", () -> cow.setUp(page));
      for (int n = 0; n < PageArray.MOST_SENDERS; n++) {
        pages.tryLowerCow(page);
      }
      assertThat(cow.isFull(page)).isFalse();
      busy.unbusy(page);
      machine.vm.allocator().unhold(self, page);
    }

    @Test
    void replacingWhatMayNotBeReplaced() {
      mapped();
      int page = send(space, base);
      int spare = allocate(self);
      VmObject object = object();
      panics("not hard-busy", () -> cow.replace(self, object, page, spare));
      busy.takeIdle(page);
      panics("replaces", () -> cow.replace(self, object, page, spare));
      object.token().lock(self, true);
      busy.addSoftBusy(page);
      panics("bound, read or not valid", () -> cow.replace(self, object, page, spare));
      busy.finishIo(page);
      machine.vm.page().mover().wire(self, page);
      panics("bound, read or not valid", () -> cow.replace(self, object, page, spare));
      machine.vm.page().mover().unwire(self, page, true);
      int dirty = pages.dirty(page);
      pages.clearContent(page);
      panics("bound, read or not valid", () -> cow.replace(self, object, page, spare));
      pages.setValid(page);
      assertThat(dirty).isNotZero();
      pages.setDirty(page);
      VmObject other = machine.vm.objects().create(1, machine.vm.nodes());
      other.token().lock(self, true);
      panics("replaces", () -> cow.replace(self, other, page, spare));
      other.token().unlock(self);
      machine.vm.objects().remove(other);
      object.token().unlock(self);
      busy.unbusy(page);
      machine.vm.allocator().free(self, spare);
      clear(page);
    }

    @Test
    void replacingWhileAStoreMayBeUnderWay() {
      int page = mapped();
      Guard other = machine.vm.grace().register();
      other.enter();
      busy.takeIdle(page);
      machine.vm.leased().tryReserveSent(1);
      int ticket = cow.setUp(page);
      assertThat(cow.areStoresOver(page)).isFalse();
      machine.vm.grace().begin();
      int spare = allocate(self);
      object().token().lock(self, true);
      panics("a store may be under way", () -> cow.replace(self, object(), page, spare));
      other.leave();
      machine.vm.grace().unregister(other);
      assertThat(cow.awaitStores(ticket)).isTrue();
      assertThat(cow.replace(self, object(), page, spare)).isEqualTo(spare);
      object().token().unlock(self);
      machine.vm.page().mover().activate(self, spare);
      busy.unbusy(spare);
      clear(page);
    }

    @Test
    void changingTheBytesOfAPageThatIsSent() {
      mapped();
      int page = send(space, base);
      machine.put(space, base + SIZE, 2);
      int from = machine.pageAt(space, base + SIZE);
      busy.takeIdle(page);
      busy.takeIdle(from);
      panics("changed while its bytes are sent", () -> content.zeroFill(page));
      panics("changed while its bytes are sent", () -> content.copy(from, page));
      pages.clearContent(page);
      panics("changed while its bytes are sent", () -> content.zeroInvalid(page, true));
      pages.setValid(page);
      pages.setDirty(page);
      busy.unbusy(from);
      busy.unbusy(page);
      clear(page);
    }
  }

  // ---- against a model: spaces are arrays of numbers, senders keep the number that they saw

  private record Sender(int page, long value) {}

  private final class Run {
    private final Random random;
    private final List<String> history = new ArrayList<>();
    private final List<Space> spaces = new ArrayList<>(List.of(space));
    private final List<long[]> values = new ArrayList<>(List.of(new long[4]));
    private final List<Sender> senders = new ArrayList<>();
    private long last;

    Run(long seed) {
      random = new Random(seed);
      history.add("seed " + seed);
    }

    void step() {
      int s = random.nextInt(spaces.size());
      int at = random.nextInt(4);
      Space in = spaces.get(s);
      long address = base + (long) at * SIZE;
      int what = random.nextInt(10);
      history.add("%d: space %d at %d".formatted(what, in.id(), at));
      switch (what) {
        case 0, 1, 2, 3 -> {
          machine.put(in, address, ++last);
          values.get(s)[at] = last;
        }
        case 4, 5 -> senders.add(new Sender(send(in, address), values.get(s)[at]));
        case 6, 7 -> {
          if (!senders.isEmpty()) {
            clear(senders.remove(random.nextInt(senders.size())).page());
          }
        }
        case 8 -> fork(s);
        default -> remap(s, at, address);
      }
    }

    private void fork(int s) {
      if (spaces.size() < 4) {
        spaces.add(machine.vm.fork(self, spaces.get(s)));
        values.add(values.get(s).clone());
      } else {
        int gone = 1 + random.nextInt(spaces.size() - 1);
        machine.vm.closeSpace(self, spaces.remove(gone));
        values.remove(gone);
      }
    }

    private void remap(int s, int at, long address) {
      spaces.get(s).unmap(self, address, address + SIZE);
      assertThat(spaces.get(s).mapAt(address, SIZE, Access.READ | Access.WRITE)).isTrue();
      values.get(s)[at] = 0;
    }

    void compare() {
      for (Sender sender : senders) {
        assertThat(RawMemory.getLong(pages.address(sender.page())))
            .as(() -> "what is sent: " + history)
            .isEqualTo(sender.value());
      }
      for (int s = 0; s < spaces.size(); s++) {
        for (int at = 0; at < 4; at++) {
          assertThat(machine.get(spaces.get(s), base + (long) at * SIZE))
              .as(() -> "what is seen: " + history)
              .isEqualTo(values.get(s)[at]);
        }
      }
    }

    void end() {
      senders.forEach(sender -> clear(sender.page()));
      while (spaces.size() > 1) {
        machine.vm.closeSpace(self, spaces.removeLast());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 0})
  void nobodySeesWhatOthersStoreAndNoStoreIsLost(long fixed) {
    Run run = new Run(fixed == 0 ? System.nanoTime() : fixed);
    for (int step = 0; step < 400; step++) {
      run.step();
      run.compare();
      if (step % 40 == 0) {
        assertThat(VmCheck.run(machine.vm).problems()).as(run.history::toString).isEmpty();
      }
    }
    run.end();
  }
}
