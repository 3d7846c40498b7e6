package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.VmThread;

class PageLookupTest {
  private static final long AT = 42;

  private final TestMachine machine = new TestMachine(256);
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final VmThread self = machine.self;
  private final VmObject object = machine.vm.objects().create(1 << 20, machine.vm.nodes());
  private final PageLookup lookup = new PageLookup(pages, busy);

  /// A lookup that believes the index: what must be caught.
  private final PageLookup gullible =
      new PageLookup(pages, busy) {
        @Override
        protected boolean isStill(VmObject owner, long pindex, int page) {
          return true;
        }
      };

  private int page;

  @BeforeEach
  void aResidentPage() {
    machine.vm.nodes().preload(self);
    page = machine.vm.allocator().allocate(self, 0, AllocClass.NORMAL);
    object.token().lock(self, true);
    machine.vm.owner().insert(self, object, AT, page);
    object.token().unlock(self);
    pages.setValid(page);
    busy.unbusy(page);
  }

  @AfterEach
  void nothingIsLeftBusy() {
    for (int n = 0; n < pages.frameCount(); n++) {
      assertThat(busy.isIdle(n)).as(pages.describe(n)).isTrue();
    }
    new ObjectReaper(
            machine.vm.objects(), machine.vm.page(), machine.vm.allocator(), machine.vm.mappings())
        .release(self, object);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// Lets the index say something that is not so, as one who reads it while it changes may see it.
  private void pretend(long pindex, int value) {
    machine.vm.nodes().preload(self);
    object.resident().put(self, pindex, value);
  }

  @Test
  void makesAPageBusyThatIsThere() {
    assertThat(lookup.tryBusy(object, AT)).isEqualTo(page);
    assertThat(busy.isHardBusy(page)).isTrue();
    busy.unbusy(page);
  }

  @Nested
  class FallsBack {
    @Test
    void whereNothingIsThere() {
      assertThat(lookup.tryBusy(object, AT + 1)).isEqualTo(PageLookup.ABSENT);
      assertThat(lookup.tryBusy(object, AT << 10)).isEqualTo(PageLookup.ABSENT);
    }

    @Test
    void onAPageThatSomebodyChanges() {
      busy.tryHardBusy(page);
      assertThat(lookup.tryBusy(object, AT)).isEqualTo(PageLookup.DOUBT);
      busy.unbusy(page);
    }

    @Test
    void onAPageThatSomebodyReadsOrWritesOut() {
      busy.trySoftBusy(page);
      assertThat(lookup.tryBusy(object, AT)).isEqualTo(PageLookup.DOUBT);
      busy.dropSoftBusy(page);
    }

    @Test
    void onAPageWithoutContent() {
      busy.tryHardBusy(page);
      pages.clearContent(page);
      busy.unbusy(page);
      assertThat(lookup.tryBusy(object, AT)).isEqualTo(PageLookup.DOUBT);
      pages.setValid(page);
    }

    @Test
    void onAPageOfAnotherIndex() {
      pretend(AT + 1, page);
      assertThat(lookup.tryBusy(object, AT + 1)).isEqualTo(PageLookup.DOUBT);
      assertThat(gullible.tryBusy(object, AT + 1)).as("the canary").isEqualTo(page);
      busy.unbusy(page);
      object.resident().remove(AT + 1);
    }

    @Test
    void onAPageOfAnotherObject() {
      VmObject other = machine.vm.objects().create(100, machine.vm.nodes());
      machine.vm.nodes().preload(self);
      other.resident().put(self, AT, page);
      assertThat(lookup.tryBusy(other, AT)).isEqualTo(PageLookup.DOUBT);
      assertThat(gullible.tryBusy(other, AT)).as("the canary").isEqualTo(page);
      busy.unbusy(page);
      other.resident().remove(AT);
      new ObjectReaper(
              machine.vm.objects(),
              machine.vm.page(),
              machine.vm.allocator(),
              machine.vm.mappings())
          .release(self, other);
    }

    @Test
    void onAFreePage() {
      int free = machine.vm.allocator().allocate(self, 7, AllocClass.NORMAL);
      machine.vm.allocator().free(self, free);
      pretend(AT + 1, free);
      assertThat(lookup.tryBusy(object, AT + 1)).isEqualTo(PageLookup.DOUBT);
      object.resident().remove(AT + 1);
    }

    @Test
    void onWhatIsNoPageNumber() {
      pretend(AT + 1, pages.frameCount());
      pretend(AT + 2, Integer.MAX_VALUE - 1);
      assertThat(lookup.tryBusy(object, AT + 1)).isEqualTo(PageLookup.DOUBT);
      assertThat(lookup.tryBusy(object, AT + 2)).isEqualTo(PageLookup.DOUBT);
      object.resident().remove(AT + 1);
      object.resident().remove(AT + 2);
    }
  }

  @Test
  void looksAtNumbersThatAreNoNodes() {
    assertThat(machine.vm.nodes().peek(Integer.MAX_VALUE, 31)).isZero();
  }
}
