package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.page.PageFlags;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.Tunable;
import org.pondhawk.vm.sync.VmThread;

/// An object with a page at 7 that may have several mappings, and a hash of one set.
class PageHashTest {
  private static final long TICK = 1L << 24;

  private final TestMachine machine = new TestMachine(256);
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final VmThread self = machine.self;
  private final OwnMemory memory = new OwnMemory();
  private final AtomicLong nanos = new AtomicLong(100 * TICK);
  private final Tunable filesOnly = Tunable.live("test", 0, 1, 0, "a test");
  private final PageHash hash = hash(4);
  private final VmObject object = machine.vm.objects().create(100, machine.vm.nodes());
  private final int page = insert(object, 7);

  private PageHash hash(int entries) {
    return new PageHash(memory, pages, busy, nanos::get, entries, filesOnly);
  }

  private int insert(VmObject to, long pindex) {
    int made = machine.vm.allocator().allocate(self, 0, AllocClass.NORMAL);
    put(to, pindex, made);
    pages.setFlags(made, PageFlags.MAPPED_MULTI);
    busy.unbusy(made);
    return made;
  }

  private void put(VmObject to, long pindex, int made) {
    machine.vm.nodes().preload(self);
    to.token().lock(self, true);
    machine.vm.owner().insert(self, to, pindex, made);
    to.token().unlock(self);
  }

  private void reap(VmObject gone) {
    new ObjectReaper(
            machine.vm.objects(), machine.vm.page(), machine.vm.allocator(), machine.vm.mappings())
        .release(self, gone);
  }

  @AfterEach
  void everythingIsIdleAndSound() {
    for (int n = 0; n < pages.frameCount(); n++) {
      assertThat(busy.isIdle(n)).as(pages.describe(n)).isTrue();
    }
    reap(object);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
    memory.close();
  }

  private boolean knows(VmObject owner, long pindex) {
    int found = hash.get(owner, pindex);
    if (found == PageArray.NONE) {
      return false;
    }
    assertThat(pages.pindex(found)).isEqualTo(pindex);
    assertThat(pages.object(found)).isEqualTo(owner.slot());
    busy.dropSoftBusy(found);
    return true;
  }

  @Nested
  class AHit {
    @Test
    void isSoftBusy() {
      hash.enter(object, 7, page);
      assertThat(hash.get(object, 7)).isEqualTo(page);
      assertThat(busy.describe(page)).isEqualTo("--- n=1");
      busy.dropSoftBusy(page);
    }

    @Test
    void saysNothingOfItsContent() {
      hash.enter(object, 7, page);
      assertThat(pages.valid(page)).isZero();
      assertThat(knows(object, 7)).isTrue();
    }

    @Test
    void isWhatALookupWithTheTokenEntered() {
      PageFinder finder =
          new PageFinder(machine.vm.page(), machine.vm.pageOperations().content(), hash);
      object.token().lock(self, false);
      assertThat(finder.find(self, object, 7)).isEqualTo(page);
      assertThat(finder.find(self, object, 8)).isEqualTo(PageArray.NONE);
      object.token().unlock(self);
      assertThat(knows(object, 7)).isTrue();
    }

    @Test
    void isNotTakenFromWhoHasThePageHardBusy() {
      hash.enter(object, 7, page);
      busy.takeIdle(page);
      assertThat(hash.get(object, 7)).isEqualTo(PageArray.NONE);
      busy.unbusy(page);
      assertThat(knows(object, 7)).isTrue();
    }
  }

  @Nested
  class AnEntry {
    @Test
    void isNotMadeForAPageThatOneMappingShows() {
      pages.clearFlags(page, PageFlags.MAPPED_MULTI);
      hash.enter(object, 7, page);
      assertThat(knows(object, 7)).isFalse();
    }

