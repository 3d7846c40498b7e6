package org.pondhawk.vm.page;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

class PageBusyTest {
  private static final int PAGE = 2;
  private static final String IDLE = "--- n=0";

  private final OwnMemory memory = new OwnMemory();
  private final FrameMemory frames = FrameMemory.reserve(4, 4096);
  private final PageArray pages = new PageArray(memory, frames, 1);
  private final PageBusy busy = new PageBusy(pages);

  private static VmThread thread() {
    return new VmThread("self", 0, false, 0);
  }

  private void setWord(int word) {
    RawMemory.setIntRelease(pages.word(PAGE, PageLayout.BUSY), word);
  }

  private int word() {
    return RawMemory.getIntAcquire(pages.word(PAGE, PageLayout.BUSY));
  }

  @AfterEach
  void noOtherPageIsBusy() {
    for (int page : new int[] {0, 1, 3}) {
      assertThat(busy.describe(page)).as("page %d", page).isEqualTo(IDLE);
    }
    frames.close();
    memory.close();
  }

  @Test
  void isOnlyHardBusyBesidesWhoSleepsForIt() {
    for (int word : new int[] {BusyWord.LOCKED, BusyWord.LOCKED | BusyWord.WANTED}) {
      setWord(word);
      assertThat(busy.isOnlyHardBusy(PAGE)).as(BusyWord.describe(word)).isTrue();
    }
    int[] others = {
      0, 1, BusyWord.LOCKED | 1, BusyWord.LOCKED | BusyWord.SWAPPING, BusyWord.WANTED
    };
    for (int word : others) {
      setWord(word);
      assertThat(busy.isOnlyHardBusy(PAGE)).as(BusyWord.describe(word)).isFalse();
    }
  }

  /// The rows of the table in [BusyWord]: what each needs, and what becomes of the word.
  enum Row {
    TRY_HARD_BUSY {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l || n > 0 ? REFUSED : word(true, w, s, n);
      }

      @Override
      boolean call(PageBusy busy) {
        return busy.tryHardBusy(PAGE);
      }
    },
    TRY_SOFT_BUSY {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l ? REFUSED : word(false, w, s, n + 1);
      }

