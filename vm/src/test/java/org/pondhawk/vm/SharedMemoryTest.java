package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.pondhawk.vm.Protection.READ;
import static org.pondhawk.vm.Protection.READ_WRITE;

import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.SharedMemory.Creation;
import org.pondhawk.vm.SharedMemory.Rounding;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.LeaseHeldException;
import org.pondhawk.vm.error.SharedMemoryException;
import org.pondhawk.vm.error.SharedMemoryException.Reason;
import org.pondhawk.vm.stats.SharedSegment;
import org.pondhawk.vm.sync.Helper;

@Timeout(60)
class SharedMemoryTest {
  private static final int PAGE = 4096;
  private static final long KEY = 77;
  private static final int ALL = 0666;

  private final ViewFixture fixture = new ViewFixture(PAGE);
  private final VirtualMemory vm = fixture.vm;
  private final SharedMemory shared = vm.sharedMemory();
  private final AddressSpace one = vm.newAddressSpace();
  private final AddressSpace two = vm.newAddressSpace();

  @AfterEach
  void everyInvariantHolds() {
    fixture.check();
    one.close();
    two.close();
    shared.list().forEach(s -> assertThat(s.attachments()).as("%s", s).isZero());
    shared.list().forEach(s -> shared.remove(s.id()));
    assertThat(shared.list()).isEmpty();
    fixture.close();
  }

  private int make(int pages) {
    return shared.get(SharedMemory.PRIVATE, (long) pages * PAGE, Creation.NEVER, ALL);
  }

  private static long load(AddressSpace space, long address) {
    try (View view = space.view()) {
      return view.getLong(address);
    }
  }

  private static void store(AddressSpace space, long address, long value) {
    try (View view = space.view()) {
      view.putLong(address, value);
    }
  }

  private void requireRefused(Reason reason, ThrowingCallable call) {
    SharedMemoryException thrown = catchThrowableOfType(SharedMemoryException.class, call);
    assertThat(thrown).isNotNull();
    assertThat(thrown.reason()).as(thrown.getMessage()).isEqualTo(reason);
  }

  @Nested
  class Getting {
    @Test
    void findsByKeyWhatWasMadeForIt() {
      int id = shared.get(KEY, 3 * PAGE, Creation.IF_MISSING, ALL);
      assertThat(shared.get(KEY, 0, Creation.NEVER, 0)).isEqualTo(id);
      assertThat(shared.get(KEY, 3 * PAGE, Creation.IF_MISSING, ALL)).isEqualTo(id);
      assertThat(shared.list()).hasSize(1);
    }

    @Test
    void makesANewOneForThePrivateKey() {
      assertThat(make(1)).isNotEqualTo(make(1));
      assertThat(shared.list()).hasSize(2);
    }

    @Test
    void isRefusedAsTheReferenceRefuses() {
      requireRefused(Reason.NO_SUCH_KEY, () -> shared.get(KEY, PAGE, Creation.NEVER, ALL));
      requireRefused(Reason.INVALID, () -> shared.get(KEY, 0, Creation.ALWAYS, ALL));
      requireRefused(Reason.INVALID, () -> shared.get(KEY, -1, Creation.ALWAYS, ALL));
      requireRefused(Reason.INVALID, () -> shared.get(KEY, 1L << 60, Creation.ALWAYS, ALL));
      requireRefused(Reason.INVALID, () -> shared.get(KEY, PAGE, Creation.ALWAYS, 01000));
      shared.get(KEY, PAGE, Creation.ALWAYS, ALL);
      requireRefused(Reason.KEY_IN_USE, () -> shared.get(KEY, PAGE, Creation.ALWAYS, ALL));
      requireRefused(Reason.INVALID, () -> shared.get(KEY, PAGE + 1, Creation.NEVER, ALL));
      requireRefused(Reason.INVALID, () -> shared.get(KEY, -1, Creation.NEVER, ALL));
    }

