package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.mem.RawMemory;

/// Accesses while the memory of their entries comes and goes: every region has one page, so the
/// last unmapping of a region drops its piece of the table, and others take what that gave back.
@ParameterizedClass(name = "{0}")
@EnumSource(value = PageTables.class, names = "AUTO", mode = EnumSource.Mode.EXCLUDE)
class TableChurnTest {
  private static final int PAGE = 4096;
  private static final long REGION = 512 * PAGE;
  private static final int REGIONS = 12;
  private static final int ROUNDS = 2_000;
  private static final long TAG = 0x5a00_0000L;

  private final PageTables tables;

  TableChurnTest(PageTables tables) {
    this.tables = tables;
  }

  private VirtualMemory boot() {
    VmConfig.Builder config = VmConfig.builder().physicalMemory(4 << 20).pageTables(tables);
    return VirtualMemory.boot(config.poisonFreedFrames(true).build());
  }

  /// A load that stalls after it has asked where its entry is, step by step: meanwhile the region
  /// is unmapped, its memory given back, and another region mapped.
  @Nested
  class AStalledLoad implements AutoCloseable {
    private final VirtualMemory vm = boot();
    private final AddressSpace space = vm.newAddressSpace();
    private final View view = space.view();
    private final long address = address(0);
    private final long other = address(1);
    private final long slot;

    AStalledLoad() {
      space.mapAt(address, PAGE, Protection.READ_WRITE);
      view.putLong(address, TAG);
      slot = view.slot(address);
      space.unmap(address, PAGE);
      space.mapAt(other, PAGE, Protection.READ_WRITE);
      view.putLong(other, TAG + 1);
    }

    @AfterEach
    @Override
    public void close() {
      try (vm) {
        assertThat(vm.check().problems()).isEmpty();
      }
    }

    private long goOn() {
      long pte = view.beginLoad(slot, address);
      long value = RawMemory.getLong(view.at(pte, address));
      return view.endLoad(slot, pte) ? value : view.getLong(address);
    }

    @Test
    void findsNothingMapped() {
      assertThatThrownBy(this::goOn).isInstanceOf(AccessViolationException.class);
    }

    @Test
    void findsWhatIsMappedThereNow() {
      space.mapAt(address, PAGE, Protection.READ_WRITE);
      assertThat(goOn()).isZero();
      view.putLong(address, TAG + 2);
      assertThat(goOn()).isEqualTo(TAG + 2);
    }

    @Test
    void doesNotBelieveAnEntryThatWentAway() {
      assumeThat(LoadMode.GUARDED).as("the unmapping waits for it").isFalse();
      long pte = view.beginLoad(view.slot(other), other);
      long old = view.slot(other);
      space.unmap(other, PAGE);
      assertThat(view.endLoad(old, pte)).isFalse();
    }

    /// The canary: had the place been given to the other region, its bytes would be believed.
    @Test
    void wouldBelieveAnothersEntryInItsPlace() {
      RawMemory.setLongVolatile(slot, RawMemory.getLongVolatile(view.slot(other)));
      assertThat(goOn()).isEqualTo(TAG + 1);
      RawMemory.setLongVolatile(slot, 0);
    }
  }

  /// A thread sees its own tag at an address, zeros, or that nothing is mapped; never what was
  /// stored at another.
  @ParameterizedTest(name = "readers that also store: {0}")
  @ValueSource(booleans = {false, true})
  void everyAddressHasItsOwnContentOrNone(boolean store) throws Exception {
    AtomicBoolean stop = new AtomicBoolean();
    try (VirtualMemory vm = boot();
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
