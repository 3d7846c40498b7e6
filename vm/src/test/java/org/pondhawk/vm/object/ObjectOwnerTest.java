package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

class ObjectOwnerTest {
  private final TestMachine machine = new TestMachine(256);
  private final ObjectOwner owner = machine.vm.owner();
  private final PageArray pages = machine.vm.page().pages();
  private final VmThread self = machine.self;
  private final VmObject object = machine.vm.objects().create(100, machine.vm.nodes());

  @AfterEach
  void theObjectTakesEverythingDown() {
    ObjectReaper reaper =
        new ObjectReaper(
            machine.vm.objects(), machine.vm.page(), machine.vm.allocator(), machine.vm.mappings());
    reaper.release(self, object);
    assertThat(machine.vm.objects().all()).isEmpty();
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private int page() {
    return machine.vm.allocator().allocate(self, 0, AllocClass.NORMAL);
  }

  private int insert(long pindex) {
    int page = page();
    insert(pindex, page);
    return page;
  }

  private void insert(long pindex, int page) {
    machine.vm.nodes().preload(self);
    object.token().lock(self, true);
    try {
      owner.insert(self, object, pindex, page);
    } finally {
      object.token().unlock(self);
    }
  }

  @Nested
  class AnInsertedPage {
    @Test
    void belongsToTheObjectAndIsFoundThere() {
      int page = insert(42);
      assertThat(pages.object(page)).isEqualTo(object.slot());
      assertThat(pages.pindex(page)).isEqualTo(42);
      assertThat(object.resident().get(42)).isEqualTo(page);
      machine.vm.page().busy().unbusy(page);
    }

    @Test
    void isGoneAfterItsRemoval() {
      int page = insert(42);
      owner.remove(self, page);
      assertThat(pages.object(page)).isEqualTo(PageArray.NO_OBJECT);
      assertThat(object.resident().size()).isZero();
      owner.remove(self, page);
      machine.vm.allocator().free(self, page);
    }

    @Test
    void isTakenOutByFreeingIt() {
      machine.vm.allocator().free(self, insert(7));
      assertThat(object.resident().size()).isZero();
    }

    @Test
    void cannotBeInsertedTwice() {
      int page = insert(1);
      assertThatThrownBy(() -> insert(2, page)).isInstanceOf(VmPanic.class);
      machine.vm.page().busy().unbusy(page);
    }

    @Test
    void cannotTakeAnothersPlace() {
      int first = insert(1);
      int second = page();
      assertThatThrownBy(() -> insert(1, second))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("inserted twice");
      machine.vm.allocator().free(self, second);
      machine.vm.page().busy().unbusy(first);
    }
  }

  @Nested
  class WithoutWhatItNeeds {
    @Test
    void anInsertIsAPanic() {
      int page = page();
      assertThatThrownBy(() -> owner.insert(self, object, 1, page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("without its token");
      machine.vm.page().busy().unbusy(page);
      assertThatThrownBy(() -> insert(1, page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("not hard-busy");
      machine.vm.page().busy().tryHardBusy(page);
      machine.vm.allocator().free(self, page);
    }
  }

  @Nested
  class TryingToOwn {
    @Test
    void doesNotWaitForTheToken() {
      int page = insert(1);
      VmThread other = machine.vm.newThread("other");
      object.token().lock(other, false);
      assertThat(owner.tryOwn(self, page)).isFalse();
      object.token().unlock(other);

      assertThat(owner.tryOwn(self, page)).isTrue();
      owner.removeAndDisown(self, page);
      assertThat(self.holdsNothing()).isTrue();
      machine.vm.allocator().free(self, page);
    }

    @Test
    void isRefusedToWhoSharesTheToken() {
      int page = insert(1);
      object.token().lock(self, false);
      assertThat(owner.tryOwn(self, page)).isFalse();
      object.token().unlock(self);
      machine.vm.page().busy().unbusy(page);
    }
  }

  @Nested
  class TakingARangeDown {
    @Test
    void waitsForABusyPageAndLeavesTheOthersAlone() {
      int before = insert(1);
      int busy = insert(2);
      int behind = insert(3);
      machine.vm.page().busy().unbusy(before);
      machine.vm.page().busy().unbusy(behind);
      ObjectReaper reaper =
          new ObjectReaper(
              machine.vm.objects(),
              machine.vm.page(),
              machine.vm.allocator(),
              machine.vm.mappings());
      VmThread other = machine.vm.newThread("other");
      Helper<Boolean> remover =
          Helper.run(() -> reaper.removePages(other, object, 2, 1)).awaitAsleep();
      object.token().lock(self, true);
      assertThat(object.resident().get(2)).as("the token is free meanwhile").isEqualTo(busy);
      object.token().unlock(self);

      machine.vm.page().busy().unbusy(busy);
      remover.join();

      assertThat(object.resident().get(1)).isEqualTo(before);
      assertThat(object.resident().get(2)).isEqualTo(IntRadix.NONE);
      assertThat(object.resident().get(3)).isEqualTo(behind);
    }
  }

  @Nested
  class References {
    @Test
    void keepTheObjectUntilTheLastIsGivenBack() {
      object.reference();
      assertThat(object.references()).isEqualTo(2);
      assertThat(object.dereference()).isFalse();
      assertThat(object.isDead()).isFalse();
    }

    @Test
    void toAnObjectThatNobodyRefersToArePanics() {
      VmObject other = machine.vm.objects().create(1, machine.vm.nodes());
      assertThat(other.dereference()).isTrue();
      assertThatThrownBy(other::dereference)
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("one reference too many");
      assertThatThrownBy(other::reference).isInstanceOf(VmPanic.class);
      machine.vm.objects().remove(other);
    }

    @Test
    void slotsAreReusedAndIdsAreNot() {
      VmObject first = machine.vm.objects().create(1, machine.vm.nodes());
      machine.vm.objects().remove(first);
      VmObject second = machine.vm.objects().create(1, machine.vm.nodes());
      assertThat(second.slot()).isEqualTo(first.slot());
      assertThat(second.id()).isGreaterThan(first.id());
      assertThat(machine.vm.objects().get(second.slot())).isSameAs(second);
      machine.vm.objects().remove(second);
      assertThatThrownBy(() -> machine.vm.objects().get(second.slot())).isInstanceOf(VmPanic.class);
    }
  }
}
