package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.mem.RawMemory;

/// The valid and dirty bits of a page against an array of chunks and one of bytes, at every page
/// size.
class PageContentModelTest {
  private static final int STEPS = 600;
  private static final int PAGE = 3;
  private static final int CHUNKS = 8;

  static Stream<Arguments> runs() {
    return IntStream.rangeClosed(12, 16)
        .boxed()
        .flatMap(shift ->
            Stream.of(1L, 2L, 3L, System.nanoTime()).map(s -> Arguments.of(1 << shift, s)));
  }

  private enum Op {
    SET_VALID,
    SET_VALID_CLEAN,
    SET_VALID_DIRTY,
    SET_DIRTY,
    CLEAR_DIRTY,
    CLEAR_WITHIN_END,
    CLEAR_WITHIN_START,
    SET_INVALID,
    DIRTY,
    UNDIRTY,
    TEST_DIRTY,
    ZERO_INVALID,
    STORE
  }

  @ParameterizedTest(name = "pages of {0} bytes, seed {1}")
  @MethodSource("runs")
  void behaveAsAnArrayOfChunks(int pageSize, long seed) {
    try (ContentParts machine = new ContentParts(pageSize)) {
      assertThat(machine.busy.tryHardBusy(PAGE)).isTrue();
      machine.pages.setIdentity(PAGE, 1, 2);
      Run run = new Run(machine, pageSize, seed);
      for (int step = 0; step < STEPS; step++) {
        run.step();
        run.compare();
      }
    }
  }

  private static final class Run {
    private final ContentParts machine;
    private final PageContent content;
    private final int pageSize;
    private final int chunk;
    private final Random random;
    private final List<String> history = new ArrayList<>();
    private final boolean[] valid = new boolean[CHUNKS];
    private final boolean[] dirty = new boolean[CHUNKS];
    private final byte[] bytes;
    private boolean modified;

    Run(ContentParts machine, int pageSize, long seed) {
      this.machine = machine;
      this.content = machine.content;
      this.pageSize = pageSize;
      this.chunk = pageSize / CHUNKS;
      this.random = new Random(seed);
      this.bytes = new byte[pageSize];
      history.add("pages of " + pageSize + " bytes, seed " + seed);
    }

    /// A place in the page, rather often at the edge of a chunk or beside one.
    private int place() {
      int edge = random.nextInt(CHUNKS + 1) * chunk;
      return switch (random.nextInt(4)) {
        case 0 -> edge;
        case 1 -> Math.min(pageSize, edge + 1);
        case 2 -> Math.max(0, edge - 1);
        default -> random.nextInt(pageSize + 1);
      };
    }

    @SuppressWarnings("EnumOrdinal") // nothing depends on the order
    void step() {
      int a = place();
      int b = place();
      int from = Math.min(a, b);
      int size = Math.max(a, b) - from;
      Op op = Op.values()[random.nextInt(Op.values().length)];
      history.add("%s %d for %d".formatted(op, from, size));
      switch (op) {
        case SET_VALID -> {
          content.setValid(PAGE, from, size);
          becomeValid(from, size);
        }
        case SET_VALID_CLEAN -> {
          content.setValidClean(PAGE, from, size);
          becomeValid(from, size);
          mark(dirty, from, size, false);
        }
        case SET_VALID_DIRTY -> {
          content.setValidDirty(PAGE, from, size);
          mark(valid, from, size, true);
          mark(dirty, from, size, true);
        }
        case SET_DIRTY -> {
          content.setDirty(PAGE, from, size);
          mark(dirty, from, size, true);
        }
        case CLEAR_DIRTY -> {
          content.clearDirty(PAGE, from, size);
          mark(dirty, from, size, false);
        }
        case CLEAR_WITHIN_END -> {
          content.clearDirtyWithinEnd(PAGE, from, size);
          int end = (from + size) / chunk * chunk;
          mark(dirty, from, Math.max(0, end - from), false);
        }
        case CLEAR_WITHIN_START -> {
          content.clearDirtyWithinStart(PAGE, from, size);
          int start = (from + chunk - 1) / chunk * chunk;
          mark(dirty, start, Math.max(0, from + size - start), false);
        }
        case SET_INVALID -> {
          content.setInvalid(PAGE, from, size);
          mark(valid, from, size, false);
          mark(dirty, from, size, false);
        }
        case ZERO_INVALID -> zeroInvalid(random.nextInt(8) == 0);
        case STORE -> store(from, size);
        default -> whole(op);
      }
    }

    private void whole(Op op) {
      switch (op) {
        case DIRTY -> {
          content.dirty(PAGE);
          Arrays.fill(dirty, true);
        }
        case UNDIRTY -> {
          content.undirty(PAGE);
          Arrays.fill(dirty, false);
        }
        case TEST_DIRTY -> {
          modified = random.nextBoolean();
          machine.modified.set(PAGE, modified);
          content.testDirty(PAGE);
          if (modified) {
            Arrays.fill(dirty, true);
          }
        }
        default -> throw new AssertionError(op);
      }
    }

    private void becomeValid(int from, int size) {
      for (int at = 0; size > 0 && at < pageSize; at++) {
        boolean outside = at < from || at >= from + size;
        boolean touched = at / chunk >= from / chunk && at / chunk <= (from + size - 1) / chunk;
        if (outside && touched && !valid[at / chunk]) {
          bytes[at] = 0;
        }
      }
      mark(valid, from, size, true);
    }

    private void zeroInvalid(boolean setValid) {
      content.zeroInvalid(PAGE, setValid);
      for (int at = 0; at < pageSize; at++) {
        bytes[at] = valid[at / chunk] ? bytes[at] : 0;
      }
      if (setValid) {
        Arrays.fill(valid, true);
      }
    }

    private void store(int from, int size) {
      byte value = (byte) (1 + random.nextInt(100));
      Arrays.fill(bytes, from, from + size, value);
      RawMemory.fill(machine.pages.address(PAGE) + from, size, value);
    }

    private void mark(boolean[] chunks, int from, int size, boolean now) {
      for (int at = from; at < from + size; at++) {
        chunks[at / chunk] = now;
      }
    }

    private static int bits(boolean[] chunks) {
      return IntStream.range(0, CHUNKS).map(n -> chunks[n] ? 1 << n : 0).sum();
    }

    void compare() {
      assertThat(machine.pages.valid(PAGE)).as(this::toString).isEqualTo(bits(valid));
      assertThat(machine.pages.dirty(PAGE)).as(this::toString).isEqualTo(bits(dirty));
      byte[] now = new byte[pageSize];
      RawMemory.copyToArray(machine.pages.address(PAGE), now, 0, pageSize);
      assertThat(Arrays.mismatch(now, bytes)).as(this::toString).isNegative();
      int a = place();
      int size = random.nextInt(pageSize - a + 1);
      boolean good = bits(valid) != 0;
      for (int at = a; at < a + size; at++) {
        good &= valid[at / chunk];
      }
      assertThat(content.isValid(PAGE, a, size)).as(this::toString).isEqualTo(good);
    }

    @Override
    public String toString() {
      return String.join("\n", history);
    }
  }
}
