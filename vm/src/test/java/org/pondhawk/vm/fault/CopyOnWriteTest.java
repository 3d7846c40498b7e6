package org.pondhawk.vm.fault;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Inheritance;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.object.VmObject;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.Event;

@Timeout(60)
class CopyOnWriteTest {
  private static final long SIZE = TestMachine.PAGE_SIZE;
  private static final int PAGES = 4;

  @TempDir private Path folder;
  private TestMachine machine;
  private Space parent;
  private long base;

  @BeforeEach
  void boot() {
    machine = new TestMachine(300, folder, 8 << 20);
    parent = machine.vm.newSpace();
    base = machine.map(parent, PAGES);
    for (int n = 0; n < PAGES; n++) {
      machine.put(parent, base + n * SIZE, n + 1);
    }
  }

  @AfterEach
  void theMachineIsSound() {
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  private Space fork() {
    return machine.vm.fork(machine.self, parent);
  }

  private void close(Space space) {
    machine.vm.closeSpace(machine.self, space);
  }

  private long moved() {
    return machine.vm.page().stats().total(Event.MOVED);
  }

  private long copied() {
    return machine.vm.page().stats().total(Event.COPIED);
  }

  /// A parent with a head above the pages of its closed child's time.
  private void leaveAChainToTheParentAlone() {
    Space child = fork();
    machine.put(parent, base, 10); // a head comes, and a copy
    close(child);
    assertThat(parent.depth()).isEqualTo(1);
    assertThat(copied()).isEqualTo(1);
  }

  @Nested
  class AStoreToADeeperPage {
    @Test
    void movesItUpWhereNobodyElseSeesIt() {
      leaveAChainToTheParentAlone();
      int page = machine.pageAt(parent, base + SIZE);

      machine.put(parent, base + SIZE, 20);

      assertThat(moved()).isEqualTo(1);
      assertThat(copied()).isEqualTo(1);
      assertThat(machine.pageAt(parent, base + SIZE)).isEqualTo(page);
      assertThat(machine.vm.page().pages().object(page)).isEqualTo(head(parent).slot());
      assertThat(machine.get(parent, base + SIZE)).isEqualTo(20);
      assertThat(machine.get(parent, base + 2 * SIZE)).isEqualTo(3);
    }

    @Test
    void copiesItWhileAnotherSpaceSeesIt() {
      Space child = fork();
      machine.put(parent, base, 10);
      machine.put(parent, base + SIZE, 20);

      assertThat(moved()).isZero();
      assertThat(copied()).isEqualTo(2);
      assertThat(machine.get(child, base + SIZE)).isEqualTo(2);
      close(child);
    }

    @Test
    void copiesItWhileTheHeadIsShared() {
      Space child = fork();
      machine.put(parent, base, 10);
      parent.use().setInheritance(base, base + PAGES * SIZE, Inheritance.SHARE);
      Space sharer = fork();
      close(child);

      machine.put(parent, base + SIZE, 20);

      assertThat(moved()).isZero();
      assertThat(machine.get(sharer, base + SIZE)).isEqualTo(20);
      machine.put(sharer, base + 2 * SIZE, 30);
      assertThat(moved()).isZero();
      assertThat(machine.get(parent, base + 2 * SIZE)).isEqualTo(30);
      close(sharer);
    }

    @Test
    void copiesItWhileSomebodyHoldsIt() {
      leaveAChainToTheParentAlone();
      int page = machine.pageAt(parent, base + SIZE);
      machine.vm.allocator().hold(page);

      machine.put(parent, base + SIZE, 20);

      assertThat(moved()).isZero();
      assertThat(machine.pageAt(parent, base + SIZE)).isNotEqualTo(page);
      machine.vm.allocator().unhold(machine.self, page);
    }

    @Test
    void movesItAcrossElementsThatTheSpaceHasAlone() {
      Space first = fork();
      machine.put(parent, base, 10);
      Space second = fork();
      machine.put(parent, base, 11);
      close(first);
      close(second);
      assertThat(parent.depth()).isEqualTo(2);

      machine.put(parent, base + SIZE, 20); // from the bottom, past the element in between

      assertThat(moved()).isEqualTo(1);
      assertThat(machine.get(parent, base + SIZE)).isEqualTo(20);
    }

    @Test
    void needsNoMemoryToMoveIt() {
      leaveAChainToTheParentAlone();
      long before = freed();

      machine.put(parent, base + SIZE, 20);

      assertThat(freed()).isEqualTo(before);
      assertThat(machine.vm.page().stats().total(Event.ZERO_FILL)).isEqualTo(PAGES);
    }

    private long freed() {
      machine.vm.page().stats().rollup();
      return machine.vm.page().stats().global(org.pondhawk.vm.queue.PageCount.FREE);
    }
  }

  @Nested
  class AMovedPage {
    /// Its copy in swap is of another object, and about to be stale.
    @Test
    void isDirtyAndHasNoCopyInSwap() {
      Space child = fork();
      machine.put(parent, base, 10);
      pageOutAndIn(child);
      close(child);
      int page = machine.pageAt(parent, base + SIZE);
      assertThat(machine.vm.page().pages().hasFlag(page, PageFlags.SWAPPED)).isTrue();
      long used = machine.vm.swap().used();

      machine.put(parent, base + SIZE, 20);

      assertThat(machine.pageAt(parent, base + SIZE)).isEqualTo(page);
      assertThat(machine.vm.page().pages().hasFlag(page, PageFlags.SWAPPED)).isFalse();
      assertThat(machine.vm.page().pages().dirty(page)).isNotZero();
      assertThat(machine.vm.swap().used()).isEqualTo(used - 1);
      assertThat(machine.get(parent, base + SIZE)).isEqualTo(20);
    }

    @Test
    void isStillThereWhenItComesBackFromSwap() {
      leaveAChainToTheParentAlone();
      machine.put(parent, base + SIZE, 20);

      pageOutAndIn(parent);

      assertThat(machine.get(parent, base)).isEqualTo(10);
      assertThat(machine.get(parent, base + SIZE)).isEqualTo(20);
      assertThat(machine.get(parent, base + 3 * SIZE)).isEqualTo(4);
    }

    /// Lets other pages push these out, and brings them back by loads.
    private void pageOutAndIn(Space space) {
      Space other = machine.vm.newSpace();
      long there = machine.map(other, 900);
      for (int n = 0; n < 900; n++) {
        machine.put(other, there + n * SIZE, n);
      }
      close(other);
      for (int n = 0; n < PAGES; n++) {
        machine.get(space, base + n * SIZE);
        machine.get(parent, base + n * SIZE);
      }
    }
  }

  private VmObject head(Space space) {
    return java.util.Objects.requireNonNull(space.map().find(base)).head().object();
  }
}
