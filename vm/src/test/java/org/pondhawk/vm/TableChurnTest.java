package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;

/// Accesses while the memory of their entries comes and goes: every region has one page, so the
/// last unmapping of a region drops its piece of the table, and others take what that gave back.
@ParameterizedClass(name = "{0}")
@EnumSource(value = PageTables.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
class TableChurnTest {
  private static final int PAGE = 4096;
  private static final long REGION = 512 * PAGE;
  private static final int REGIONS = 12;
  private static final int ROUNDS = 4_000;
  private static final long TAG = 0x5a00_0000L;

  private final PageTables tables;

  TableChurnTest(PageTables tables) {
    this.tables = tables;
  }

  /// A thread sees its own tag at an address, zeros, or that nothing is mapped; never what was
  /// stored at another.
  @ParameterizedTest(name = "readers that also store: {0}")
  @ValueSource(booleans = {false, true})
  void everyAddressHasItsOwnContentOrNone(boolean store) throws Exception {
    VmConfig.Builder config = VmConfig.builder().physicalMemory(4 << 20).pageTables(tables);
    AtomicBoolean stop = new AtomicBoolean();
    try (VirtualMemory vm = VirtualMemory.boot(config.poisonFreedFrames(true).build());
        AddressSpace space = vm.newAddressSpace();
        ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<Integer>> readers = new ArrayList<>();
      for (int n = 0; n < 2; n++) {
        Random random = new Random(n);
        readers.add(threads.submit(() -> use(space, random, store, stop)));
      }
      try {
        churn(space, readers);
      } finally {
        stop.set(true);
      }
      for (Future<Integer> reader : readers) {
        assertThat(reader.get(60, TimeUnit.SECONDS)).as("tags seen").isPositive();
      }
      assertThat(vm.check().problems()).isEmpty();
    }
  }

  private static void churn(AddressSpace space, List<Future<Integer>> readers) {
    Random random = new Random(7);
    boolean[] mapped = new boolean[REGIONS];
    try (View view = space.view()) {
      for (int round = 0; round < ROUNDS && readers.stream().noneMatch(Future::isDone); round++) {
        int n = random.nextInt(REGIONS);
        if (mapped[n]) {
          space.unmap(address(n), PAGE);
        } else {
          space.mapAt(address(n), PAGE, Protection.READ_WRITE);
          view.putLong(address(n), TAG + n);
        }
        mapped[n] ^= true;
      }
    }
  }

  private static int use(AddressSpace space, Random random, boolean store, AtomicBoolean stop) {
    int seen = 0;
    try (View view = space.view()) {
      while (!stop.get()) {
        int n = random.nextInt(REGIONS);
        try {
          long value = random.nextBoolean() ? view.getLong(address(n)) : tryGet(view, n);
          assertThat(value).as("in region %d", n).isIn(0L, TAG + n);
          seen += value == 0 ? 0 : 1;
          if (store) {
            view.compareAndSetLong(address(n), TAG + n, TAG + n);
            view.putLong(address(n) + 8, TAG);
          }
        } catch (AccessViolationException _) {
          // unmapped at this moment
        }
      }
    }
    return seen;
  }

  private static long tryGet(View view, int n) {
    return view.tryGetLong(address(n), 0);
  }

  private static long address(int n) {
    return (n + 1) * REGION + (long) n * PAGE;
  }
}