    @Test
    void endsAtTheLimits() {
      vm.tunables().set("kern.ipc.shmmni", 2);
      vm.tunables().set("kern.ipc.shmall", 10);
      make(6);
      requireRefused(Reason.NO_ROOM, () -> make(5));
      int last = make(4);
      shared.remove(last);
      make(1);
      requireRefused(Reason.TOO_MANY_SEGMENTS, () -> make(1));
      vm.tunables().set("kern.ipc.shmmin", 2 * PAGE);
      requireRefused(Reason.INVALID, () -> make(1));
    }

    @Test
    void givesAnIdThatTheLastOneOfItsSlotDidNotHave() {
      int first = make(1);
      shared.remove(first);
      int second = make(1);
      assertThat(second).isNotEqualTo(first);
      requireRefused(Reason.INVALID, () -> shared.stat(first));
      assertThat(shared.stat(second).bytes()).isEqualTo(PAGE);
    }
  }

  @Nested
  class Attaching {
    @Test
    void showsTheSameBytesInBothSpaces() {
      int id = make(3);
      long here = shared.attach(one, id, READ_WRITE);
      long there = shared.attachAt(two, id, 16 * PAGE, READ_WRITE, Rounding.NONE);
      assertThat(there).isEqualTo(16 * PAGE);
      assertThat(here).isEqualTo(64L << 30);
      store(one, here + PAGE, 5);
      assertThat(load(two, there + PAGE)).isEqualTo(5);
      store(two, there + PAGE, 6);
      assertThat(load(one, here + PAGE)).isEqualTo(6);
      assertThat(load(one, here + 2 * PAGE)).isZero();
      assertThat(shared.stat(id).attachments()).isEqualTo(2);
      assertThat(shared.stat(id).residentPages()).isEqualTo(2);
    }

    @Test
    void keepsTheBytesWhileNobodyShowsThem() {
      int id = make(2);
      long here = shared.attach(one, id, READ_WRITE);
      store(one, here + 8, 9);
      shared.detach(one, here);
      assertThatThrownBy(() -> load(one, here)).isInstanceOf(AccessViolationException.class);
      fixture.check();
      assertThat(load(two, shared.attach(two, id, READ) + 8)).isEqualTo(9);
    }

    /// The segment is larger than memory: while nobody shows it, it lies in swap.
    @Test
    void findsInSwapWhatWasPagedOutWhileNobodyShowedIt() {
      vm.tunables().set("kern.ipc.shmall", 1 << 20);
      vm.tunables().set("kern.ipc.shmmax", 1L << 32);
      int pages = (int) (2 * fixture.frameBytes() / PAGE);
      int id = make(pages);
      long here = shared.attach(one, id, READ_WRITE);
      try (View view = one.view()) {
        for (long i = 0; i < pages; i++) {
          view.putLong(here + i * PAGE, i);
        }
      }
      shared.detach(one, here);
      long there = shared.attach(two, id, READ);
      try (View view = two.view()) {
        for (long i = 0; i < pages; i++) {
          assertThat(view.getLong(there + i * PAGE)).isEqualTo(i);
        }
      }
      assertThat(vm.statistics().swapUsedPages()).isPositive();
      shared.detach(two, there);
      long free = vm.statistics().freePages();
      shared.remove(id);
      assertThat(vm.statistics().swapUsedPages()).isZero();
      assertThat(vm.statistics().freePages()).isGreaterThan(free);
    }

    @Test
    void toReadNeverAllowsAStore() {
      int id = make(1);
      long here = shared.attach(one, id, READ);
      assertThatThrownBy(() -> store(one, here, 1)).isInstanceOf(AccessViolationException.class);
      assertThatThrownBy(() -> one.protect(here, PAGE, READ_WRITE))
          .isInstanceOf(AccessViolationException.class);
    }

    @Test
    void roundsOnlyIfThatIsAskedFor() {
      int id = make(1);
      requireRefused(Reason.INVALID, () -> shared.attachAt(one, id, PAGE + 8, READ, Rounding.NONE));
      assertThat(shared.attachAt(one, id, PAGE + 8, READ, Rounding.DOWN)).isEqualTo(PAGE);
    }