    @Test
    void isNotMadeForAFictitiousPageOrOneBehindTheArray() {
      pages.setFlags(page, PageFlags.FICTITIOUS);
      hash.enter(object, 7, page);
      pages.clearFlags(page, PageFlags.FICTITIOUS);
      int marker = pages.marker(0);
      int was = pages.flags(marker);
      pages.clearFlags(marker, ~0);
      pages.setFlags(marker, PageFlags.MAPPED_MULTI);
      hash.enter(object, 7, marker);
      pages.clearFlags(marker, ~0);
      pages.setFlags(marker, was);
      assertThat(hash.peek(object, 7)).isEqualTo(PageArray.NONE);
    }

    @Test
    void isNotMadeWhereOnlyFilesAreWanted() {
      filesOnly.set(1);
      hash.enter(object, 7, page);
      assertThat(knows(object, 7)).isFalse();
      filesOnly.set(0);
      hash.enter(object, 7, page);
      assertThat(knows(object, 7)).isTrue();
    }

    @Test
    void isNotMadeWithoutATable() {
      PageHash none = hash(0);
      none.enter(object, 7, page);
      assertThat(none.get(object, 7)).isEqualTo(PageArray.NONE);
      assertThat(none.peek(object, 7)).isEqualTo(PageArray.NONE);
      assertThat(memory.totalBytes()).isEqualTo(PageHash.bytesFor(4));
    }

    @Test
    void isStaleOnceThePageWasMoved() {
      hash.enter(object, 7, page);
      busy.takeIdle(page);
      object.token().lock(self, true);
      machine.vm.owner().remove(self, page);
      object.token().unlock(self);
      busy.unbusy(page);
      assertThat(knows(object, 7)).isFalse();
      busy.takeIdle(page);
      put(object, 8, page);
      busy.unbusy(page);
      assertThat(knows(object, 7)).isFalse();
      hash.enter(object, 8, page);
      assertThat(knows(object, 8)).isTrue();
    }

    @Test
    void isStaleOnceThePageWasFreed() {
      hash.enter(object, 7, page);
      busy.takeIdle(page);
      machine.vm.allocator().free(self, page);
      assertThat(knows(object, 7)).isFalse();
    }

    @Test
    void isNotOfTheNextObjectInItsSlot() {
      VmObject first = machine.vm.objects().create(10, machine.vm.nodes());
      int its = insert(first, 3);
      hash.enter(first, 3, its);
      reap(first);
      VmObject next = machine.vm.objects().create(10, machine.vm.nodes());
      assertThat(next.slot()).isEqualTo(first.slot());
      int another = insert(next, 3);
      assertThat(hash.peek(next, 3)).as("even if the page is the same").isEqualTo(PageArray.NONE);
      hash.enter(next, 3, another);
      assertThat(knows(next, 3)).isTrue();
      reap(next);
    }

    @Test
    void thatNamesAStrangerIsAMiss() {
      int other = insert(object, 9);
      hash.enter(object, 7, other); // as two threads that write one entry can leave it
      assertThat(hash.get(object, 7)).isEqualTo(PageArray.NONE);
      assertThat(hash.peek(object, 7)).isEqualTo(PageArray.NONE);
    }

    @Test
    void isMadeOnceForOnePage() {
      for (long at = 0; at < 3; at++) {
        insert(object, at);
        hash.enter(object, at, object.resident().get(at));
      }
      for (int again = 0; again < 10; again++) {
        hash.enter(object, 7, page);
      }
      for (long at = 0; at < 3; at++) {
        assertThat(knows(object, at)).as("at %d", at).isTrue();
      }
    }
  }

  /// The hash against lists of what a set should hold.
  @Nested
  class TheVictim {
    private static final int KEYS = 12;
    private final int[] at = new int[KEYS];

    private record Model(List<int[]> entries, boolean asTheSource) {
      int find(int key) {
        for (int way = 0; way < entries.size(); way++) {
          if (entries.get(way)[0] == key) {
            return way;
          }
        }
        return -1;
      }

