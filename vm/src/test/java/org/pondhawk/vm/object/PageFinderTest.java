package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.OutOfPagesException;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

/// An object with pages at 7 and 8, found with its token held.
class PageFinderTest {
  private final TestMachine machine = new TestMachine(256);
  private final PageFinder finder = machine.vm.pageOperations().finder();
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final VmThread self = machine.self;
  private final VmObject object = machine.vm.objects().create(100, machine.vm.nodes());
  private final int page = insert(7);
  private final int behind = insert(8);

  private int insert(long pindex) {
    int made = machine.vm.allocator().allocate(self, 0, AllocClass.NORMAL);
    machine.vm.nodes().preload(self);
    object.token().lock(self, true);
    machine.vm.owner().insert(self, object, pindex, made);
    object.token().unlock(self);
    busy.unbusy(made);
    return made;
  }

  @BeforeEach
  void takeTheToken() {
    object.token().lock(self, false);
  }

  @AfterEach
  void everythingIsFreedAndSound() {
    if (self.holds(object.token())) {
      object.token().unlock(self);
    }
    assertThat(busy.isIdle(page) && busy.isIdle(behind)).as("the test let go of them").isTrue();
    new ObjectReaper(
            machine.vm.objects(), machine.vm.page(), machine.vm.allocator(), machine.vm.mappings())
        .release(self, object);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private VmThread other() {
    return machine.vm.newThread("other");
  }

  @Test
  void aPageIsFoundWhereItIs() {
    assertThat(finder.find(self, object, 7)).isEqualTo(page);
    assertThat(finder.find(self, object, 6)).isEqualTo(PageArray.NONE);
    assertThat(busy.isIdle(page)).isTrue();
  }

  @Test
  void theNextPageIsTheOneAtTheNextIndex() {
    assertThat(finder.next(self, object, page)).isEqualTo(behind);
    assertThat(finder.next(self, object, behind)).isEqualTo(PageArray.NONE);
  }

  @Nested
  class Trying {
    @Test
    void busiesAnIdlePage() {
      assertThat(finder.tryBusy(self, object, 7, false))
          .isEqualTo(new PageFinder.Found(page, true));
      assertThat(busy.describe(page)).isEqualTo("L-- n=0");
      busy.unbusy(page);
    }

    @Test
    void findsNothingWhereNothingIs() {
      assertThat(finder.tryBusy(self, object, 9, true))
          .isEqualTo(new PageFinder.Found(PageArray.NONE, false));
    }

    @Test
    void saysWhoIsInTheWay() {
      busy.takeIdle(page);
      assertThat(finder.tryBusy(self, object, 7, true))
          .isEqualTo(new PageFinder.Found(page, false));
      assertThat(busy.describe(page)).as("nobody waits").isEqualTo("L-- n=0");
      busy.unbusy(page);
    }

    @Test
    void passesSoftHoldersWhereThatIsAskedFor() {
      busy.trySoftBusy(page);
      assertThat(finder.tryBusy(self, object, 7, false).isBusied()).isFalse();
      assertThat(finder.tryBusy(self, object, 7, true).isBusied()).isTrue();
      assertThat(busy.describe(page)).isEqualTo("L-- n=1");
      busy.unbusy(page);
      busy.dropSoftBusy(page);
    }
  }

  @Nested
  class Waiting {
    private Helper<Integer> waiter(boolean besideSoft) {
      return Helper.start(() -> {
        VmThread other = other();
        object.token().lock(other, false);
        try {
          return finder.busyWait(other, object, 7, besideSoft);
        } finally {
          object.token().unlock(other);
        }
      });
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void endsWithThePageWhenItIsReleased(boolean besideSoft) {
      busy.takeIdle(page);
      Helper<Integer> waiter = waiter(besideSoft).awaitAsleep();
      if (besideSoft) {
        busy.addSoftBusy(page);
      }
      busy.unbusy(page);
      assertThat(waiter.join()).isEqualTo(page);
      assertThat(busy.isHardBusy(page)).isTrue();
      busy.unbusy(page);
      if (besideSoft) {
        busy.dropSoftBusy(page);
      }
    }

    @Test
    void endsWithNothingWhenThePageIsTakenOut() {
      busy.takeIdle(page);
      Helper<Integer> waiter = waiter(false).awaitAsleep();
      object.token().unlock(self);
      machine.vm.allocator().free(self, page);
      assertThat(waiter.join()).isEqualTo(PageArray.NONE);
    }

    @Test
    void endsWithAnotherPageThatTookThePlace() {
      busy.takeIdle(page);
      Helper<Integer> waiter = waiter(false).awaitAsleep();
      int spare = machine.vm.allocator().allocate(self, 77, AllocClass.NORMAL);
      machine.vm.nodes().preload(self);
      assertThat(object.token().upgrade(self)).as("the sleeper gave it up").isFalse();
      machine.vm.owner().remove(self, page);
      machine.vm.owner().insert(self, object, 7, spare);
      busy.unbusy(spare);
      object.token().unlock(self);
      machine.vm.allocator().free(self, page);
      assertThat(waiter.join()).isEqualTo(spare);
      busy.unbusy(spare);
    }

    @Test
    void endsWhenTheDeadlineHasPassed() {
      busy.takeIdle(page);
      self.setDeadline(machine.clock::get, 0);
      machine.clock.set(1);
      assertThatThrownBy(() -> finder.busyWait(self, object, 7, false))
          .isInstanceOf(OutOfPagesException.class)
          .hasMessageContaining("deadline");
      self.clearDeadline();
      busy.unbusy(page);
    }
  }

  @Nested
  class Reading {
    @Test
    void takesAPageThatIsValidThere() {
      busy.takeIdle(page);
      machine.vm.pageOperations().content().setValid(page, 512, 1024);
      busy.unbusy(page);
      assertThat(finder.trySoftBusy(self, object, 7, 600, 900)).isEqualTo(page);
      assertThat(busy.describe(page)).isEqualTo("--- n=1");
      assertThat(finder.trySoftBusy(self, object, 7, 0, 513)).isEqualTo(PageArray.NONE);
      assertThat(finder.trySoftBusy(self, object, 9, 0, 1)).isEqualTo(PageArray.NONE);
      busy.dropSoftBusy(page);
      assertThat(busy.isIdle(page)).as("refused ones left nothing").isTrue();
    }

    @Test
    void leavesAHardBusyPageAndAFictitiousOne() {
      pages.setValid(page);
      busy.takeIdle(page);
      assertThat(finder.trySoftBusy(self, object, 7, 0, 1)).isEqualTo(PageArray.NONE);
      busy.unbusy(page);
      pages.setFlags(page, PageFlags.FICTITIOUS);
      assertThat(finder.trySoftBusy(self, object, 7, 0, 1)).isEqualTo(PageArray.NONE);
      pages.clearFlags(page, PageFlags.FICTITIOUS);
      assertThat(busy.isIdle(page)).isTrue();
    }
  }

  @Nested
  class Misuse {
    @Test
    void withoutTheTokenIsAPanic() {
      object.token().unlock(self);
      assertThatThrownBy(() -> finder.find(self, object, 7))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("without its token");
      assertThatThrownBy(() -> finder.tryBusy(self, object, 7, false)).isInstanceOf(VmPanic.class);
      assertThatThrownBy(() -> finder.busyWait(self, object, 7, false)).isInstanceOf(VmPanic.class);
      assertThatThrownBy(() -> finder.trySoftBusy(self, object, 7, 0, 1))
          .isInstanceOf(VmPanic.class);
      assertThatThrownBy(() -> finder.next(self, object, page)).isInstanceOf(VmPanic.class);
    }

    @Test
    void aPageThatKnowsBetterIsAPanic() {
      pages.setIdentity(page, object.slot(), 6);
      assertThatThrownBy(() -> finder.find(self, object, 7))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("knows better: page " + page + ": busy --- n=0")
          .hasMessageContaining("at 6");
      pages.setIdentity(page, object.slot(), 7);
    }

    @Test
    void theNextOfAStrangerIsAPanic() {
      assertThatThrownBy(() -> finder.next(self, object, 255))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("page 255: busy");
    }
  }
}
