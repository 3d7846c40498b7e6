package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.RawMemory;
import org.pondhawk.vm.page.PageFlags;

/// The vectors of the reference, for pages of 4096 bytes, and what the operations refuse.
class PageContentTest {
  private static final int PAGE = 3;
  private static final int SIZE = 4096;

  private final ContentParts machine = new ContentParts(SIZE);
  private final PageContent content = machine.content;

  @BeforeEach
  void aPageFullOfOldBytes() {
    assertThat(machine.busy.tryHardBusy(PAGE)).isTrue();
    machine.frames.poison(PAGE);
  }

  @AfterEach
  void close() {
    machine.close();
  }

  private int valid() {
    return machine.pages.valid(PAGE);
  }

  private int dirty() {
    return machine.pages.dirty(PAGE);
  }

  /// Whether a range was zeroed, and nothing beside it.
  private void assertZeroed(String... ranges) {
    byte[] bytes = new byte[SIZE];
    RawMemory.copyToArray(machine.pages.address(PAGE), bytes, 0, SIZE);
    boolean[] zero = new boolean[SIZE];
    for (String range : ranges) {
      List<String> ends = List.of(range.split("-", 2));
      for (int i = Integer.parseInt(ends.getFirst()); i < Integer.parseInt(ends.getLast()); i++) {
        zero[i] = true;
      }
    }
    for (int i = 0; i < SIZE; i++) {
      assertThat(bytes[i] == 0).as("byte %d", i).isEqualTo(zero[i]);
    }
  }

  @Nested
  class Fragments {
    @Test
    void onBothSidesOfARangeInOneChunkAreZeroed() {
      content.setValid(PAGE, 100, 10);
      assertThat(valid()).isEqualTo(0x01);
      assertZeroed("0-100", "110-512");
    }

    @Test
    void ofAChunkThatWasValidAreLeft() {
      content.setValid(PAGE, 0, 512);
      machine.frames.poison(PAGE);
      content.setValid(PAGE, 100, 10);
      assertThat(valid()).isEqualTo(0x01);
      assertZeroed();
    }

    @Test
    void ofTheFirstAndTheLastChunkAreZeroed() {
      content.setValidClean(PAGE, 500, 1000);
      assertThat(valid()).isEqualTo(0x07);
      assertZeroed("0-500", "1500-1536");
    }

    @Test
    void areLeftWhereTheCallerHasWrittenWholeChunks() {
      content.setValidDirty(PAGE, 500, 1000);
      assertThat(valid()).isEqualTo(0x07);
      assertThat(dirty()).isEqualTo(0x07);
      assertThat(machine.toldDirty).containsExactly(PAGE);
      assertZeroed();
    }

    @Test
    void ofNothingAreNone() {
      content.setValid(PAGE, 100, 0);
      assertThat(valid()).isZero();
      assertZeroed();
    }
  }

  @Nested
  class Cleaning {
    @ParameterizedTest(name = "{2} of {1} bytes from {0} leaves {3}")
    @CsvSource({
      "0, 700, both, fc",
      "0, 700, end, fe",
      "100, 200, end, ff",
      "100, 3996, start, 01",
      "100, 200, start, ff",
      "512, 512, start, fd",
      "512, 512, end, fd",
      "0, 4096, both, 00",
      "0, 0, end, ff"
    })
    void roundsAsTheFormSays(int offset, int size, String form, String left) {
      content.dirty(PAGE);
      switch (form) {
        case "end" -> content.clearDirtyWithinEnd(PAGE, offset, size);
        case "start" -> content.clearDirtyWithinStart(PAGE, offset, size);
        default -> content.clearDirty(PAGE, offset, size);
      }
      assertThat(dirty()).isEqualTo(Integer.parseInt(left, 16));
    }

