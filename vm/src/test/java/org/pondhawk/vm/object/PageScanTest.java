package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.boot.TestMachine;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageBusy;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.sync.Helper;
import org.pondhawk.vm.sync.VmThread;

@Timeout(60)
class PageScanTest {
  private static final long SIZE = 1L << 32;
  private static final long[] PLACES = {
    0, 1, 2, 31, 32, 33, 1000, 1023, 1024, 32_768, 1 << 20, (1L << 32) - 2, (1L << 32) - 1
  };

  private final TestMachine machine = new TestMachine(512);
  private final PageArray pages = machine.vm.page().pages();
  private final PageBusy busy = machine.vm.page().busy();
  private final PageScan scan = machine.vm.pageOperations().scan();
  private final VmThread self = machine.self;
  private final VmObject object = machine.vm.objects().create(SIZE, machine.vm.nodes());

  @AfterEach
  void everythingIsFreedAndSound() {
    if (self.holds(object.token())) {
      object.token().unlock(self);
    }
    new ObjectReaper(
            machine.vm.objects(), machine.vm.page(), machine.vm.allocator(), machine.vm.mappings())
        .release(self, object);
    assertThat(VmCheck.run(machine.vm).problems()).isEmpty();
    machine.close();
  }

  /// Inserts a page; the token is held exclusively.
  private int insert(VmThread by, long pindex) {
    int page = machine.vm.allocator().allocate(by, (int) pindex, AllocClass.NORMAL);
    machine.vm.nodes().preload(by);
    machine.vm.owner().insert(by, object, pindex, page);
    busy.unbusy(page);
    return page;
  }

  private void remove(VmThread by, long pindex) {
    int page = object.resident().get(pindex);
    assertThat(busy.tryHardBusy(page)).isTrue();
    machine.vm.allocator().free(by, page);
  }

  private void insertAll() {
    object.token().lock(self, true);
    for (long place : PLACES) {
      insert(self, place);
    }
  }

