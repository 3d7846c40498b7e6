package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.PageQueue;

/// What programs say of their memory, and what they can ask of it.
class AdviceTest {
  private static final int PAGE = 4096;
  private static final int PAGES = 64;

  private final VirtualMemory vm =
      VirtualMemory.boot(
          VmConfig.builder().physicalMemory(4 << 20).swap(4 << 20).poisonFreedFrames(true).build());
  private final Machine machine = vm.machine();
  private final AddressSpace space = vm.newAddressSpace();
  private final long base = space.map((long) PAGES * PAGE, Protection.READ_WRITE);
  private final View view = space.view();

  @AfterEach
  void theMachineIsSound() {
    view.close();
    assertThat(vm.check().problems()).isEmpty();
    space.close();
    assertThat(vm.check().problems()).isEmpty();
    vm.close();
  }

  private long page(int n) {
    return base + (long) n * PAGE;
  }

  private void storeAll() {
    for (int n = 0; n < PAGES; n++) {
      view.putLong(page(n), n + 1);
    }
  }

  private int count(PageQueue kind) {
    PageArray pages = machine.page().pages();
    int count = 0;
    for (int page = 0; page < pages.frameCount(); page++) {
      boolean ours = pages.object(page) != PageArray.NO_OBJECT;
      count += ours && kind.isKindOf(pages.queue(page)) ? 1 : 0;
    }
    return count;
  }

  @Test
  void whatIsNotNeededIsMostlyInactiveAndKeepsItsBytes() {
    storeAll();
    assertThat(count(PageQueue.ACTIVE)).isEqualTo(PAGES);

    space.advise(base, (long) PAGES * PAGE, Advice.DONT_NEED);

    assertThat(count(PageQueue.INACTIVE)).isGreaterThan(PAGES / 2);
    for (int n = 0; n < PAGES; n++) {
      assertThat(view.getLong(page(n))).isEqualTo(n + 1);
    }
  }

  @Test
  void whatWillBeNeededIsActive() {
    storeAll();
    space.advise(base, (long) PAGES * PAGE, Advice.DONT_NEED);

    space.advise(base, 10 * PAGE, Advice.WILL_NEED);

    assertThat(count(PageQueue.ACTIVE)).isGreaterThanOrEqualTo(10);
  }

  @Test
  void whatIsFreedReadsAsZerosAndTakesNoMemory() {
    storeAll();
    long free = vm.statistics().freePages();

    space.advise(page(8), 40 * PAGE, Advice.FREE);

    assertThat(vm.statistics().freePages()).isGreaterThanOrEqualTo(free + 40);
    for (int n = 0; n < PAGES; n++) {
      assertThat(view.getLong(page(n))).isEqualTo(n >= 8 && n < 48 ? 0 : n + 1);
    }
    view.putLong(page(9), 5);
    assertThat(view.getLong(page(9))).isEqualTo(5);
  }

  @Test
  void whatAForkSeesIsNotFreed() {
    storeAll();
    try (AddressSpace child = space.fork();
        View other = child.view()) {
      space.advise(base, (long) PAGES * PAGE, Advice.FREE);
      child.advise(base, (long) PAGES * PAGE, Advice.FREE);
      for (int n = 0; n < PAGES; n++) {
        assertThat(view.getLong(page(n))).isEqualTo(n + 1);
        assertThat(other.getLong(page(n))).isEqualTo(n + 1);
      }
    }
  }

  @Test
  void whatIsLeasedIsNotFreed() {
    storeAll();
    try (PageLease _ = view.lease(page(3), LeaseMode.READ)) {
      assertThatThrownBy(() -> space.advise(base, (long) PAGES * PAGE, Advice.FREE))
          .isInstanceOf(LeaseHeldException.class);
    }
    assertThat(view.getLong(page(3))).isEqualTo(4);
    assertThat(view.getLong(page(5))).isEqualTo(6);
  }

  @Test
  void aRandomWalkMapsNoNeighbours() {
    storeAll();
    try (AddressSpace child = space.fork();
        View other = child.view()) {
      child.advise(page(0), 32 * PAGE, Advice.RANDOM);
      other.getLong(page(1));
      other.getLong(page(2));
      other.getLong(page(41));
      other.getLong(page(42));
      assertThat(isMapped(page(3))).isFalse();
      assertThat(isMapped(page(43))).isTrue();
    }
  }

  private boolean isMapped(long address) {
    return machine.spaces().getLast().pmap().isMapped(address);
  }

  @Test
  void adviceSkipsHolesAndWhatNobodyTouched() {
    space.unmap(page(5), PAGE);
    for (Advice advice : Advice.values()) {
      space.advise(base, 2L * PAGES * PAGE, advice);
    }
    assertThat(view.getLong(page(6))).isZero();
  }

  @Test
  void residencyTellsWhatHappenedToPages() {
    view.putLong(page(1), 1);
    view.getLong(page(2));

    Residency seen = space.residency(base, 4 * PAGE);

    assertThat(seen.pageCount()).isEqualTo(4);
    assertThat(seen.residentCount()).isEqualTo(2);
    assertThat(seen.isResident(0)).isFalse();
    assertThat(seen.isResident(1)).isTrue();
    assertThat(seen.isModified(1)).isTrue();
    assertThat(seen.isModifiedByAny(1)).isTrue();
    assertThat(seen.isReferenced(1)).isTrue();
    assertThat(seen.isResident(2)).isTrue();
    assertThat(seen.isModified(2)).isFalse();
    assertThat(seen.isReferencedByAny(2)).isTrue();
    assertThat(seen).hasToString("2 of 4 pages resident");
  }

  @Test
  void residencyKnowsPagesThatAreMappedElsewhereOnly() {
    space.inherit(base, 4 * PAGE, Inheritance.SHARE);
    try (AddressSpace child = space.fork();
        View other = child.view()) {
      other.putLong(page(1), 7);
      Residency seen = space.residency(base, 4 * PAGE);
      assertThat(seen.isResident(1)).isTrue();
      assertThat(seen.isModified(1)).isFalse();
      assertThat(seen.isReferenced(1)).isFalse();
      assertThat(seen.isResident(2)).isFalse();
    }
  }

  @Test
  void residencyOfWhatIsNotMappedIsRefused() {
    space.unmap(page(2), PAGE);
    assertThatThrownBy(() -> space.residency(base, 4 * PAGE))
        .isInstanceOf(AccessViolationException.class)
        .hasMessageContaining("0x%x".formatted(page(2)));
  }
}
