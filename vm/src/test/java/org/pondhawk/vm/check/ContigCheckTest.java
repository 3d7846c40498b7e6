package org.pondhawk.vm.check;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.RunLimits;

/// The canaries of the check of runs: a sound machine, one thing broken, and the line that must
/// come.
class ContigCheckTest {
  private final TestMachine machine = new TestMachine(256, null, 0, 32L * TestMachine.PAGE_SIZE);
  private final PageArray pages = machine.vm.page().pages();

  @BeforeEach
  void aRunInsideAndOneOutside() {
    assertThat(allocate(8)).isZero();
    assertThat(allocate(40)).isGreaterThanOrEqualTo(32);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
  }

  @AfterEach
  void close() {
    machine.vm.haltSwitch().halt(new VmPanic("the test broke the machine"));
    machine.close();
  }

  private int allocate(int count) {
    return machine.vm.contig().allocate(RunLimits.ANYWHERE, count, MemoryAttribute.WRITE_BACK);
  }

  private int outside() {
    int page = 32;
    while (!machine.vm.contig().isInUse(page)) {
      page++;
    }
    return page;
  }

  private void isReported(String line) {
    assertThat(VmCheck.run(machine.vm).problems())
        .anySatisfy(problem -> assertThat(problem).contains(line));
  }

  @Test
  void aPageInUseThatSaysItIsFree() {
    pages.clearContent(3);
    isReported("in use in the account of the reserve, but: page 3:");
  }

  @Test
  void aFreePageThatSaysItIsInUse() {
    pages.setValid(20);
    isReported("free in the account of the reserve, but: page 20:");
  }

  @Test
  void aPageOfTheReserveThatIsNotWired() {
    pages.addWire(20, -1);
    isReported("not as pages of the reserve are: page 20:");
  }

  @Test
  void aPageOfTheReserveThatMayBeQueued() {
    pages.clearFlags(20, PageFlags.UNQUEUED);
    isReported("not as pages of the reserve are: page 20:");
  }

  @Test
  void aPageOfARunThatIsSaidToBeZero() {
    pages.setFlags(outside(), PageFlags.ZERO);
    isReported("said to be zero, but for runs: page " + outside());
  }

  @Test
  void aPageThatLeftTheReserveAndNotItsAccount() {
    pages.clearFlags(20, PageFlags.FICTITIOUS);
    isReported("free in the reserve, but not of it: page 20:");
    isReported("the reserve has 31 pages, the count says 32");
  }

  @Test
  void aPageOfARunThatWasForgotten() {
    pages.clearContent(outside());
    isReported("in runs outside the reserve are 39 pages, the count says 40");
    isReported("leaked, on no queue and of no use: page " + outsideForgotten());
  }

  private int outsideForgotten() {
    int page = outside();
    while (pages.valid(page - 1) != 0 || pages.wireCount(page - 1) != 1) {
      page--;
    }
    return page - 1;
  }
}