  private List<Long> visited(long first, long last, boolean unchanged) {
    List<Long> seen = new ArrayList<>();
    PageScan.Visitor visitor =
        (_, page, pindex) -> {
          assertThat(pages.pindex(page)).isEqualTo(pindex);
          assertThat(pages.object(page)).isEqualTo(object.slot());
          seen.add(pindex);
          return 2;
        };
    long sum =
        unchanged
            ? scan.scanUnchanged(self, object, first, last, visitor)
            : scan.scan(self, object, first, last, visitor);
    assertThat(sum).isEqualTo(2L * seen.size());
    return seen;
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void visitsWhatIsInTheRangeBothEndsIncludedInOrder(boolean unchanged) {
    insertAll();
    for (long first : PLACES) {
      for (long last : PLACES) {
        List<Long> expected = new ArrayList<>();
        for (long place : PLACES) {
          if (first <= place && place <= last) {
            expected.add(place);
          }
        }
        assertThat(visited(first, last, unchanged)).as("%d to %d", first, last).isEqualTo(expected);
      }
    }
    assertThat(visited(3, 30, unchanged)).isEmpty();
    assertThat(visited(0, Long.MAX_VALUE, unchanged)).hasSize(PLACES.length);
    assertThat(visited(SIZE, Long.MAX_VALUE, unchanged)).isEmpty();
    assertThat(visited(-1, -1, unchanged)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void ofAnEmptyObjectVisitsNothing(boolean unchanged) {
    object.token().lock(self, false);
    assertThat(visited(0, Long.MAX_VALUE, unchanged)).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void endsWithTheFirstResultBelowZero(boolean unchanged) {
    insertAll();
    List<Long> seen = new ArrayList<>();
    PageScan.Visitor visitor =
        (_, _, pindex) -> {
          seen.add(pindex);
          return pindex == 32 ? -5 : 7;
        };
    long result =
        unchanged
            ? scan.scanUnchanged(self, object, 1, SIZE, visitor)
            : scan.scan(self, object, 1, SIZE, visitor);
    assertThat(result).isEqualTo(-5);
    assertThat(seen).containsExactly(1L, 2L, 31L, 32L);
  }

  @Test
  void withoutTheTokenIsAPanic() {
    assertThatThrownBy(() -> scan.scan(self, object, 0, 1, (_, _, _) -> 0))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("without its token");
    assertThatThrownBy(() -> scan.scanUnchanged(self, object, 0, 1, (_, _, _) -> 0))
        .isInstanceOf(VmPanic.class);
    insertAll();
    assertThatThrownBy(() ->
            scan.scan(
                self,
                object,
                0,
                1,
                (by, _, _) -> {
                  object.token().unlock(by);
                  return 0;
                }))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("without its token");
  }

  @Test
  void thatReliesOnNoChangeNoticesOne() {
    insertAll();
    assertThatThrownBy(() ->
            scan.scanUnchanged(
                self,
                object,
                0,
                SIZE,
                (by, _, pindex) -> {
                  remove(by, pindex);
                  return 1;
                }))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("changed under a scan");
  }

  @Test
  void mayTakeOutEveryPageThatItVisits() {
    insertAll();
    long count =
        scan.scan(
            self,
            object,
            0,
            SIZE,
            (by, _, pindex) -> {
              remove(by, pindex);
              return 1;
            });
    assertThat(count).isEqualTo(PLACES.length);
    assertThat(object.resident().size()).isZero();
  }

  @Test
  void maySleepWhileAnotherThreadChangesTheObject() {
    insertAll();
    List<Long> seen = new ArrayList<>();
    int blocker = object.resident().get(0);
    busy.takeIdle(blocker);
    long sum =
        scan.scan(
            self,
            object,
            0,
            SIZE,
            (by, page, pindex) -> {
              seen.add(pindex);
              if (page == blocker) {
                Helper<Boolean> other = changing(blocker);
                busy.sleepWhileBusy(by, blocker);
                other.join();
              }
              return 1;
            });
    assertThat(seen).startsWith(0L, 1L, 5L, 31L).doesNotContain(2L);
    assertThat(sum).isEqualTo(PLACES.length);
  }

  /// Takes 2 out, puts 5 in, and lets go of a page.
  private Helper<Boolean> changing(int blocker) {
    return Helper.run(() -> {
      VmThread other = machine.vm.newThread("other");
      object.token().lock(other, true);
      remove(other, 2);
      insert(other, 5);
      object.token().unlock(other);
      machine.vm.nodes().unload(other);
      busy.unbusy(blocker);
    });
  }

  // ---- against a model

  private interface Scan {
    long run(long first, long last, PageScan.Visitor visitor);
  }

  private long sound(long first, long last, PageScan.Visitor visitor) {
    return scan.scan(self, object, first, last, visitor);
  }

  /// One that goes by what was there when it began.
  private long byAList(long first, long last, PageScan.Visitor visitor) {
    TreeMap<Long, Integer> then = new TreeMap<>();
    for (long at = object.resident().next(0); at >= 0; at = object.resident().next(at + 1)) {
      then.put(at, object.resident().get(at));
    }
    long sum = 0;
    for (var entry : then.subMap(first, true, last, true).entrySet()) {
      sum += visitor.visit(self, entry.getValue(), entry.getKey());
    }
    return sum;
  }

  /// Runs scans whose visitor changes the object anywhere.
  ///
  /// @return what was wrong, or nothing
  private String changeUnder(Scan tested, long seed) {
    Random random = new Random(seed);
    List<String> history = new ArrayList<>(List.of("seed " + seed));
    Set<Long> resident = new HashSet<>();
    object.token().lock(self, true);
    for (int round = 0; round < 60; round++) {
      Set<Long> always = new HashSet<>(resident);
      Set<Long> ever = new HashSet<>(resident);
      long first = random.nextInt(200);
      long last = first + random.nextInt(200);
      history.add("scan %d to %d".formatted(first, last));
      List<Long> seen = new ArrayList<>();
      List<String> wrong = new ArrayList<>();
      tested.run(
          first,
          last,
          (_, page, pindex) -> {
            boolean there = object.resident().get(pindex) == page;
            boolean behind = !seen.isEmpty() && pindex <= seen.getLast();
            if (!there || behind || pindex < first || pindex > last) {
              wrong.add("visited page %d at %d".formatted(page, pindex));
            }
            seen.add(pindex);
            if (resident.contains(pindex) && random.nextInt(3) == 0) {
              toggle(pindex, resident, always, ever, history);
            }
            for (int n = random.nextInt(4); n > 0; n--) {
              toggle(random.nextInt(400), resident, always, ever, history);
            }
            return 1;
          });
      always.removeIf(at -> at < first || at > last);
      if (!wrong.isEmpty() || !seen.containsAll(always) || !ever.containsAll(seen)) {
        return wrong + " " + history;
      }
      for (int n = 0; n < 20; n++) {
        toggle(random.nextInt(400), resident, always, ever, history);
      }
    }
    return "";
  }

  private void toggle(
      long at, Set<Long> resident, Set<Long> always, Set<Long> ever, List<String> history) {
    if (resident.remove(at)) {
      history.add("remove " + at);
      always.remove(at);
      remove(self, at);
    } else if (resident.size() < 100) {
      history.add("insert " + at);
      resident.add(at);
      ever.add(at);
      insert(self, at);
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 0})
  void bearsAnyChangeByItsVisitor(long fixed) {
    long seed = fixed == 0 ? System.nanoTime() : fixed;
    assertThat(changeUnder(this::sound, seed)).as("seed %d", seed).isEmpty();
  }

  @Test
  void thatGoesByAListIsNoticed() {
    assertThat(changeUnder(this::byAList, 1)).as("the canary").contains("visited page");
  }
}
