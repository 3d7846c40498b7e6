package org.pondhawk.vm.pmap;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PteTest {
  private static final long FRAME = 0x7f12_3456_7000L;

  @Test
  void theBitsAreWhereTheDrawingHasThem() {
    assertThat(Pte.VALID).isEqualTo(1);
    assertThat(Pte.WRITABLE).isEqualTo(2);
    assertThat(Pte.ACCESSED).isEqualTo(4);
    assertThat(Pte.MODIFIED).isEqualTo(8);
    assertThat(Pte.MANAGED).isEqualTo(64);
    assertThat(Pte.FRAME).isEqualTo(0x000f_ffff_ffff_f000L);
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
    assertThat(removed).isEqualTo(1L << 52);
    assertThat(Pte.isValid(removed)).isFalse();
    assertThat(Pte.maps(removed, 0)).isFalse();
  }

  @Test
  void aSlotWithoutAGenerationBeginsBehindTheSeed() {
    assertThat(Pte.describe(Pte.install(0, FRAME, 0, 618))).endsWith("generation 619");
    assertThat(Pte.describe(Pte.install(5L << 52, FRAME, 0, 618))).endsWith("generation 6");
    assertThat(Pte.install(0, FRAME, 0, Integer.MAX_VALUE)).isPositive();
  }

  @Test
  void theGenerationWrapsWithinItsBits() {
    long last = 0x7ffL << 52;
    long wrapped = Pte.install(last, FRAME, 0, 0);
    assertThat(wrapped).isPositive();
    assertThat(wrapped >>> 52).isZero();
    assertThat(Pte.frame(wrapped)).isEqualTo(FRAME);
  }

  @Test
  void onlyAValidEntryOfTheFrameMapsIt() {
    long entry = Pte.install(0, FRAME, 0, 0);
    assertThat(Pte.maps(entry, FRAME)).isTrue();
    assertThat(Pte.maps(entry, FRAME + 4096)).isFalse();
    assertThat(Pte.maps(entry & ~Pte.VALID, FRAME)).isFalse();
  }
}
