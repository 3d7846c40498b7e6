package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.page.PageArray;

class PageMoverTest {
  private final TestMachine machine = new TestMachine(256);
  private final PageArray pages = machine.vm.page().pages();
  private final PageMover mover = machine.vm.page().mover();
  private final int page = machine.vm.allocator().allocate(machine.self, 0, AllocClass.NORMAL);

  @AfterEach
  void everythingIsFreedAndSound() {
    machine.vm.allocator().free(machine.self, page);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// A search of the cache takes a page off its queue before it finds that somebody has it busy,
  /// and puts it elsewhere; its spin lock is all that says so meanwhile.
  @Test
  void aBusyPageOnNoQueueIsActivatedUnderItsSpinLock() {
    pages.lock(page);
    assertThatThrownBy(() -> mover.activate(machine.self, page))
        .as("it would wait")
        .isInstanceOf(AssertionError.class)
        .hasMessageContaining("waiting for PAGE");
    pages.unlock(page);
    assertThat(pages.queue(page)).isEqualTo(PageQueue.NONE);

    mover.activate(machine.self, page);
    assertThat(PageQueue.ACTIVE.isKindOf(pages.queue(page))).isTrue();
  }
}
