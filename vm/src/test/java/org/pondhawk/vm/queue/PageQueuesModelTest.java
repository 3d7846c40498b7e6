package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.FrameMemory;
import org.pondhawk.vm.mem.OwnMemory;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.page.PageFlags;

/// The queues against plain lists, order included. The pages are chosen so that many share a
/// colour: page 1025 k has colour 0, whatever k.
class PageQueuesModelTest {
  private static final int STEPS = 2_000;
  private static final int FRAMES = 12_000;
  private static final int SHOWN = 60;
  private static final int[] PAGES = {
    0, 1025, 2050, 3075, 4100, 5125, 6150, 7175, 1, 1024, 2051, 7, 8, 1023
  };

  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 12), LongStream.of(System.nanoTime()));
  }

  private enum Op {
    ADD,
    REMOVE,
    REQUEUE,
    INSERT_MARKER,
    ADVANCE,
    REMOVE_MARKER
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void behaveAsPlainLists(long seed) {
    try (Run run = new Run(seed)) {
      for (int step = 0; step < STEPS; step++) {
        run.step();
        run.compare();
      }
    }
  }

  @Test
  void aQueuedOrUnqueueablePageCannotBeAdded() {
    try (Run run = new Run(1)) {
      run.add(0, PageQueue.ACTIVE, false);
      run.pages.lock(0);
      assertThatThrownBy(() -> run.queues.add(0, 0, PageQueue.FREE, true))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("page 0");
      run.pages.unlock(0);
      run.pages.setFlags(1, PageFlags.UNQUEUED);
      run.pages.lock(1);
      assertThatThrownBy(() -> run.queues.add(0, 1, PageQueue.FREE, true))
          .isInstanceOf(VmPanic.class);
      run.pages.unlock(1);
      run.compare();
    }
  }

  private static final class Run implements AutoCloseable {
    final OwnMemory memory = new OwnMemory();
    final FrameMemory frames = FrameMemory.reserve(FRAMES, 4096);
    final PageArray pages = new PageArray(memory, frames, 2);
    final VmStats stats = new VmStats(2);
    final PageQueues queues = new PageQueues(memory, pages, stats);
    private final Map<Integer, List<Integer>> model = new HashMap<>();
    private final List<String> history = new ArrayList<>();
    private final Random random;

    Run(long seed) {
      random = new Random(seed);
      history.add("var run = new Run(%dL);".formatted(seed));
    }

    private List<Integer> list(int queue) {
      return model.computeIfAbsent(queue, _ -> new ArrayList<>());
    }

    private @Nullable List<Integer> listWith(int page) {
      return model.values().stream().filter(l -> l.contains(page)).findAny().orElse(null);
    }

    @SuppressWarnings("EnumOrdinal") // nothing depends on the order
    void step() {
      int page = PAGES[random.nextInt(PAGES.length)];
      int marker = pages.marker(random.nextInt(2));
      PageQueue kind = PageQueue.values()[random.nextInt(5)];
      switch (Op.values()[random.nextInt(Op.values().length)]) {
        case ADD -> {
          if (listWith(page) == null) {
            add(page, kind, random.nextBoolean());
          }
        }
        case REMOVE -> remove(page);
        case REQUEUE -> requeue(page, kind);
        case INSERT_MARKER -> {
          if (listWith(marker) == null) {
            insertMarker(marker, kind.index(ColorPolicy.ofPage(page)));
          }
        }
        case ADVANCE -> advance(marker, random.nextBoolean());
        case REMOVE_MARKER -> removeMarker(marker);
      }
    }

    void add(int page, PageQueue kind, boolean atHead) {
      history.add("run.add(%d, PageQueue.%s, %b);".formatted(page, kind, atHead));
      pages.lock(page);
      queues.add(page & 1, page, kind, atHead);
      pages.unlock(page);
      List<Integer> list = list(kind.index(ColorPolicy.ofPage(page)));
      list.add(atHead || kind == PageQueue.FREE ? 0 : list.size(), page);
    }

    void remove(int page) {
      history.add("run.remove(%d);".formatted(page));
      pages.lock(page);
      int from = queues.remove(page & 1, page);
      pages.unlock(page);
      List<Integer> list = listWith(page);
      if (list == null) {
        assertThat(from).as(this::toString).isEqualTo(PageQueue.NONE);
      } else {
        assertThat(list(from)).as(this::toString).isSameAs(list);
        list.remove(/* element */ (Integer) page);
      }
    }

    void requeue(int page, PageQueue kind) {
      history.add("run.requeue(%d, PageQueue.%s);".formatted(page, kind));
      List<Integer> list = list(kind.index(ColorPolicy.ofPage(page)));
      boolean there = list.remove(/* element */ (Integer) page);
      assertThat(queues.requeue(page, kind)).as(this::toString).isEqualTo(there);
      if (there) {
        list.add(page);
      }
    }

    void insertMarker(int marker, int queue) {
      history.add("run.insertMarker(%d, %d);".formatted(marker, queue));
      queues.insertMarker(queue, marker);
      list(queue).addFirst(marker);
    }

    void removeMarker(int marker) {
      List<Integer> list = listWith(marker);
      if (list != null) {
        history.add("run.removeMarker(%d);".formatted(marker));
        queues.removeMarker(marker);
        list.remove(/* element */ (Integer) marker);
      }
    }

    void advance(int marker, boolean accept) {
      List<Integer> list = listWith(marker);
      if (list == null) {
        return;
      }
      history.add("run.advance(%d, %b);".formatted(marker, accept));
      int at = list.indexOf(marker);
      int expected = PageArray.NONE;
      if (at + 1 < list.size()) {
        int next = list.get(at + 1);
        Collections.swap(list, at, at + 1);
        expected = pages.isMarker(next) || !accept ? PageQueues.SKIPPED : next;
      }
      assertThat(queues.advance(marker, _ -> accept)).as(this::toString).isEqualTo(expected);
    }

    void compare() {
      long[] counts = new long[PageCount.values().length];
      for (Map.Entry<Integer, List<Integer>> entry : model.entrySet()) {
        int queue = entry.getKey();
        List<Integer> walked = new ArrayList<>();
        int before = PageArray.NONE;
        for (int p = queues.head(queue); p != PageArray.NONE; p = pages.next(p)) {
          assertThat(pages.prev(p)).as(this::toString).isEqualTo(before);
          assertThat(pages.queue(p)).as(this::toString).isEqualTo(queue);
          walked.add(p);
          before = p;
        }
        assertThat(walked).as(this::toString).isEqualTo(entry.getValue());
        int length = (int) walked.stream().filter(p -> !pages.isMarker(p)).count();
        assertThat(queues.length(queue)).as(this::toString).isEqualTo(length);
        PageCount counter = PageQueue.kindOf(queue).counter;
        counts[Arrays.asList(PageCount.values()).indexOf(counter)] += length;
      }
      stats.rollup();
      for (PageCount counter : PageCount.values()) {
        assertThat(stats.global(counter))
            .as("%s, %s", counter, this)
            .isEqualTo(counts[Arrays.asList(PageCount.values()).indexOf(counter)]);
      }
    }

    @Override
    public void close() {
      frames.close();
      memory.close();
    }

    @Override
    public String toString() {
      int skipped = Math.max(0, history.size() - SHOWN);
      return history.getFirst()
          + " // then "
          + skipped
          + " not shown\n"
          + String.join("\n", history.subList(skipped, history.size()))
          + "\n";
    }
  }
}