    @Test
    void ofAWholePageAloneEndsThatItIsPassedBy() {
      machine.pages.setFlags(PAGE, PageFlags.NO_SYNC);
      content.clearDirty(PAGE, 0, SIZE - 1);
      assertThat(machine.pages.hasFlag(PAGE, PageFlags.NO_SYNC)).isTrue();
      content.setValidClean(PAGE, 0, SIZE);
      assertThat(machine.pages.hasFlag(PAGE, PageFlags.NO_SYNC)).isFalse();
    }

    @Test
    void byClearingAllOfItsDirtEndsThatItIsPassedBy() {
      machine.pages.setFlags(PAGE, PageFlags.NO_SYNC);
      content.clearDirty(PAGE, 0, SIZE);
      assertThat(machine.pages.hasFlag(PAGE, PageFlags.NO_SYNC)).isFalse();
    }

    @Test
    void bySettingValidLosesWhatElseIsDirtyInTheChunk() {
      content.setValidDirty(PAGE, 0, SIZE);
      content.setValidClean(PAGE, 600, 1);
      assertThat(dirty()).isEqualTo(0xfd);
      content.undirty(PAGE);
      assertThat(dirty()).isZero();
      assertThat(valid()).isEqualTo(0xff);
    }
  }

  @Nested
  class Dirt {
    @Test
    void isToldToTheOwnerOnce() {
      content.dirty(PAGE);
      content.dirty(PAGE);
      assertThat(dirty()).isEqualTo(0xff);
      assertThat(machine.toldDirty).containsExactly(PAGE);
    }

    @Test
    void ofARangeIsToldToTheOwner() {
      content.setDirty(PAGE, 0, 1);
      assertThat(machine.toldDirty).containsExactly(PAGE);
      content.setValidDirty(PAGE, 0, 1);
      assertThat(machine.toldDirty).containsExactly(PAGE, PAGE);
    }

    @Test
    void isFoundInMappings() {
      content.testDirty(PAGE);
      assertThat(dirty()).isZero();
      machine.modified.set(PAGE);
      content.testDirty(PAGE);
      assertThat(dirty()).isEqualTo(0xff);
    }

    @Test
    void mayLieOutsideOfWhatIsValid() {
      content.setDirty(PAGE, 512, 1);
      assertThat(dirty()).isEqualTo(0x02);
      assertThat(valid()).isZero();
    }

    @Test
    void comesWithACopy() {
      assertThat(machine.busy.trySoftBusy(5)).isTrue();
      RawMemory.fill(machine.pages.address(5), SIZE, (byte) 7);
      content.copy(5, PAGE);
      assertThat(RawMemory.allBytesAre(machine.pages.address(PAGE), SIZE, (byte) 7)).isTrue();
      assertThat(valid() & dirty()).isEqualTo(0xff);
      assertThat(machine.toldDirty).containsExactly(PAGE);
    }
  }

  @Nested
  class InvalidChunks {
    @Test
    void areZeroedRunByRun() {
      content.setValidDirty(PAGE, 512, 1024);
      content.setValidDirty(PAGE, 3584, 512);
      content.zeroInvalid(PAGE, false);
      assertZeroed("0-512", "1536-3584");
      assertThat(valid()).isEqualTo(0x86);
      content.zeroInvalid(PAGE, true);
      assertThat(valid()).isEqualTo(0xff);
    }

    @Test
    void areMadeByLosingBytes() {
      machine.pages.setIdentity(PAGE, 1, 2);
      content.setValidDirty(PAGE, 0, SIZE);
      content.setInvalid(PAGE, 511, 2);
      assertThat(valid()).isEqualTo(0xfc);
      assertThat(dirty()).isEqualTo(0xfc);
      assertThat(machine.toldInvalid).containsExactly(PAGE);
    }

    @Test
    void decideWhetherARangeIsGood() {
      assertThat(content.isValid(PAGE, 0, 0)).isFalse();
      content.setValidDirty(PAGE, 512, 1024);
      assertThat(content.isValid(PAGE, 0, 0)).isTrue();
      assertThat(content.isValid(PAGE, 600, 900)).isTrue();
      assertThat(content.isValid(PAGE, 511, 2)).isFalse();
      assertThat(content.isValid(PAGE, 0, SIZE)).isFalse();
    }

