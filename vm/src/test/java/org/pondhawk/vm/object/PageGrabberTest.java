package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.PageGrabber.Zeros;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

class PageGrabberTest {
  private final TestMachine machine = new TestMachine(256);
  private final PageGrabber grabber = machine.vm.pageOperations().grabber();
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final VmThread self = machine.self;
  private final VmObject object = machine.vm.objects().create(100, machine.vm.nodes());

  @AfterEach
  void everythingIsFreedAndSound() {
    int left = object.resident().get(7);
    assertThat(left == IntRadix.NONE || busy.isIdle(left)).as("the test let go of it").isTrue();
    new ObjectReaper(
            machine.vm.objects(), machine.vm.page(), machine.vm.allocator(), machine.vm.mappings())
        .release(self, object);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private int grab(Zeros zeros) {
    return grabber.grab(self, object, 7, AllocClass.NORMAL, zeros, false);
  }

  private boolean isZero(int page) {
    return RawMemory.allBytesAre(pages.address(page), TestMachine.PAGE_SIZE, (byte) 0);
  }

  @Test
  void makesAPageOnNoQueueAndThenFindsIt() {
    int page = grab(Zeros.NONE);
    assertThat(busy.describe(page)).isEqualTo("L-- n=0");
    assertThat(object.resident().get(7)).isEqualTo(page);
    assertThat(pages.valid(page)).isZero();
    assertThat(self.holdsNothing()).isTrue();
    busy.unbusy(page);
    assertThat(grab(Zeros.NONE)).isEqualTo(page);
    busy.unbusy(page);
  }

  @Test
  void zeroesWhatIsNotValidIfAskedTo() {
    int page = grab(Zeros.NONE);
    pages.frames().poison(page);
    busy.unbusy(page);
    assertThat(grab(Zeros.IF_NOT_VALID)).isEqualTo(page);
    assertThat(isZero(page)).isTrue();
    assertThat(pages.isFullyValid(page)).isTrue();
    assertThat(pages.dirty(page)).as("nothing backs it").isZero();
    busy.unbusy(page);
  }

  @Test
  void leavesAPageThatIsInPartValidUnlessForced() {
    int page = grab(Zeros.NONE);
    pages.frames().poison(page);
    machine.vm.pageOperations().content().setValid(page, 0, 512);
    busy.unbusy(page);
    grab(Zeros.IF_NOT_VALID);
    assertThat(isZero(page)).isFalse();
    assertThat(pages.valid(page)).isEqualTo(1);
    busy.unbusy(page);
    grab(Zeros.ALWAYS);
    assertThat(isZero(page)).isTrue();
    assertThat(pages.isFullyValid(page)).isTrue();
    busy.unbusy(page);
  }

  @Test
  void makesZerosOverACopyInSwapDirtyAndNotCached() {
    int page = grab(Zeros.IF_NOT_VALID);
    pages.setFlags(page, PageFlags.SWAPPED);
    assertThat(machine.vm.page().mover().toCache(self, page)).isTrue();
    assertThat(grab(Zeros.ALWAYS)).isEqualTo(page);
    assertThat(pages.dirty(page)).isEqualTo(0xff);
    assertThat(PageQueue.INACTIVE.isKindOf(pages.queue(page))).isTrue();
    pages.clearFlags(page, PageFlags.SWAPPED);
    busy.unbusy(page);
  }

  /// Returns once somebody is about to sleep for a page: a thread may also wait for other things.
  private void awaitWanted(int page) {
    for (long end = System.nanoTime() + 20_000_000_000L; !isWanted(page); ) {
      assertThat(System.nanoTime()).as("nobody wants it").isLessThan(end);
      Thread.onSpinWait();
    }
  }

  private boolean isWanted(int page) {
    return busy.describe(page).startsWith("LW");
  }

  @Test
  void retriesUntilABusyPageIsReleased() {
    int page = grab(Zeros.NONE);
    Helper<Integer> other =
        Helper.start(() ->
                grabber.grab(
                    machine.vm.newThread("other"), object, 7, AllocClass.NORMAL, Zeros.NONE, true))
            .awaitAsleep();
    busy.unbusy(page);
    assertThat(other.join()).isEqualTo(page);
    busy.unbusy(page);
  }

  @Test
  void givesUpAfterOneWaitUnlessToldToRetry() {
    int page = grab(Zeros.NONE);
    Helper<Integer> other =
        Helper.start(() ->
                grabber.grab(
                    machine.vm.newThread("other"), object, 7, AllocClass.NORMAL, Zeros.NONE, false))
            .awaitAsleep();
    awaitWanted(page);
    busy.unbusy(page);
    assertThat(other.join()).as("idle by now, but it had to wait").isEqualTo(PageArray.NONE);
    assertThat(busy.isIdle(page)).isTrue();
  }

  @Test
  void waitsForMemory() {
    VmThread other = machine.vm.newThread("other");
    machine.vm.nodes().preload(other);
    List<Integer> taken = new ArrayList<>();
    for (int page = 0; page != PageArray.NONE; ) {
      page = machine.vm.allocator().allocate(self, 0, AllocClass.INTERRUPT);
      if (page != PageArray.NONE) {
        taken.add(page);
      }
    }
    Helper<Integer> grabbing =
        Helper.start(
                () -> grabber.grab(other, object, 7, AllocClass.NORMAL, Zeros.IF_NOT_VALID, true))
            .awaitAsleep();
    for (int page : taken) {
      machine.vm.allocator().free(self, page);
    }
    int page = grabbing.join();
    assertThat(object.resident().get(7)).isEqualTo(page);
    assertThat(isZero(page)).isTrue();
    busy.unbusy(page);
    machine.vm.nodes().unload(other);
  }

  @Test
  void isRefusedToWhoMayNotWait() {
    assertThatThrownBy(() -> grabber.grab(self, object, 7, AllocClass.QUICK, Zeros.NONE, true))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("as QUICK");
    for (AllocClass klass : new AllocClass[] {AllocClass.SYSTEM_ONLY, AllocClass.INTERRUPT_ONLY}) {
      assertThatThrownBy(() -> grabber.grab(self, object, 7, klass, Zeros.NONE, true))
          .as("it would wait for what it may not take")
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("as " + klass);
      busy.unbusy(grabber.grab(self, object, 7, klass, Zeros.NONE, false));
    }
    object.token().lock(self, false);
    assertThatThrownBy(() -> grab(Zeros.NONE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining(object.toString());
    object.token().unlock(self);
  }
}
