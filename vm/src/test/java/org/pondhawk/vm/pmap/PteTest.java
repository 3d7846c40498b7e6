package org.pondhawk.vm.pmap;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PteTest {
  private static final long FRAME = 0x7f12_3456_7000L;

  @Test
  void theBitsAreWhereTheDrawingHasThem() {
    assertThat(Pte.VALID).isEqualTo(1);
    assertThat(Pte.WRITABLE).isEqualTo(2);
    assertThat(Pte.ACCESSED).isEqualTo(4);
    assertThat(Pte.MODIFIED).isEqualTo(8);
    assertThat(Pte.MANAGED).isEqualTo(64);
    assertThat(Pte.FRAME).isEqualTo(0x0000_ffff_ffff_f000L);
    assertThat(Pte.WRITE_HIT).isEqualTo(Pte.MODIFIED);
    assertThat(Pte.READ_HIT).isEqualTo(Pte.ACCESSED);
  }

  @Test
  void anInstalledEntryHasItsFrameItsBitsAndTheNextGeneration() {
    long first = Pte.install(0, FRAME, Pte.ACCESSED, 0);
    assertThat(Pte.frame(first)).isEqualTo(FRAME);
    assertThat(Pte.isValid(first)).isTrue();
    assertThat(Pte.isWritable(first)).isFalse();
    assertThat(Pte.describe(first)).isEqualTo("V-A- frame 0x7f1234567000 generation 1");

    long second = Pte.install(Pte.removed(first), FRAME, Pte.WRITABLE, 0);
    assertThat(second).isNotEqualTo(first);
    assertThat(Pte.describe(second)).isEqualTo("VW-- frame 0x7f1234567000 generation 2");
  }

  @Test
  void aModifiedEntryIsWritableAndAccessed() {
    long all = Pte.VALID | Pte.WRITABLE | Pte.ACCESSED | Pte.MODIFIED;
    assertThat(Pte.isConsistent(all)).isTrue();
    assertThat(Pte.isConsistent(all & ~Pte.MODIFIED)).isTrue();
    assertThat(Pte.isConsistent(Pte.VALID)).isTrue();
    assertThat(Pte.isConsistent(all & ~Pte.ACCESSED)).isFalse();
    assertThat(Pte.isConsistent(all & ~Pte.WRITABLE)).isFalse();
  }

  @Test
  void aRemovedEntryKeepsItsGenerationOnly() {
    long removed = Pte.removed(Pte.install(0, FRAME, Pte.WRITE_HIT, 0));
    assertThat(removed).isEqualTo(1L << 48);
    assertThat(Pte.isValid(removed)).isFalse();
    assertThat(Pte.maps(removed, 0)).isFalse();
  }

  @Test
  void aSlotWithoutAGenerationBeginsBehindTheSeed() {
    assertThat(Pte.describe(Pte.install(0, FRAME, 0, 618))).endsWith("generation 619");
    assertThat(Pte.describe(Pte.install(5L << 48, FRAME, 0, 618))).endsWith("generation 6");
    assertThat(Pte.install(0, FRAME, 0, Integer.MAX_VALUE)).isPositive();
  }

  @Test
  void afterTheLastGenerationComesTheFirst() {
    long last = Pte.removed(-1L);
    assertThat(last).isEqualTo(0x7fffL << 48);
    long next = Pte.install(last, FRAME, 0, 618);
    assertThat(Pte.describe(next)).endsWith("generation 1");
    assertThat(next).isPositive();
    assertThat(Pte.frame(next)).isEqualTo(FRAME);
  }

  /// What a validated load relies on: however a slot began, the same word does not come again
  /// before as many installations as there are generations.
  @ParameterizedTest
  @ValueSource(ints = {0, 1, 618, 32_765, 32_766, 32_767, 32_768, -1, Integer.MAX_VALUE})
  void theSameWordComesAgainAfterAllGenerationsOnly(int seed) {
    assertThat(period(seed, Pte::install)).isEqualTo(Pte.MAX_GENERATION);
  }

  @Test
  void aGenerationThatComesToNothingIsFoundOut() {
    Install wrapping =
        (old, frame, bits, seed) -> {
          long before = Pte.removed(old) == 0 ? (long) seed << 48 : old;
          return Pte.removed(before + (1L << 48)) | frame | bits | Pte.VALID;
        };
    assertThat(period(0, wrapping)).isEqualTo(Pte.MAX_GENERATION + 1);
    assertThat(period(32_766, wrapping)).isEqualTo(2);
  }

  private interface Install {
    long after(long old, long frame, long bits, int seed);
  }

  private static int period(int seed, Install install) {
    long first = install.after(0, FRAME, Pte.READ_HIT, seed);
    long entry = first;
    int installations = 0;
    do {
      entry = install.after(Pte.removed(entry), FRAME, Pte.READ_HIT, seed);
      installations++;
    } while (entry != first && installations < 1 << 20);
    return installations;
  }

  @Test
  void anAddressFitsUpToTheLastOneThatHasAPlaceInAnEntry() {
    assertThat(Pte.fits(FRAME, 4096)).isTrue();
    assertThat(Pte.fits((1L << 48) - 4096, 4096)).isTrue();
    assertThat(Pte.fits((1L << 48) - 4096, 4097)).isFalse();
    assertThat(Pte.fits(1L << 48, 4096)).isFalse();
    assertThat(Pte.fits(-4096, 4096)).isFalse();
    assertThatThrownBy(() -> Pte.install(0, 1L << 48, 0, 0)).isInstanceOf(AssertionError.class);
  }

  @Test
  void onlyAValidEntryOfTheFrameMapsIt() {
    long entry = Pte.install(0, FRAME, 0, 0);
    assertThat(Pte.maps(entry, FRAME)).isTrue();
    assertThat(Pte.maps(entry, FRAME + 4096)).isFalse();
    assertThat(Pte.maps(entry & ~Pte.VALID, FRAME)).isFalse();
  }
}