    @Test
    void areNoneToAFillOfZeros() {
      content.zeroFill(PAGE);
      assertZeroed("0-4096");
      assertThat(valid()).isZero();
    }
  }

  private static Named<Consumer<PageContent>> operation(String name, Consumer<PageContent> body) {
    return Named.of(name, body);
  }

  /// Everything that needs the page hard-busy.
  static final List<Named<Consumer<PageContent>>> EXCLUSIVE =
      List.of(
          operation("setValid", c -> c.setValid(PAGE, 0, 1)),
          operation("setValidClean", c -> c.setValidClean(PAGE, 0, 1)),
          operation("setValidDirty", c -> c.setValidDirty(PAGE, 0, 1)),
          operation("setDirty", c -> c.setDirty(PAGE, 0, 1)),
          operation("clearDirty", c -> c.clearDirty(PAGE, 0, 1)),
          operation("clearDirtyWithinEnd", c -> c.clearDirtyWithinEnd(PAGE, 0, 1)),
          operation("clearDirtyWithinStart", c -> c.clearDirtyWithinStart(PAGE, 0, 1)),
          operation("setInvalid", c -> c.setInvalid(PAGE, 0, 1)),
          operation("undirty", c -> c.undirty(PAGE)),
          operation("testDirty", c -> c.testDirty(PAGE)),
          operation("zeroInvalid", c -> c.zeroInvalid(PAGE, true)),
          operation("zeroFill", c -> c.zeroFill(PAGE)),
          operation("copy", c -> c.copy(5, PAGE)));

  /// Everything that makes a page dirty.
  static Stream<Named<Consumer<PageContent>>> soiling() {
    return Stream.of(
        operation("setValidDirty", c -> c.setValidDirty(PAGE, 0, 1)),
        operation("setDirty", c -> c.setDirty(PAGE, 0, 1)),
        operation("dirty", c -> c.dirty(PAGE)));
  }

  @ParameterizedTest(name = "{0}")
  @FieldSource("EXCLUSIVE")
  void aPageThatIsNotHardBusyIsLeftAlone(Consumer<PageContent> operation) {
    machine.busy.unbusy(PAGE);
    assertThatThrownBy(() -> operation.accept(content))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("not hard-busy: page 3: busy --- n=0");
    assertThat(valid() | dirty()).isZero();
    assertZeroed();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("soiling")
  void aPageOnTheCacheQueueIsNotMadeDirty(Consumer<PageContent> operation) {
    for (PageQueue kind : List.of(PageQueue.CACHE, PageQueue.FREE)) {
      machine.pages.lock(PAGE);
      machine.queues.add(0, PAGE, kind, false);
      machine.pages.unlock(PAGE);
      assertThatThrownBy(() -> operation.accept(content))
          .isInstanceOf(VmPanic.class)
          .hasMessageContaining("made dirty where every page is clean: page 3")
          .hasMessageContaining("queue " + kind.index(ColorPolicy.ofPage(PAGE)));
      assertThat(dirty()).isZero();
      machine.pages.lock(PAGE);
      machine.queues.remove(0, PAGE);
      machine.pages.unlock(PAGE);
    }
  }

  @Test
  void aPageOfNothingIsNotMadeInvalid() {
    assertThatThrownBy(() -> content.setInvalid(PAGE, 0, 1))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("belongs to nothing: page 3");
  }

  @Test
  void aPageThatMayChangeIsNotCopied() {
    assertThatThrownBy(() -> content.copy(5, PAGE))
        .isInstanceOf(VmPanic.class)
        .hasMessageContaining("not busy: page 5");
  }

  @Test
  void aRangeThatLeavesThePageIsRefused() {
    assertThatThrownBy(() -> content.setValid(PAGE, 4000, 97)).isInstanceOf(VmPanic.class);
    assertThatThrownBy(() -> content.clearDirtyWithinEnd(PAGE, 4000, 97))
        .isInstanceOf(VmPanic.class);
    assertZeroed();
  }
}
