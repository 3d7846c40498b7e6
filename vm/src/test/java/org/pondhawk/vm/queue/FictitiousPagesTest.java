package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.object.ObjectReaper;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.Activity;
import org.pondhawk.vm.page.ForeignFrames;
import org.pondhawk.vm.page.MemoryAttribute;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.sync.Guard;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

class FictitiousPagesTest {
  private static final int SIZE = TestMachine.PAGE_SIZE;
  private static final int COUNT = 64;

  private final TestMachine machine = new TestMachine(256);
  private final PageArray pages = machine.vm.page().pages();
  private final ForeignFrames foreign = pages.foreign();
  private final PageBusy busy = machine.vm.page().busy();
  private final PageMover mover = machine.vm.page().mover();
  private final PageAllocator allocator = machine.vm.allocator();
  private final FictitiousPages fictitious = machine.vm.pageOperations().fictitious();
  private final VmThread self = machine.self;
  private final long memory = machine.vm.memory().allocate(128L * SIZE, "the test's device");
  private final int page = fictitious.make(memory, MemoryAttribute.UNCACHEABLE);

  @AfterEach
  void everyPageIsGivenBackAndTheMachineIsSound() {
    for (int n = 0; n < COUNT; n++) {
      int left = foreign.page(n);
      if (pages.wireCount(left) == 1) {
        if (!busy.isHardBusy(left)) {
          assertThat(busy.tryHardBusy(left)).isTrue();
        }
        fictitious.free(self, left);
      }
    }
    assertThat(fictitious.inUse()).isZero();
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// The state FAKE.
  @Test
  void isHardBusyWiredOnNoQueueAndOfNoObject() {
    assertThat(pages.describe(page))
        .isEqualTo(
            "page "
                + foreign.page(0)
                + ": busy L-- n=0, flags FICTITIOUS|UNQUEUED, wire 1, hold 0, cow 0, object -1"
                + " at 0, queue 0, colour "
                + foreign.page(0)
                + ", valid 00, dirty 00, activity 0, ticket 0");
    assertThat(page).isGreaterThan(pages.frameCount());
    assertThat(pages.address(page)).isEqualTo(memory);
    assertThat(pages.attribute(page)).isEqualTo(MemoryAttribute.UNCACHEABLE);
    assertThat(pages.pageAt(memory)).isEqualTo(page);
    assertThat(fictitious.inUse()).isEqualTo(1);
    busy.unbusy(page);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
  }

  @Test
  void takesAnotherAttribute() {
    pages.setValid(page);
    for (MemoryAttribute attribute : MemoryAttribute.values()) {
      fictitious.setAttribute(page, attribute);
      assertThat(pages.attribute(page)).isEqualTo(attribute);
      assertThat(pages.valid(page)).isEqualTo(0xff);
    }
  }

  @Test
  void isNotCountedAsWiredAndWiringSaysNothing() {
    long wired = wired();
    mover.wire(self, page);
    mover.wire(self, page);
    mover.unwire(self, page, true);
    assertThat(pages.wireCount(page)).isEqualTo(1);
    assertThat(pages.queue(page)).isZero();
    assertThat(wired()).isEqualTo(wired);
  }

  private long wired() {
    machine.vm.page().stats().rollup();
    return machine.vm.page().stats().global(PageCount.WIRED);
  }

  @Test
  void isNeverQueued() {
    mover.activate(self, page);
    assertThat(pages.activity(page)).as("activate raises only this").isEqualTo(Activity.INIT);
    mover.deactivate(self, page);
    mover.unqueue(self, page);
    assertThat(pages.queue(page)).isZero();
    assertThatThrownBy(() -> mover.activateNew(self, page))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("cannot be queued as ACTIVE: page " + page);
    pages.setValid(page);
    assertThat(mover.toCache(self, page)).as("only released").isFalse();
    assertThat(pages.queue(page)).isZero();
    assertThat(busy.isIdle(page)).isTrue();
  }

  @Test
  void isGivenBackByFree() {
    long before = machine.vm.page().stats().total(Event.FREED);
    pages.setValid(page);
    pages.setDirty(page);
    allocator.free(self, page);
    assertThat(pages.flags(page)).isEqualTo(PageFlags.FICTITIOUS | PageFlags.UNQUEUED);
    assertThat(pages.wireCount(page)).isZero();
    assertThat(pages.valid(page) | pages.dirty(page)).isZero();
    assertThat(pages.attribute(page)).isEqualTo(MemoryAttribute.WRITE_BACK);
    assertThat(busy.isIdle(page)).isTrue();
    assertThat(pages.pageAt(memory)).isEqualTo(PageArray.NONE);
    assertThat(machine.vm.page().stats().total(Event.FREED)).isEqualTo(before + 1);
    assertThat(fictitious.make(memory, MemoryAttribute.WRITE_BACK)).isNotEqualTo(PageArray.NONE);
  }

  @Test
  void keepsNothingOfWhatItWas() {
    pages.setFlags(page, PageFlags.REFERENCED | PageFlags.NO_SYNC);
    allocator.free(self, page);
    assertThat(pages.flags(page)).isEqualTo(PageFlags.FICTITIOUS | PageFlags.UNQUEUED);
  }

  @Test
  void mayBeMadeAndFreedByOneAfterAnother() {
    VmThread other = machine.vm.newThread("other");
    for (int n = 1; n <= 3; n++) {
      long address = memory + (long) n * SIZE;
      int made = Helper.start(() -> fictitious.make(address, MemoryAttribute.WRITE_BACK)).join();
      assertThat(Helper.start(() -> fictitious.free(other, made)).join()).isTrue();
      allocator.free(self, fictitious.make(address, MemoryAttribute.WRITE_BACK));
    }
  }

  @Test
  void areAsManyAsWereMadeAtBoot() {
    Set<Integer> made = new HashSet<>(Set.of(page));
    for (int n = 1; n < COUNT; n++) {
      assertThat(made.add(fictitious.make(memory + (long) n * SIZE, MemoryAttribute.WRITE_BACK)))
          .isTrue();
    }
    assertThat(fictitious.make(memory + 100L * SIZE, MemoryAttribute.WRITE_BACK))
        .isEqualTo(PageArray.NONE);
    allocator.free(self, foreign.page(17));
    assertThat(fictitious.make(memory + 100L * SIZE, MemoryAttribute.WRITE_BACK))
        .isEqualTo(foreign.page(17));
  }

  @Test
  void isNotUsedAnewWhileSomebodyHasItBusy() {
    allocator.free(self, page);
    assertThat(busy.tryHardBusy(page)).as("who has mistaken it").isTrue();
    for (int n = 0; n < COUNT - 1; n++) {
      assertThat(fictitious.make(memory + (long) n * SIZE, MemoryAttribute.WRITE_BACK))
          .isNotIn(page, PageArray.NONE);
    }
    assertThat(fictitious.make(memory + 100L * SIZE, MemoryAttribute.WRITE_BACK))
        .isEqualTo(PageArray.NONE);
    busy.unbusy(page);
    assertThat(fictitious.make(memory + 100L * SIZE, MemoryAttribute.WRITE_BACK)).isEqualTo(page);
  }

  @Test
  void isNotUsedAnewWhileItIsHeld() {
    allocator.hold(page);
    assertThat(fictitious.free(self, page)).as("its memory may still be stored into").isFalse();
    for (int n = 0; n < COUNT - 1; n++) {
      assertThat(fictitious.make(memory + (long) n * SIZE, MemoryAttribute.WRITE_BACK))
          .isNotIn(page, PageArray.NONE);
    }
    assertThat(fictitious.make(memory + 100L * SIZE, MemoryAttribute.WRITE_BACK))
        .isEqualTo(PageArray.NONE);
    allocator.unhold(self, page);
    assertThat(fictitious.make(memory + 100L * SIZE, MemoryAttribute.WRITE_BACK)).isEqualTo(page);
  }

  @Test
  void saysWhenAStoreToItDoesNotEnd() {
    pages.setFlags(page, PageFlags.MAPPED);
    Guard guard = machine.vm.grace().register();
    guard.enter();
    machine.vm.grace().begin();
    machine.clock.addAndGet(2_000_000_000L);

    assertThat(fictitious.free(self, page)).isFalse();

    for (int n = 0; n < COUNT - 1; n++) {
      assertThat(fictitious.make(memory + (long) n * SIZE, MemoryAttribute.WRITE_BACK))
          .as("its grace period is not over")
          .isNotIn(page, PageArray.NONE);
    }
    guard.leave();
    machine.vm.grace().unregister(guard);
    assertThat(fictitious.make(memory + 100L * SIZE, MemoryAttribute.WRITE_BACK)).isEqualTo(page);
  }

  @Test
  void isZeroedWhereItsMemoryIs() {
    RawMemory.fill(memory, 2L * SIZE, (byte) 9);
    machine.vm.pageOperations().content().zeroFill(page);
    assertThat(RawMemory.allBytesAre(memory, SIZE, (byte) 0)).isTrue();
    assertThat(RawMemory.allBytesAre(memory + SIZE, SIZE, (byte) 9)).isTrue();
  }

  @Test
  void ofAnObjectIsLeftOutByWhoOnlyReads() {
    VmObject object = machine.vm.objects().create(10, machine.vm.nodes());
    machine.vm.nodes().preload(self);
    object.token().lock(self, true);
    machine.vm.owner().insert(self, object, 3, page);
    pages.setValid(page);
    busy.unbusy(page);
    assertThat(machine.vm.pageOperations().finder().trySoftBusy(self, object, 3, 0, SIZE))
        .isEqualTo(PageArray.NONE);
    assertThat(machine.vm.pageOperations().finder().find(self, object, 3)).isEqualTo(page);
    object.token().unlock(self);

    assertThat(busy.tryHardBusy(page)).isTrue();
    allocator.free(self, page);
    assertThat(object.resident().size()).as("free takes it out").isZero();
    new ObjectReaper(machine.vm.objects(), machine.vm.page(), allocator, machine.vm.mappings())
        .release(self, object);
  }

  @Nested
  class Misuse {
    @Test
    void anAddressHasOnePage() {
      assertThatThrownBy(() -> fictitious.make(memory, MemoryAttribute.WRITE_BACK))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("0x%x has a page already".formatted(memory));
    }

    @ParameterizedTest
    @ValueSource(longs = {0, -4096, 4097, 1L << 48, Long.MAX_VALUE - 4095, Long.MIN_VALUE})
    void addressesThatNoPageCanHaveAreRefused(long address) {
      assertThatThrownBy(() -> fictitious.make(address, MemoryAttribute.WRITE_BACK))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("no page of 4096 bytes can be at 0x");
    }

    @Test
    void aFrameHasItsPage() {
      assertThatThrownBy(() -> fictitious.make(pages.address(5), MemoryAttribute.WRITE_BACK))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("is a frame's");
    }

    @Test
    void whatStandsForNothingCannotBeFreed() {
      allocator.free(self, page);
      assertThatThrownBy(() -> allocator.free(self, page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("page " + page + ": busy --- n=0");
      assertThat(busy.tryHardBusy(page)).isTrue();
      assertThatThrownBy(() -> allocator.free(self, page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("stands for no memory of others: page " + page);
      assertThatThrownBy(() -> fictitious.setAttribute(page, MemoryAttribute.WRITE_BACK))
          .isInstanceOf(VmPanic.class);
      busy.unbusy(page);
    }

    @Test
    void whatIsNotBusyCannotBeFreed() {
      busy.unbusy(page);
      assertThatThrownBy(() -> allocator.free(self, page)).isInstanceOf(VmPanic.class);
      assertThat(pages.wireCount(page)).isEqualTo(1);
    }

    @Test
    void whatSomebodyReadsCannotBeFreed() {
      busy.unbusy(page);
      assertThat(busy.trySoftBusy(page)).isTrue();
      assertThat(busy.tryHardBusyBesideSoft(page)).isTrue();
      assertThatThrownBy(() -> allocator.free(self, page))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("freeing a fictitious page in use");
      busy.unbusy(page);
      busy.dropSoftBusy(page);
    }

    @Test
    void aFrameIsNotFictitious() {
      int frame = allocator.allocate(self, 0, AllocClass.NORMAL);
      assertThatThrownBy(() -> fictitious.free(self, frame))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("stands for no memory of others: page " + frame);
      allocator.free(self, frame);
    }
  }

  /// The canaries of the check.
  @Nested
  class AChecker {
    private void isReported(String line) {
      assertThat(VmCheck.run(machine.vm).problems())
          .anySatisfy(problem -> assertThat(problem).contains(line));
    }

    @Test
    void noticesOneThatIsQueued() {
      busy.unbusy(page);
      pages.setQueue(page, PageQueue.ACTIVE.index(0));
      isReported("fictitious, but may be or is queued: page " + page);
      pages.setQueue(page, 0);
    }

    @Test
    void noticesOneThatIsLinked() {
      busy.unbusy(page);
      int queue = PageQueue.ACTIVE.index(0);
      PageQueues queues = machine.vm.page().queues();
      queues.insertMarker(queue, page);
      isReported("fictitious, but on a queue: page " + page);
      queues.removeMarker(page);
    }

    @Test
    void noticesOneThatMayBeQueued() {
      busy.unbusy(page);
      pages.clearFlags(page, PageFlags.UNQUEUED);
      isReported("fictitious, but may be or is queued: page " + page);
      pages.setFlags(page, PageFlags.UNQUEUED);
    }

    @Test
    void noticesOneThatItsAddressDoesNotLeadTo() {
      busy.unbusy(page);
      foreign.stand(page, 0);
      isReported("not the page of the address 0x0 that it stands for: page " + page);
      foreign.stand(page, memory);
    }

    @Test
    void noticesOneThatStandsForMemoryAndIsNotInUse() {
      busy.unbusy(page);
      pages.addWire(page, -1);
      isReported("stands for nothing, but: page " + page);
      pages.addWire(page, 1);
    }

    @Test
    void noticesOneThatIsWiredTwice() {
      busy.unbusy(page);
      pages.addWire(page, 1);
      isReported("fictitious, but not wired once: page " + page);
      pages.addWire(page, -1);
    }

    @Test
    void noticesOneThatSaysItIsInAnObject() {
      busy.unbusy(page);
      pages.setIdentity(page, 1, 0);
      isReported("says that it belongs to an object which does not have it: page " + page);
      pages.setIdentity(page, PageArray.NO_OBJECT, 0);
    }

    @Test
    void noticesOneThatIsLeftBusy() {
      isReported("busy at rest: page " + page);
    }
  }
}