    @Test
    void replacesNothing() {
      int id = make(2);
      one.mapAt(4 * PAGE, PAGE, READ_WRITE);
      store(one, 4 * PAGE, 3);
      requireRefused(Reason.NO_ROOM, () -> shared.attachAt(one, id, 3 * PAGE, READ, Rounding.NONE));
      requireRefused(
          Reason.NO_ROOM, () -> shared.attachAt(one, id, one.range() - PAGE, READ, Rounding.NONE));
      assertThatThrownBy(() -> shared.attachAt(one, id, -PAGE, READ, Rounding.NONE))
          .isInstanceOf(IllegalArgumentException.class);
      assertThat(load(one, 4 * PAGE)).isEqualTo(3);
      assertThat(shared.stat(id).attachments()).isZero();
    }

    @Test
    void putsLargeSegmentsAtAMultipleOfTheirUnit() {
      vm.tunables().set("kern.ipc.shmall", 1 << 20);
      vm.tunables().set("kern.ipc.shmmax", 1L << 32);
      shared.attach(one, make(1), READ);
      assertThat(shared.attach(one, make(512), READ)).isEqualTo((64L << 30) + (2L << 20));
      assertThat(shared.attach(one, make(511), READ) % (2L << 20)).isNotZero();
    }

    @Test
    void searchesBelowWhereThereIsNoRoomAbove() {
      vm.tunables().set("kern.ipc.shmall", 1 << 20);
      vm.tunables().set("kern.ipc.shmmax", 1L << 32);
      try (AddressSpace small = vm.newAddressSpace(2L << 20)) {
        assertThat(shared.attach(small, make(256), READ)).isEqualTo(1L << 20);
        assertThat(shared.attach(small, make(255), READ)).isEqualTo(PAGE);
        int none = make(2);
        requireRefused(Reason.NO_ROOM, () -> shared.attach(small, none, READ));
        int huge = make(600);
        requireRefused(Reason.NO_ROOM, () -> shared.attach(small, huge, READ));
      }
    }

    @Test
    void endsAtTheLimitOfTheSpace() {
      vm.tunables().set("kern.ipc.shmseg", 2);
      int id = make(1);
      shared.attach(one, id, READ);
      long second = shared.attach(one, id, READ);
      requireRefused(Reason.TOO_MANY_ATTACHED, () -> shared.attach(one, id, READ));
      shared.attach(two, id, READ);
      shared.detach(one, second);
      shared.attach(one, id, READ);
    }

