package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.VmThread;

class ObjectPagesTest {
  private final TestMachine machine = new TestMachine(2_100);
  private final ObjectPages maker = machine.vm.pageOperations().maker();
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final VmThread self = machine.self;
  private final VmObject object = machine.vm.objects().create(100, machine.vm.nodes());

  @BeforeEach
  void takeTheToken() {
    machine.vm.nodes().preload(self);
    object.token().lock(self, true);
  }

  @AfterEach
  void everythingIsFreedAndSound() {
    for (long p = object.resident().next(0); p >= 0; p = object.resident().next(p + 1)) {
      busy.unbusy(object.resident().get(p));
    }
    object.token().unlock(self);
    new ObjectReaper(
            machine.vm.objects(), machine.vm.page(), machine.vm.allocator(), machine.vm.mappings())
        .release(self, object);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  @Test
  void areBusyOnNoQueueAndInTheObject() {
    int page = maker.allocate(self, object, 7, AllocClass.NORMAL);
    assertThat(busy.isOnlyHardBusy(page)).isTrue();
    assertThat(object.resident().get(7)).isEqualTo(page);
    assertThat(pages.pindex(page)).isEqualTo(7);
    assertThat(pages.queue(page)).isZero();
    assertThat(pages.valid(page)).isZero();
  }

  @Test
  void collideWithAPanicThatShowsWhatIsThere() {
    int page = maker.allocate(self, object, 7, AllocClass.NORMAL);
    assertThatThrownBy(() -> maker.allocate(self, object, 7, AllocClass.NORMAL))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("has at 7 already: page " + page + ": busy L-- n=0");
    assertThatThrownBy(() -> maker.allocateNear(self, 1, object, 7, AllocClass.NORMAL))
        .isInstanceOf(VmPanic.class);
    assertThatThrownBy(() -> maker.allocateWired(self, object, 7, AllocClass.NORMAL))
        .isInstanceOf(VmPanic.class);
  }

  @Test
  void areNoneWhereTheCallerSaysThatACollisionIsFine() {
    int page = maker.allocateIfAbsent(self, object, 7, AllocClass.NORMAL);
    assertThat(page).isNotEqualTo(PageArray.NONE);
    assertThat(maker.allocateIfAbsent(self, object, 7, AllocClass.NORMAL))
        .isEqualTo(PageArray.NONE);
    assertThat(object.resident().get(7)).isEqualTo(page);
  }

  @Test
  void haveAColourOfTheProcessorThatIsNamed() {
    for (int cpu = 0; cpu < 2; cpu++) {
      int page = maker.allocateNear(self, cpu, object, cpu, AllocClass.NORMAL);
      int wanted = machine.vm.allocator().colorNear(cpu, object.color(), cpu);
      assertThat(page % 1024 + page / 1024).as("the colour").isEqualTo(wanted);
    }
    for (int cpu : new int[] {-1, 2}) {
      assertThatThrownBy(() -> maker.allocateNear(self, cpu, object, 9, AllocClass.NORMAL))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("cpu=" + cpu);
    }
  }

  @Test
  void areWiredIfAsked() {
    int page = maker.allocateWired(self, object, 7, AllocClass.NORMAL);
    assertThat(pages.wireCount(page)).isEqualTo(1);
    machine.vm.page().mover().unwire(self, page, true);
  }

  @Test
  void areNoneWhereMemoryIsShort() {
    List<Integer> taken = new ArrayList<>();
    for (int page = 0; page != PageArray.NONE; ) {
      page = machine.vm.allocator().allocate(self, 0, AllocClass.INTERRUPT);
      if (page != PageArray.NONE) {
        taken.add(page);
      }
    }
    assertThat(maker.allocate(self, object, 7, AllocClass.NORMAL)).isEqualTo(PageArray.NONE);
    assertThat(maker.allocateWired(self, object, 7, AllocClass.INTERRUPT))
        .isEqualTo(PageArray.NONE);
    taken.forEach(page -> machine.vm.allocator().free(self, page));
  }

  @Test
  void areForWhoHasTheTokenExclusively() {
    object.token().unlock(self);
    object.token().lock(self, false);
    assertThatThrownBy(() -> maker.allocate(self, object, 7, AllocClass.NORMAL))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("without its token");
    assertThatThrownBy(() -> maker.allocateIfAbsent(self, object, 7, AllocClass.NORMAL))
        .isInstanceOf(VmPanic.class);
    assertThat(object.resident().size()).isZero();
  }
}