      @Override
      boolean call(PageBusy busy) {
        return busy.trySoftBusy(PAGE);
      }
    },
    UNBUSY {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l ? word(false, false, s, n) : ILLEGAL;
      }

      @Override
      boolean call(PageBusy busy) {
        busy.unbusy(PAGE);
        return true;
      }
    },
    ADD_SOFT_BUSY {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l || n > 0 ? word(l, w, s, n + 1) : ILLEGAL;
      }

      @Override
      boolean call(PageBusy busy) {
        busy.addSoftBusy(PAGE);
        return true;
      }
    },
    DROP_SOFT_BUSY {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        boolean onlyWanted = !l && w && !s && n == 1;
        return n == 0 ? ILLEGAL : word(l, w && !onlyWanted, s, n - 1);
      }

      @Override
      boolean call(PageBusy busy) {
        busy.dropSoftBusy(PAGE);
        return true;
      }
    },
    FINISH_IO {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l && n > 0 ? word(true, w, s, n - 1) : ILLEGAL;
      }

      @Override
      boolean call(PageBusy busy) {
        busy.finishIo(PAGE);
        return true;
      }
    },
    BEGIN_SWAP {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return (l || n > 0) && !s ? word(l, w, true, n) : ILLEGAL;
      }

      @Override
      boolean call(PageBusy busy) {
        busy.beginSwap(PAGE);
        return true;
      }
    },
    END_SWAP {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return s ? word(l, w, false, n) : ILLEGAL;
      }

      @Override
      boolean call(PageBusy busy) {
        busy.endSwap(PAGE);
        return true;
      }
    },
    HARD_BUSY_BESIDE_SOFT {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l ? WAITS : word(true, w, s, n);
      }

      @Override
      boolean call(PageBusy busy) {
        busy.hardBusyBesideSoft(thread(), PAGE);
        return true;
      }
    },
    TRY_HARD_BUSY_BESIDE_SOFT {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l ? REFUSED : word(true, w, s, n);
      }

      @Override
      boolean call(PageBusy busy) {
        return busy.tryHardBusyBesideSoft(PAGE);
      }
    },
    TAKE_IDLE {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l || n > 0 ? ILLEGAL : word(true, w, s, n);
      }

      @Override
      boolean call(PageBusy busy) {
        busy.takeIdle(PAGE);
        return true;
      }
    },
    FLASH {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return word(l, false, s, n);
      }

      @Override
      boolean call(PageBusy busy) {
        busy.flash(PAGE);
        return true;
      }
    },
    REQUIRE_HARD_BUSY {
      @Override
      int after(boolean l, boolean w, boolean s, int n) {
        return l ? word(true, w, s, n) : ILLEGAL;
      }

      @Override
      boolean call(PageBusy busy) {
        busy.requireHardBusy(PAGE);
        return true;
      }
    };

    static final int REFUSED = -1 >>> 1;
    static final int ILLEGAL = REFUSED - 1;
    static final int WAITS = REFUSED - 2;

    static int word(boolean l, boolean w, boolean s, int n) {
      return (l ? 1 << 31 : 0) | (w ? 1 << 30 : 0) | (s ? 1 << 29 : 0) | n;
    }

    abstract int after(boolean l, boolean w, boolean s, int n);

    abstract boolean call(PageBusy busy);
  }

  @ParameterizedTest
  @EnumSource(Row.class)
  void everyRowOfTheTableHoldsFromEveryWord(Row row) {
    List<String> states = new ArrayList<>();
    for (int bits = 0; bits < 8; bits++) {
      for (int n = 0; n < 3; n++) {
        boolean l = (bits & 4) != 0;
        boolean w = (bits & 2) != 0;
        boolean s = (bits & 1) != 0;
        int before = Row.word(l, w, s, n);
        setWord(before);
        int expected = row.after(l, w, s, n);
        String from = BusyWord.describe(before);
        states.add(from);
        if (expected == Row.ILLEGAL) {
          assertThatThrownBy(() -> row.call(busy))
              .as("from %s", from)
              .isInstanceOf(VmPanic.class)
              .hasMessageContaining("page 2: busy ");
          assertThat(word()).as("from %s, unchanged", from).isEqualTo(before);
        } else if (expected == Row.REFUSED) {
          assertThat(row.call(busy)).as("from %s", from).isFalse();
          assertThat(word()).as("from %s", from).isEqualTo(before);
        } else if (expected != Row.WAITS) {
          assertThat(row.call(busy)).as("from %s", from).isTrue();
          assertThat(BusyWord.describe(word()))
              .as("from %s", from)
              .isEqualTo(BusyWord.describe(expected));
        }
      }
    }
    assertThat(states).hasSize(24).doesNotHaveDuplicates();
  }

  @ParameterizedTest
  @CsvSource({
    "0, --- n=0",
    "-2147483648, L-- n=0",
    "1073741824, -W- n=0",
    "536870912, --S n=0",
    "-536870909, LWS n=3",
    "536870911, --- n=536870911"
  })
  void theWordIsDescribedByLettersAndCount(int word, String text) {
    assertThat(BusyWord.describe(word)).isEqualTo(text);
  }

  @Test
  void theCountOfSoftHoldersDoesNotRunOver() {
    setWord(BusyWord.SOFT);
    assertThatThrownBy(() -> busy.trySoftBusy(PAGE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("too often: page 2: busy --- n=536870911");
    assertThatThrownBy(() -> busy.addSoftBusy(PAGE)).isInstanceOf(VmPanic.class);
    assertThat(word()).isEqualTo(BusyWord.SOFT);
  }

  @Test
  void thePanicShowsTheDecodedPage() {
    assertThatThrownBy(() -> busy.unbusy(PAGE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("released, but not hard-busy")
        .hasMessageContaining("page 2: busy --- n=0, flags none");
  }

  @Nested
  class Waiters {
    private Helper<Boolean> sleeper() {
      return Helper.start(() -> busy.sleepWhileBusy(thread(), PAGE)).awaitAsleep();
    }

    @Test
    void areNotMadeByAnIdlePage() {
      assertThat(busy.sleepWhileBusy(thread(), PAGE)).isFalse();
      assertThat(pages.flags(PAGE)).isZero();
    }

    @Test
    void areWokenByTheReleaseOfAHardBusyPage() {
      busy.tryHardBusy(PAGE);
      Helper<Boolean> sleeper = sleeper();
      assertThat(busy.describe(PAGE)).isEqualTo("LW- n=0");

      long from = System.nanoTime();
      busy.unbusy(PAGE);

      assertThat(sleeper.join()).isTrue();
      assertThat(System.nanoTime() - from).as("woken, not timed out").isLessThan(900_000_000L);
      assertThat(busy.describe(PAGE)).isEqualTo(IDLE);
    }

    @Test
    void areNotMadeBySoftHoldersWhereThoseAreNoHindrance() {
      busy.trySoftBusy(PAGE);
      assertThat(busy.sleepWhileHardBusy(thread(), PAGE)).isFalse();
      assertThat(busy.describe(PAGE)).isEqualTo("--- n=1");
      busy.dropSoftBusy(PAGE);
    }

    @Test
    void areWokenByTheReleaseOfAPageThatStaysSoftBusy() {
      busy.trySoftBusy(PAGE);
      assertThat(busy.tryHardBusyBesideSoft(PAGE)).isTrue();
      Helper<Boolean> sleeper =
          Helper.start(() -> busy.sleepWhileHardBusy(thread(), PAGE)).awaitAsleep();

      long from = System.nanoTime();
      busy.unbusy(PAGE);

      assertThat(sleeper.join()).isTrue();
      assertThat(System.nanoTime() - from).as("woken, not timed out").isLessThan(900_000_000L);
      busy.dropSoftBusy(PAGE);
      assertThat(busy.describe(PAGE)).isEqualTo(IDLE);
    }

    @Test
    void areWokenByAFlashWhichReleasesNothing() {
      busy.tryHardBusy(PAGE);
      Helper<Boolean> sleeper = sleeper();

      long from = System.nanoTime();
      busy.flash(PAGE);

      assertThat(sleeper.join()).isTrue();
      assertThat(System.nanoTime() - from).as("woken, not timed out").isLessThan(900_000_000L);
      assertThat(busy.describe(PAGE)).isEqualTo("L-- n=0");
      busy.unbusy(PAGE);
    }

    @Test
    void areWokenByTheLastSoftHolderOnly() {
      busy.trySoftBusy(PAGE);
      busy.trySoftBusy(PAGE);
      Helper<Boolean> sleeper = sleeper();
      assertThat(busy.describe(PAGE)).isEqualTo("-W- n=2");

      busy.dropSoftBusy(PAGE);
      assertThat(busy.describe(PAGE)).isEqualTo("-W- n=1");
      long from = System.nanoTime();
      busy.dropSoftBusy(PAGE);

      sleeper.join();
      assertThat(System.nanoTime() - from).isLessThan(900_000_000L);
      assertThat(busy.describe(PAGE)).isEqualTo(IDLE);
    }

    @Test
    void areToldByTheReleaseUnderASpinLockThatAWakeMustFollow() {
      busy.tryHardBusy(PAGE);
      assertThat(busy.release(PAGE)).isFalse();

      busy.tryHardBusy(PAGE);
      Helper<Boolean> sleeper = sleeper();
      assertThat(busy.release(PAGE)).isTrue();
      busy.wake(PAGE);
      sleeper.join();
    }

    @Test
    void countAsAReference() {
      busy.tryHardBusy(PAGE);
      Helper<Boolean> sleeper = sleeper();
      assertThat(pages.hasFlag(PAGE, PageFlags.REFERENCED)).isTrue();
      busy.unbusy(PAGE);
      sleeper.join();
    }

    @Test
    void forTheEndOfAnIoGetThePageBesideItsSoftHolders() {
      busy.tryHardBusy(PAGE);
      busy.addSoftBusy(PAGE);
      Helper<Boolean> completion =
          Helper.run(() -> busy.hardBusyBesideSoft(thread(), PAGE)).awaitAsleep();

      busy.unbusy(PAGE);
      completion.join();

      assertThat(busy.describe(PAGE)).isEqualTo("L-- n=1");
      busy.finishIo(PAGE);
      busy.unbusy(PAGE);
    }

    @Test
    void forAPageThatSwapsAreWokenByTheReleaseThatFollows() {
      busy.tryHardBusy(PAGE);
      busy.beginSwap(PAGE);
      Helper<Boolean> sleeper = sleeper();
      busy.endSwap(PAGE);
      assertThat(busy.describe(PAGE)).isEqualTo("LW- n=0");
      busy.unbusy(PAGE);
      sleeper.join();
    }
  }

  @Nested
  class UnderContention {
    @Test
    void hardBusyExcludes() {
      int[] plain = new int[1];
      int rounds = 20_000;
      Runnable body =
          () -> {
            VmThread self = thread();
            for (int i = 0; i < rounds; ) {
              if (busy.tryHardBusy(PAGE)) {
                plain[0]++;
                busy.unbusy(PAGE);
                i++;
              } else {
                busy.sleepWhileBusy(self, PAGE);
              }
            }
          };
      Helper<Boolean> one = Helper.run(body);
      Helper<Boolean> two = Helper.run(body);
      one.join();
      two.join();
      assertThat(plain[0]).isEqualTo(2 * rounds);
      assertThat(busy.isIdle(PAGE)).isTrue();
    }

    @Test
    void softHoldersOverlapAndExcludeAHardOne() {
      int rounds = 20_000;
      int[] plain = new int[2];
      Helper<Boolean> writer =
          Helper.run(() -> {
            VmThread self = thread();
            for (int i = 0; i < rounds; ) {
              if (busy.tryHardBusy(PAGE)) {
                plain[0]++;
                plain[1]++;
                busy.unbusy(PAGE);
                i++;
              } else {
                busy.sleepWhileBusy(self, PAGE);
              }
            }
          });
      Helper<Boolean> reader =
          Helper.run(() -> {
            VmThread self = thread();
            for (int i = 0; i < rounds; ) {
              if (busy.trySoftBusy(PAGE)) {
                busy.addSoftBusy(PAGE);
                assertThat(plain[0]).isEqualTo(plain[1]);
                busy.dropSoftBusy(PAGE);
                busy.dropSoftBusy(PAGE);
                i++;
              } else {
                busy.sleepWhileBusy(self, PAGE);
              }
            }
          });
      writer.join();
      reader.join();
      assertThat(busy.describe(PAGE)).isEqualTo(IDLE);
    }
  }
}
