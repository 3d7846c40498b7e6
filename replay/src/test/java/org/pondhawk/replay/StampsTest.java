package org.pondhawk.replay;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class StampsTest {
  private static final int PAGES = 6;

  /// Even pages are read first.
  private static final Trace TRACE = trace();

  private final FakeMachine.Memory memory = new FakeMachine(4096).newProcess();
  private final PageSet pages = PageSet.of(TRACE, 4096);
  private final long[] addresses = Regions.map(pages, memory);
  private final ByteTally tally = new ByteTally();
  private final Stamps stamps = new Stamps(42, pages, addresses, memory, tally);

  private static Trace trace() {
    var trace = new CompactTraces();
    for (int page = 0; page < PAGES; page++) {
      trace.pages(page * 3L);
      if (page % 2 == 0) {
        trace.read(page);
      } else {
        trace.write(page);
      }
    }
    return trace.trace("t");
  }

  private void preloadAll() {
    for (int index = 0; index < PAGES; index++) {
      if (pages.isReadFirst(index)) {
        stamps.preload(index);
      }
    }
  }

  private void checkAll() {
    for (int index = 0; index < PAGES; index++) {
      stamps.checkWhole(index);
    }
  }

  private byte[] page(int index) {
    return memory.page(addresses[index]);
  }

  /// The memory is the model: it gets every store, and the stamps must foresee every byte of it.
  @ParameterizedTest
  @ValueSource(longs = {1, 2, 3, 99, 0xfeed})
  void foreseesEveryByteOfManyRandomWrites(long seed) {
    var random = new SplittableRandom(seed);
    preloadAll();
    for (int step = 0; step < 20_000; step++) {
      int index = random.nextInt(PAGES);
      if (random.nextInt(3) == 0) {
        stamps.write(index);
      } else {
        stamps.read(index);
      }
      if (step % 1_000 == 0) {
        checkAll();
      }
    }
    checkAll();

    assertThat(tally.wrongPlaces()).as("seed %d", seed).isEmpty();
    assertThat(tally.finalBytes()).isEqualTo(21L * PAGES * 4096);
  }

  @Test
  void patternCoversEveryWordAndDiffersByPage() {
    preloadAll();

    Map<Long, String> words = new HashMap<>();
    for (int index = 0; index < PAGES; index += 2) {
      for (int offset = 0; offset < 4096; offset += 8) {
        String place = index + ":" + offset;
        assertThat(words.put(memory.getLong(addresses[index] + offset), place)).as(place).isNull();
      }
    }
    assertThat(words).doesNotContainKey(0L);
  }

  @Test
  void writeStampsTheFirstTheLastAndOneOtherWord() {
    stamps.write(1);

    int stamped = 0;
    for (int offset = 0; offset < 4096; offset += 8) {
      stamped += memory.getLong(addresses[1] + offset) != 0 ? 1 : 0;
    }
    assertThat(stamped).isEqualTo(3);
    assertThat(memory.getLong(addresses[1])).isNotZero();
    assertThat(memory.getLong(addresses[1] + 4088)).isNotZero();
  }

  @Test
  void writesChooseEveryWordInTheEnd() {
    for (int write = 0; write < 10_000; write++) {
      stamps.write(1);
    }

    for (int offset = 0; offset < 4096; offset += 8) {
      assertThat(memory.getLong(addresses[1] + offset)).as("byte %d", offset).isNotZero();
    }
  }

  @Test
  void otherProcessesHaveOtherStamps() {
    var other = new FakeMachine(4096).newProcess();
    long[] places = Regions.map(pages, other);
    new Stamps(43, pages, places, other, tally).preload(0);
    stamps.preload(0);

    assertThat(other.page(places[0])).isNotEqualTo(page(0));
  }

  @Nested
  class TheCheckNotices {
    /// Writes every page a few hundred times, so that stamps lie over stamps.
    private void writeMuch() {
      preloadAll();
      for (int write = 0; write < 300 * PAGES; write++) {
        stamps.write(write % PAGES);
      }
    }

    @Test
    void anySingleFlippedByte() {
      writeMuch();
      for (int index = 0; index < PAGES; index++) {
        for (int offset = 0; offset < 4096; offset++) {
          page(index)[offset] ^= 0x10;
          long before = tally.wrongBytes();
          stamps.checkWhole(index);
          assertThat(tally.wrongBytes() - before).as("page %d byte %d", index, offset).isOne();
          page(index)[offset] ^= 0x10;
        }
      }
      assertThat(tally.wrongPlaces()).hasSize(ByteTally.REMEMBERED);
    }

    @Test
    void aLostWrite() {
      writeMuch();
      byte[] before = page(2).clone();
      stamps.write(2);
      System.arraycopy(before, 0, page(2), 0, before.length);

      stamps.checkWhole(2);

      assertThat(tally.wrongBytes()).isBetween(20L, 24L);
    }

    @Test
    void anOlderStampUnderALostOne() {
      writeMuch();
      byte[] before = page(2).clone();
      stamps.write(2); // lost
      System.arraycopy(before, 0, page(2), 0, before.length);
      stamps.write(2); // covers the first and the last word again

      stamps.checkWhole(2);

      assertThat(tally.wrongBytes()).isBetween(6L, 8L);
    }

    @Test
    void pagesThatChangedPlaces() {
      writeMuch();
      byte[] one = page(1).clone();
      System.arraycopy(page(3), 0, page(1), 0, one.length);
      System.arraycopy(one, 0, page(3), 0, one.length);

      stamps.read(1);
      stamps.read(3);

      assertThat(tally.wrongBytes()).isBetween(40L, 48L);
    }

    @Test
    void aPageThatIsZeroAgain() {
      preloadAll();
      Arrays.fill(page(0), (byte) 0);

      stamps.checkWhole(0);

      assertThat(tally.wrongBytes()).isBetween(4000L, 4096L);
    }

    @Test
    void somethingInAPageThatNobodyWrote() {
      page(1)[77] = 1;

      stamps.checkWhole(1);

      assertThat(tally.wrongBytes()).isOne();
      assertThat(tally.wrongPlaces())
          .singleElement()
          .satisfies(place -> {
            assertThat(place.pageAddress()).isEqualTo(addresses[1]);
            assertThat(place.offset()).isEqualTo(72);
            assertThat(place.expected()).isZero();
            assertThat(place.atTheEnd()).isTrue();
          });
    }
  }

  @Nested
  class ARead {
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 7, 4088, 4095})
    void noticesAFlippedByteOfTheFirstAndLastWord(int offset) {
      preloadAll();
      stamps.write(0);
      page(0)[offset] ^= 1;

      stamps.read(0);

      assertThat(tally.wrongBytes()).isOne();
    }

    @Test
    void noticesAFlippedByteOfTheWordThatWasChosenLast() {
      byte[] before = page(1).clone();
      stamps.write(1);
      for (int offset = 8; offset < 4088; offset++) {
        if (page(1)[offset] != before[offset]) {
          page(1)[offset] ^= 1;
          stamps.read(1);
          page(1)[offset] ^= 1;
        }
      }

      assertThat(tally.wrongBytes()).isBetween(6L, 8L);
    }

    @Test
    void expectsZerosWhereNothingWasWritten() {
      stamps.read(1);
      assertThat(tally.wrongBytes()).isZero();

      page(1)[4095] = 1;
      stamps.read(1);
      assertThat(tally.wrongBytes()).isOne();
    }
  }
}