    @Test
    void isRefusedForWhatIsNone() {
      for (int id : new int[] {0, 1, -1, Integer.MIN_VALUE, Integer.MAX_VALUE, 1 << 16}) {
        requireRefused(Reason.INVALID, () -> shared.attach(one, id, READ));
        requireRefused(Reason.INVALID, () -> shared.stat(id));
        requireRefused(Reason.INVALID, () -> shared.remove(id));
        requireRefused(Reason.INVALID, () -> shared.set(id, 1, 1, 0));
      }
      int id = make(1);
      assertThatThrownBy(() -> shared.attach(one, id, Protection.NONE))
          .isInstanceOf(IllegalArgumentException.class);
      one.close();
      assertThatThrownBy(() -> shared.attach(one, id, READ))
          .isInstanceOf(IllegalStateException.class);
      assertThatThrownBy(() -> shared.detach(one, PAGE)).isInstanceOf(IllegalStateException.class);
      try (VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build());
          AddressSpace foreign = other.newAddressSpace()) {
        assertThatThrownBy(() -> shared.attach(foreign, id, READ))
            .isInstanceOf(IllegalArgumentException.class);
      }
    }
  }

  @Nested
  class Detaching {
    @Test
    void needsTheAddressThatWasAttached() {
      int id = make(2);
      long here = shared.attach(one, id, READ_WRITE);
      requireRefused(Reason.INVALID, () -> shared.detach(one, here + PAGE));
      requireRefused(Reason.INVALID, () -> shared.detach(two, here));
      shared.detach(one, here);
      requireRefused(Reason.INVALID, () -> shared.detach(one, here));
      assertThat(one.statistics().mappings()).isZero();
    }

    @Test
    void unmapsWhatIsLeftOfAPartlyUnmappedSegment() {
      int id = make(4);
      long here = shared.attach(one, id, READ_WRITE);
      store(one, here + PAGE, 4);
      one.unmap(here + PAGE, PAGE);
      assertThat(shared.stat(id).residentPages()).as("it frees nothing").isEqualTo(1);
      fixture.check();
      shared.detach(one, here);
      assertThat(one.statistics().mappings()).isZero();
      assertThat(load(two, shared.attach(two, id, READ) + PAGE)).isEqualTo(4);
    }

    @Test
    void isRefusedWhileALeaseIsInTheWay() {
      int id = make(1);
      long here = shared.attach(one, id, READ_WRITE);
      try (View view = one.view();
          PageLease lease = view.lease(here, PAGE, LeaseMode.WRITE)) {
        assertThatThrownBy(() -> shared.detach(one, here)).isInstanceOf(LeaseHeldException.class);
        assertThat(lease.bytes().byteSize()).isEqualTo(PAGE);
      }
      assertThat(shared.stat(id).attachments()).isEqualTo(1);
      shared.detach(one, here);
      assertThat(shared.stat(id).attachments()).isZero();
    }

    @Test
    void isDoneByTheEndOfTheSpace() {
      int id = make(1);
      shared.attach(one, id, READ_WRITE);
      shared.attach(one, id, READ);
      shared.attach(two, id, READ);
      one.close();
      assertThat(shared.stat(id).attachments()).isEqualTo(1);
      two.replaceByEmpty(InitialStack.NONE);
      assertThat(shared.stat(id).attachments()).isZero();
    }
  }

  /// Scenario o of the reference's traps.
  @Nested
  class Removing {
    @Test
    void whileItIsAttachedLeavesItToTheLast() {
      int id = shared.get(KEY, PAGE, Creation.ALWAYS, ALL);
      long here = shared.attach(one, id, READ_WRITE);
      store(one, here, 8);

      shared.remove(id);

      requireRefused(Reason.NO_SUCH_KEY, () -> shared.get(KEY, PAGE, Creation.NEVER, ALL));
      assertThat(shared.stat(id).isRemoved()).isTrue();
      assertThat(load(two, shared.attach(two, id, READ))).isEqualTo(8);
      shared.detach(one, here);
      assertThat(shared.stat(id).attachments()).isEqualTo(1);
      two.close();
      requireRefused(Reason.INVALID, () -> shared.stat(id));
      assertThat(shared.list()).isEmpty();
      assertThat(vm.machine().objects().all()).isEmpty();
    }

    @Test
    void isFinalWhereRemovedOnesAreNotAttachedAgain() {
      vm.tunables().set("kern.ipc.shm_allow_removed", 0);
      int id = make(1);
      long here = shared.attach(one, id, READ_WRITE);
      shared.remove(id);
      requireRefused(Reason.INVALID, () -> shared.attach(two, id, READ));
      requireRefused(Reason.INVALID, () -> shared.stat(id));
      store(one, here, 1);
      shared.detach(one, here);
      assertThat(shared.list()).isEmpty();
    }

    @Test
    void isDoneAtOnceIfItIsAttachedNowhere() {
      long free = vm.statistics().freePages();
      int id = make(4);
      long here = shared.attach(one, id, READ_WRITE);
      store(one, here, 1);
      shared.detach(one, here);
      shared.remove(id);
      assertThat(shared.list()).isEmpty();
      assertThat(vm.machine().objects().all()).isEmpty();
      assertThat(vm.statistics().freePages()).isGreaterThanOrEqualTo(free - 2);
      requireRefused(Reason.INVALID, () -> shared.remove(id));
    }

    @Test
    void freesTheKeyForANewOne() {
      int old = shared.get(KEY, PAGE, Creation.ALWAYS, ALL);
      long here = shared.attach(one, old, READ_WRITE);
      store(one, here, 1);
      shared.remove(old);
      int fresh = shared.get(KEY, PAGE, Creation.ALWAYS, ALL);
      assertThat(load(two, shared.attach(two, fresh, READ))).isZero();
    }
  }

  @Nested
  class AFork {
    @Test
    void hasAttachedWhatItsParentHas() {
      int id = make(2);
      long here = shared.attach(one, id, READ_WRITE);
      store(one, here, 1);
      try (AddressSpace child = one.fork()) {
        assertThat(shared.stat(id).attachments()).isEqualTo(2);
        store(child, here, 2);
        assertThat(load(one, here)).isEqualTo(2);
        shared.detach(one, here);
        shared.remove(id);
        assertThat(load(child, here)).isEqualTo(2);
      }
      assertThat(shared.list()).isEmpty();
    }

    @Test
    void thatIsRefusedHasNone() {
      int id = make(2);
      long here = shared.attach(one, id, READ_WRITE);
      try (View view = one.view();
          PageLease lease = view.lease(here, PAGE, LeaseMode.WRITE)) {
        assertThatThrownBy(one::fork).isInstanceOf(LeaseHeldException.class);
        assertThat(lease.bytes().byteSize()).isEqualTo(PAGE);
      }
      assertThat(shared.stat(id).attachments()).isEqualTo(1);
    }

    @Test
    void ofARangeThatIsToBeCopiedHasACopy() {
      int id = make(2);
      long here = shared.attach(one, id, READ_WRITE);
      store(one, here, 1);
      store(one, here + PAGE, 1);
      one.inherit(here, 2 * PAGE, Inheritance.COPY);
      try (AddressSpace child = one.fork();
          AddressSpace grandchild = child.fork()) {
        store(child, here, 2);
        assertThat(load(one, here)).isEqualTo(1);
        assertThat(load(grandchild, here)).isEqualTo(1);
        fixture.check();
      }
      long there = shared.attach(two, id, READ);
      assertThat(load(two, there)).isEqualTo(1);
    }

    @Test
    void ofAPartThatWasCopiedKeepsIt() {
      int id = make(3);
      long here = shared.attach(one, id, READ_WRITE);
      one.inherit(here + PAGE, PAGE, Inheritance.COPY);
      store(one, here + PAGE, 5);
      try (AddressSpace first = one.fork()) {
        store(one, here + PAGE, 6);
        try (AddressSpace second = one.fork()) {
          assertThat(load(second, here + PAGE)).isEqualTo(6);
          assertThat(load(first, here + PAGE)).isEqualTo(5);
        }
      }
    }
  }

  /// Pages that are shown by one space alone are still not that space's.
  @Test
  void whatIsAttachedOnceIsNotGivenUpByItsOnlyUser() {
    int id = make(2);
    long here = shared.attach(one, id, READ_WRITE);
    store(one, here, 3);
    one.advise(here, 2 * PAGE, Advice.FREE);
    assertThat(load(one, here)).isEqualTo(3);
  }

  /// A chain above a segment is not merged with it: the segment may be attached again.
  @Test
  void whatLiesAboveASegmentIsNotMovedIntoIt() {
    int id = make(64);
    long here = shared.attach(one, id, READ_WRITE);
    for (int p = 0; p < 64; p++) {
      store(one, here + (long) p * PAGE, p + 1);
    }
    one.inherit(here, 64 * PAGE, Inheritance.COPY);
    AddressSpace child = one.fork();
    shared.detach(one, here);
    for (int p = 0; p < 64; p += 2) {
      store(child, here + (long) p * PAGE, -1);
    }
    vm.machine().collapser().collapseNow(child.internal());
    fixture.check();
    long there = shared.attach(two, id, READ);
    for (int p = 0; p < 64; p++) {
      assertThat(load(two, there + (long) p * PAGE)).as("page %d", p).isEqualTo(p + 1);
      assertThat(load(child, here + (long) p * PAGE)).isEqualTo(p % 2 == 0 ? -1 : p + 1);
    }
    child.close();
  }

  @Nested
  class Permission {
    private final SharedMemory owner = shared.as(Credentials.of(10, 100));
    private final SharedMemory mate = shared.as(new Credentials(11, 101, Set.of(100L)));
    private final SharedMemory other = shared.as(Credentials.of(12, 102));

    private int make(int mode) {
      return owner.get(KEY, PAGE, Creation.ALWAYS, mode);
    }

    @Test
    void isTheOwnersTheGroupsAndTheOthers() {
      int id = make(0640);
      owner.attach(one, id, READ_WRITE);
      mate.attach(one, id, READ);
      requireRefused(Reason.NOT_ALLOWED, () -> mate.attach(one, id, READ_WRITE));
      requireRefused(Reason.NOT_ALLOWED, () -> other.attach(one, id, READ));
      requireRefused(Reason.NOT_ALLOWED, () -> other.stat(id));
      assertThat(other.list()).isEmpty();
      assertThat(mate.stat(id).user()).isEqualTo(10);
      assertThat(owner.get(KEY, 0, Creation.NEVER, 0600)).isEqualTo(id);
      assertThat(mate.get(KEY, 0, Creation.NEVER, 0400)).isEqualTo(id);
      requireRefused(Reason.NOT_ALLOWED, () -> mate.get(KEY, 0, Creation.NEVER, 0600));
      requireRefused(Reason.NOT_ALLOWED, () -> other.get(KEY, 0, Creation.NEVER, 0400));
    }

    @Test
    void isNotHeldBackFromTheOwnerOfTheMachine() {
      int id = make(0);
      shared.attach(one, id, READ_WRITE);
      requireRefused(Reason.NOT_ALLOWED, () -> owner.attach(one, id, READ));
      shared.set(id, 0, 0, 0);
      shared.remove(id);
    }

    @Test
    void toChangeItIsTheOwnersAndTheCreators() {
      int id = make(0666);
      requireRefused(Reason.NOT_OWNER, () -> mate.set(id, 11, 101, 0));
      requireRefused(Reason.NOT_OWNER, () -> other.remove(id));
      owner.set(id, 12, 102, 01600);
      SharedSegment now = shared.stat(id);
      assertThat(now.user()).isEqualTo(12);
      assertThat(now.creatingUser()).isEqualTo(10);
      assertThat(now.mode()).isEqualTo(0600);
      requireRefused(Reason.NOT_ALLOWED, () -> mate.attach(one, id, READ));
      owner.set(id, 12, 102, 0660);
      other.remove(id);
      assertThat(shared.list()).isEmpty();
    }
  }

  @Nested
  class AtOnce {
    @Test
    void attachingAndForkingAgreeOnWhatIsAttached() {
      int id = make(1);
      for (int n = 0; n < 200; n++) {
        CountDownLatch go = new CountDownLatch(2);
        Helper<Long> attaching =
            Helper.start(() -> {
              meet(go);
              return shared.attach(one, id, READ_WRITE);
            });
        meet(go);
        AddressSpace child = one.fork();
        long here = attaching.join();
        int mapped = child.statistics().mappings();
        assertThat(shared.stat(id).attachments()).as("round %d", n).isEqualTo(1 + mapped);
        child.close();
        shared.detach(one, here);
      }
    }

    @Test
    void onlyOneOfTwoDetaches() {
      int id = make(1);
      for (int n = 0; n < 200; n++) {
        long here = shared.attach(one, id, READ_WRITE);
        store(one, here, n);
        CountDownLatch go = new CountDownLatch(2);
        Helper<Boolean> second =
            Helper.start(() -> {
              meet(go);
              return detaches(here);
            });
        meet(go);
        assertThat(detaches(here)).isNotEqualTo(second.join());
        assertThat(shared.stat(id).attachments()).isZero();
      }
    }

    private boolean detaches(long here) {
      try {
        shared.detach(one, here);
        return true;
      } catch (SharedMemoryException refused) {
        assertThat(refused.reason()).isEqualTo(Reason.INVALID);
        return false;
      }
    }

    private static void meet(CountDownLatch go) {
      go.countDown();
      while (go.getCount() > 0) {
        Thread.onSpinWait();
      }
    }
  }

  @Test
  void goesWithTheMachine() {
    VirtualMemory other = VirtualMemory.boot(VmConfig.builder().build());
    SharedMemory theirs = other.sharedMemory();
    int id = theirs.get(KEY, PAGE, Creation.ALWAYS, ALL);
    AddressSpace space = other.newAddressSpace();
    store(space, theirs.attach(space, id, READ_WRITE), 1);
    other.close();
    assertThat(other.machine().objects().all()).isEmpty();
    assertThatThrownBy(() -> theirs.stat(id)).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> theirs.attach(space, id, READ))
        .isInstanceOf(IllegalStateException.class);
  }
}
