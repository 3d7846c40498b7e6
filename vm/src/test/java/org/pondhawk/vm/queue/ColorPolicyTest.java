package org.pondhawk.vm.queue;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.BitSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.mem.Processor;
import org.pondhawk.vm.mem.Topology;

class ColorPolicyTest {
  private static ColorPolicy of(String topology) {
    return new ColorPolicy(Topology.parse(topology));
  }

  private static int processor(Topology topology, int socket, int core, int thread) {
    Processor wanted = new Processor(socket, core, thread, socket);
    return IntStream.range(0, topology.processors())
        .filter(n -> topology.processor(n).equals(wanted))
        .findFirst()
        .orElseThrow();
  }

  @Nested
  class TheColourOfAPage {
    @ParameterizedTest(name = "page {0} has colour {1}")
    @CsvSource({
      "0, 0",
      "1, 1",
      "1023, 1023",
      "1024, 1",
      "1025, 2",
      "2047, 0",
      "1048576, 1",
      "1049600, 2"
    })
    void hasItsHigherDigitsAdded(int page, int color) {
      assertThat(ColorPolicy.ofPage(page)).isEqualTo(color);
    }

    @Test
    void isAdjacentToThatOfTheAdjacentPage() {
      for (int page = 1; page < 1 << 21; page++) {
        if (page % PageQueue.COLORS != 0) {
          int step = ColorPolicy.ofPage(page) - ColorPolicy.ofPage(page - 1);
          assertThat(step & PageQueue.COLOR_MASK).isEqualTo(1);
        }
      }
    }
  }

  @Nested
  class TheColourToAskFor {
    @Test
    void isThatOfTheWorkedExample() {
      Topology topology = Topology.parse("2x4x2");

      int color = new ColorPolicy(topology).choose(processor(topology, 1, 2, 1), 30, 40);

      assertThat(color).isEqualTo(512 + 256 + 64 + 6);
    }

    @ParameterizedTest(name = "of {0} unknown processors number {1} asks for {3} at index {2}")
    @CsvSource({
      "6, 5, 171, 851",
      "2, 0, 0, 0",
      "2, 1, 511, 1023",
      "2, 1, 512, 512",
      "1, 0, -1, 1023",
      "3, 1, -1, 356",
    })
    void isOneOfTheProcessorsShare(int cpus, int cpu, long pindex, int color) {
      assertThat(new ColorPolicy(Topology.unknown(cpus)).choose(cpu, 0, pindex)).isEqualTo(color);
    }

    @ParameterizedTest
    @ValueSource(strings = {"1x1x1", "2x4x2", "2x8x2", "3x5x1", "3x1x7", "4x16x2", "1x1024x1"})
    void liesInABandOfTheProcessorsOwn(String text) {
      Topology topology = Topology.parse(text);
      ColorPolicy colors = new ColorPolicy(topology);
      BitSet seen = new BitSet();
      int width = 0;
      for (int n = 0; n < topology.processors(); n++) {
        BitSet own = new BitSet();
        for (long pindex = 0; pindex < PageQueue.COLORS; pindex++) {
          own.set(colors.choose(n, 0, pindex));
        }
        assertThat(seen.intersects(own)).as("processor %d", n).isFalse();
        seen.or(own);
        width = own.cardinality();
        assertThat(own.length() - own.nextSetBit(0)).as("in one piece").isEqualTo(width);
        assertThat(colors.isInBand(own.nextSetBit(0), topology.processor(n).socket())).isTrue();
      }
      assertThat(colors.asked()).isEqualTo(seen);
      assertThat(width).isPositive();
    }

    @ParameterizedTest
    @ValueSource(strings = {"2x4x2", "3x5x7"})
    void isNextToThatOfTheNeighbourInTheObject(String text) {
      ColorPolicy colors = of(text);
      int wraps = 0;
      int steps = 10_000;
      for (long pindex = 1; pindex <= steps; pindex++) {
        wraps += colors.choose(3, 17, pindex) == colors.choose(3, 17, pindex - 1) + 1 ? 0 : 1;
      }
      assertThat(wraps).as("once a band").isLessThan(steps / 8);
    }

    @Test
    void isTheSameForIndexAndStartTogetherEvenWhereTheSumWraps() {
      ColorPolicy colors = of("3x1x1"); // 341 colours: the remainder is of an unsigned number
      assertThat(colors.choose(0, 1, -1)).isZero();
      assertThat(colors.choose(0, 0, -1))
          .isEqualTo((int) Long.remainderUnsigned(-1, 341))
          .isEqualTo(colors.choose(0, 5, -6));
    }

    @Test
    void isThereForMoreProcessorsThanColours() {
      ColorPolicy unknown = new ColorPolicy(Topology.unknown(5000));
      ColorPolicy known = new ColorPolicy(Topology.simulated(4, 512, 2));
      for (int n = 0; n < 4096; n++) {
        assertThat(unknown.choose(n, 0, 7)).isBetween(0, 1023);
        assertThat(known.choose(n, 0, 7)).isBetween(0, 1023);
      }
      assertThat(unknown.choose(1025, 0, 7)).isEqualTo(1);
    }

    @Test
    void isNotToBeHadForAProcessorThatThereIsNot() {
      assertThatThrownBy(() -> of("1x2x1").choose(2, 0, 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Nested
  class WhereAnObjectsColoursBegin {
    @Test
    void isFarFromWhereThoseOfTheObjectBeforeDo() {
      assertThat(ColorPolicy.startOf(1)).isEqualTo(23);
      assertThat(ColorPolicy.startOf(2)).isEqualTo(46);
      assertThat(ColorPolicy.startOf(Long.MAX_VALUE)).isBetween(0, 65_535);
    }

    @Test
    void isEveryColourInTurn() {
      assertThat(IntStream.range(0, 1024).map(id -> ColorPolicy.startOf(id) % 1024).distinct())
          .hasSize(1024);
    }
  }

  @Nested
  class ABand {
    @ParameterizedTest(name = "{0} sockets: colour {2} becomes {3} for id {1}")
    @CsvSource({"2, 1, 700, 700", "2, 0, 700, 188", "3, 5, 1000, 1000", "3, 3, 1000, 318"})
    void takesColoursAsTheReferenceDoes(int sockets, int id, int color, int expected) {
      ColorPolicy colors = of(sockets + "x1x1");
      assertThat(colors.intoBand(color, id)).isEqualTo(expected);
      assertThat(colors.isInBand(expected, id)).isTrue();
      assertThat(colors.isInBand(expected, id + 1)).isFalse();
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7, 64, 1024, 3000})
    void holdsEveryColourThatIsTakenIntoIt(int sockets) {
      ColorPolicy colors = new ColorPolicy(Topology.simulated(sockets, 1, 1));
      for (int color = 0; color < PageQueue.COLORS; color++) {
        int socket = color % sockets;
        int into = colors.intoBand(color, socket);
        assertThat(colors.isInBand(into, socket)).isTrue();
        assertThat(colors.intoBand(into, socket)).as("again").isEqualTo(into);
      }
    }
  }
}
