package org.pondhawk.vm.pageout;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageMover;

/// As many inactive pages as there should be, none of which can be reclaimed: the active ones must
/// come up for it all the same.
class HeldInactiveTest {
  private static final int FRAMES = 512;
  private static final long SIZE = TestMachine.PAGE_SIZE;

  @Test
  void pagesThatAreHeldDoNotKeepActiveOnesFromBeingReclaimed(@TempDir Path folder) {
    try (TestMachine machine = new TestMachine(FRAMES, folder, 4L * FRAMES * SIZE)) {
      PageAllocator allocator = machine.vm.allocator();
      PageMover mover = machine.vm.page().mover();
      Space space = machine.vm.newSpace();
      long enough = machine.pressure().levels().inactiveTarget() + 2;
      long base = machine.map(space, enough);
      List<Integer> held = new ArrayList<>();
      for (long n = 0; n < enough; n++) {
        machine.put(space, base + n * SIZE, n);
        int page = machine.pageAt(space, base + n * SIZE);
        allocator.hold(page);
        machine.vm.page().busy().tryHardBusy(page);
        mover.deactivate(machine.self, page);
        machine.vm.page().busy().unbusy(page);
        held.add(page);
      }
      long others = machine.map(space, 2L * FRAMES);
      for (long n = 0; n < 2L * FRAMES; n++) { // relieves memory on the way, or fails
        machine.put(space, others + n * SIZE, n);
      }
      for (long n = 0; n < enough; n++) {
        assertThat(machine.get(space, base + n * SIZE)).isEqualTo(n);
      }
      held.forEach(page -> allocator.unhold(machine.self, page));
      assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    }
  }
}