      private static int age(int[] entry, int ticks) {
        int age = ticks - entry[1];
        return entry[0] < 0 || age < -1 ? Integer.MAX_VALUE : age;
      }

      void enter(int key, int ticks) {
        int way = find(key);
        if (way < 0) {
          way = 0;
          for (int i = 1; i < entries.size(); i++) {
            int[] best = entries.get(asTheSource ? 0 : way);
            if (age(entries.get(i), ticks) > Math.max(0, age(best, ticks))) {
              way = i;
            }
          }
        }
        entries.set(way, new int[] {key, ticks});
      }
    }

    private static Model model(boolean asTheSource) {
      List<int[]> entries = new ArrayList<>();
      for (int way = 0; way < PageHash.WAYS; way++) {
        entries.add(new int[] {-1, 0});
      }
      return new Model(entries, asTheSource);
    }

    private String firstDifference(long seed, Model model) {
      Random random = new Random(seed);
      List<String> history = new ArrayList<>();
      for (int step = 0; step < 3_000; step++) {
        long ticks = nanos.get() / TICK;
        ticks += random.nextInt(20) == 0 ? -random.nextInt(12) : random.nextInt(3);
        nanos.set(ticks * TICK);
        int key = random.nextInt(KEYS);
        boolean get = random.nextBoolean();
        history.add((get ? "get " : "enter ") + key + " at " + ticks);
        if (!get) {
          hash.enter(object, key, at[key]);
          model.enter(key, (int) ticks);
        } else {
          int way = model.find(key);
          if (knows(object, key) != way >= 0) {
            return history.toString();
          }
          if (way >= 0) {
            model.entries().get(way)[1] = (int) ticks;
          }
        }
      }
      return "";
    }

    private void insertAll() {
      for (int key = 0; key < KEYS; key++) {
        at[key] = key == 7 ? page : insert(object, key);
      }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 0})
    void isTheOldest(long fixed) {
      long seed = fixed == 0 ? System.nanoTime() : fixed;
      insertAll();
      assertThat(firstDifference(seed, model(false))).as("seed %d", seed).isEmpty();
    }

    @Test
    void isNotTheOneThatTheSourceTakes() {
      insertAll();
      assertThat(firstDifference(1, model(true))).as("the canary").isNotEmpty();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "1, 4096",
    "65536, 4096",
    "262144, 16384",
    "4194304, 262144",
    "134217728, 8388608",
    "1073741824, 8388608"
  })
  void hasSoManyEntriesForAMachine(int frames, int entries) {
    assertThat(PageHash.entriesFor(frames)).isEqualTo(entries);
    assertThat(PageHash.bytesFor(entries)).isEqualTo(32L * entries);
  }

  @ParameterizedTest
  @CsvSource({"0, 0", "1, 4", "4, 4", "5, 8", "4096, 4096", "4097, 8192", "8388608, 8388608"})
  void roundsAWishUp(int wanted, int entries) {
    assertThat(PageHash.roundUp(wanted)).isEqualTo(entries);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 12, -4})
  void refusesATableThatIsNoPowerOfTwo(int entries) {
    assertThatThrownBy(() -> hash(entries))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining(entries + " entries");
  }

  @Test
  void neighboursHaveNeighbouringSets() {
    PageHash large = hash(4096);
    long first = large.set(object, 40);
    assertThat(first % PageHash.WAYS).isZero();
    assertThat(large.set(object, 41)).isEqualTo((first + 4) % 4096);
    assertThat(large.set(object, 40 + 1024)).isEqualTo(first);
    long crc = Integer.toUnsignedLong(Crc32c.of(object.id()));
    long asSpecified = ((4 * crc) ^ ((4 * crc) >>> 21)) + 4 * 40;
    assertThat(first).isEqualTo(asSpecified % 4096 / 4 * 4);
  }
}
