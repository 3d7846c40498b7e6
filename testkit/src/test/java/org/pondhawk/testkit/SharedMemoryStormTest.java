package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pondhawk.testkit.Machines.MEBIBYTE;
import static org.pondhawk.vm.Protection.READ_WRITE;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.InitialStack;
import org.pondhawk.vm.SharedMemory;
import org.pondhawk.vm.SharedMemory.Creation;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.error.SharedMemoryException;

/// Two threads that attach, detach, fork, share, replace and close at the same time, with segments
/// that each removes under the other's hands, on too little memory.
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class SharedMemoryStormTest {
  private static final int PAGE = 4096;
  private static final int THREADS = 2;
  private static final int STEPS = 600;
  private static final int KEYS = 4;
  private static final int PAGES = 160;

  @Test
  void leavesEverythingWhole() throws Exception {
    long seed = Seeds.fresh();
    try (VirtualMemory vm = boot()) {
      AddressSpace common = vm.newAddressSpace();
      ExecutorService threads = Executors.newFixedThreadPool(THREADS);
      try {
        List<Future<?>> all = new ArrayList<>();
        for (int n = 0; n < THREADS; n++) {
          Random random = new Random(seed + n);
          all.add(threads.submit(() -> new User(vm, common, random).run()));
        }
        for (Future<?> one : all) {
          one.get();
        }
      } catch (ExecutionException e) {
        throw new AssertionError("seed " + seed, e.getCause());
      } finally {
        threads.shutdown();
      }
      Machines.requireClean(vm, "seed " + seed);
      common.close();
      SharedMemory shared = vm.sharedMemory();
      shared.list().forEach(s -> assertThat(s.attachments()).as("seed %d, %s", seed, s).isZero());
      shared.list().forEach(s -> shared.remove(s.id()));
      Machines.requireClean(vm, "seed " + seed);
      MachineModelTest.requireNothingLeft(vm);
    }
  }

  /// The canary: a mark of another segment is not taken for one of this.
  @Test
  void aForeignMarkIsNoticed() {
    try (VirtualMemory vm = boot()) {
      User user = new User(vm, vm.newAddressSpace(), new Random(1));
      user.attach(1);
      user.store(0, -1);
      assertThatThrownBy(user::verify).isInstanceOf(AssertionError.class);
    }
  }

  private static VirtualMemory boot() {
    VirtualMemory vm = VirtualMemory.boot(Machines.tiny(PAGE, 64 * MEBIBYTE).build());
    vm.tunables().set("kern.ipc.shmall", 100_000);
    vm.tunables().set("kern.ipc.shmmax", 64 * MEBIBYTE);
    return vm;
  }

  /// One thread's attachments to a space that it shares with the others, whose words are zero or
  /// marks of their segment and page.
  private static final class User {
    private final SharedMemory shared;
    private final AddressSpace space;
    private final Random random;
    private long at = -1;
    private int id;

    User(VirtualMemory vm, AddressSpace common, Random random) {
      this.shared = vm.sharedMemory();
      this.space = common.share();
      this.random = random;
    }

    void run() {
      for (int n = 0; n < STEPS; n++) {
        step();
      }
      detach();
      space.close();
    }

    private void step() {
      long key = 1L + random.nextInt(KEYS);
      switch (random.nextInt(8)) {
        case 0, 1 -> attach(key);
        case 2 -> remove(key);
        case 3 -> inAFork();
        case 4 -> inACopyOfOnesOwn();
        default -> use();
      }
    }

    void attach(long key) {
      detach();
      int found = shared.get(key, (long) PAGES * PAGE, Creation.IF_MISSING, 0600);
      try {
        at = shared.attach(space, found, READ_WRITE);
        id = found;
      } catch (SharedMemoryException removed) { // by the other thread, between the two calls
        assertThat(removed.reason()).isEqualTo(SharedMemoryException.Reason.INVALID);
      }
    }

    private void detach() {
      if (at >= 0) {
        verify();
        shared.detach(space, at);
        at = -1;
      }
    }

    private void remove(long key) {
      try {
        shared.remove(shared.get(key, 1, Creation.NEVER, 0600));
      } catch (SharedMemoryException gone) {
        assertThat(gone.reason())
            .isIn(SharedMemoryException.Reason.NO_SUCH_KEY, SharedMemoryException.Reason.INVALID);
      }
    }

    private void use() {
      if (at >= 0) {
        for (int n = 0; n < 30; n++) {
          int page = random.nextInt(PAGES);
          store(page, mark(page));
        }
        verify();
      }
    }

    void store(int page, long value) {
      try (View view = space.view()) {
        view.putLong(at + (long) page * PAGE, value);
      }
    }

    private long mark(int page) {
      return ((long) id << 32) | (page + 1);
    }

    void verify() {
      verify(space);
    }

    private void verify(AddressSpace in) {
      try (View view = in.view()) {
        for (int p = 0; p < PAGES; p++) {
          assertThat(view.getLong(at + (long) p * PAGE)).isIn(0L, mark(p));
        }
      }
    }

    /// The child has attached what this thread has; it may detach it, or just end.
    private void inAFork() {
      try (AddressSpace child = space.fork()) {
        if (at >= 0) {
          verify(child);
          if (random.nextBoolean()) {
            shared.detach(child, at);
          }
        }
      }
    }

    private void inACopyOfOnesOwn() {
      try (AddressSpace other = space.share()) {
        assertThat(other.unshare()).isTrue();
        if (at >= 0) {
          verify(other);
        }
        if (random.nextBoolean()) {
          other.replaceByEmpty(InitialStack.NONE);
        }
      }
    }
  }
}
