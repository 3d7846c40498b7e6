package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageFlags;

/// Wiring, with and without the page busy.
class PageWiringTest {
  private static final int PAGE = 2;

  private final ContentParts machine = new ContentParts(4096);
  private final PageMover mover = machine.parts.mover();
  private final PageWiring wiring = new PageWiring(machine.pages);

  @BeforeEach
  void aBusyPage() {
    machine.busy.takeIdle(PAGE);
  }

  @AfterEach
  void close() {
    machine.close();
  }

  private long wired() {
    machine.parts.stats().rollup();
    return machine.parts.stats().global(PageCount.WIRED);
  }

  @Test
  void isCountedFromTheFirstToTheLast() {
    mover.wire(machine.self, PAGE);
    wiring.wireAgain(PAGE);
    assertThat(machine.pages.wireCount(PAGE)).isEqualTo(2);
    assertThat(wired()).isEqualTo(1);

    assertThat(wiring.unwireUnlessLast(PAGE)).isFalse();
    assertThat(wiring.unwireUnlessLast(PAGE)).as("the last one stays").isTrue();
    assertThat(machine.pages.wireCount(PAGE)).isEqualTo(1);
    mover.unwire(machine.self, PAGE, false);
    assertThat(wired()).isZero();
    assertThat(PageQueue.INACTIVE.isKindOf(machine.pages.queue(PAGE))).isTrue();
  }

  @Test
  void ofAFictitiousPageIsNothing() {
    machine.pages.setFlags(PAGE, PageFlags.FICTITIOUS);
    mover.wire(machine.self, PAGE);
    mover.unwire(machine.self, PAGE, true);
    mover.unwire(machine.self, PAGE, true);
    assertThat(machine.pages.wireCount(PAGE)).isZero();
    assertThat(wired()).isZero();
    assertThat(machine.pages.queue(PAGE)).isEqualTo(PageQueue.NONE);
  }

  @Test
  void endsOnNoQueueForAPageThatIsNeverQueued() {
    mover.wire(machine.self, PAGE);
    machine.pages.setFlags(PAGE, PageFlags.UNQUEUED);
    mover.unwire(machine.self, PAGE, true);
    assertThat(machine.pages.queue(PAGE)).isEqualTo(PageQueue.NONE);
  }

  @Test
  void endsActiveForAPageThatIsToBeCommitted() {
    mover.wire(machine.self, PAGE);
    machine.pages.setFlags(PAGE, PageFlags.NEED_COMMIT);
    mover.unwire(machine.self, PAGE, false);
    assertThat(PageQueue.ACTIVE.isKindOf(machine.pages.queue(PAGE))).isTrue();
  }

  @Test
  void againIsRefusedForAPageThatIsNotWired() {
    assertThatThrownBy(() -> wiring.wireAgain(PAGE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("not wired")
        .hasMessageContaining("page 2: busy L-- n=0, flags none, wire 0");
    assertThatThrownBy(() -> wiring.unwireUnlessLast(PAGE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("page 2: busy L-- n=0, flags none, wire 0");
    assertThat(machine.pages.wireCount(PAGE)).isZero();
  }

  @Test
  void doesNotWrap() {
    machine.pages.addWire(PAGE, Integer.MAX_VALUE);
    assertThatThrownBy(() -> wiring.wireAgain(PAGE)).isInstanceOf(VmPanic.class);
    assertThat(machine.pages.wireCount(PAGE)).isEqualTo(Integer.MAX_VALUE);
    mover.wire(machine.self, PAGE);
    assertThatThrownBy(() -> mover.wire(machine.self, PAGE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("wired too often: page 2");
  }

  @Test
  void isRefusedForAPageThatIsNotHardBusy() {
    machine.busy.unbusy(PAGE);
    assertThatThrownBy(() -> mover.wire(machine.self, PAGE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("not hard-busy: page 2");
    assertThatThrownBy(() -> mover.unwire(machine.self, PAGE, true))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("not hard-busy: page 2");
  }
}
