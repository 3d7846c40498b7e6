package org.pondhawk.vm.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TopologyTest {
  @TempDir private Path root;

  private Topology computer() throws IOException {
    SystemFiles.large(root);
    return new TopologyReader(root, 16).read();
  }

  @Nested
  class Simulated {
    @Test
    void hasItsProcessorsInTheOrderOfSocketsCoresAndThreads() {
      Topology topology = Topology.parse("2x8x2");

      assertThat(topology.isKnown()).isTrue();
      assertThat(topology.processors()).isEqualTo(32);
      assertThat(topology.processor(0)).isEqualTo(new Processor(0, 0, 0, 0));
      assertThat(topology.processor(1)).isEqualTo(new Processor(0, 0, 1, 0));
      assertThat(topology.processor(16)).isEqualTo(new Processor(1, 0, 0, 1));
      assertThat(topology.processor(31)).isEqualTo(new Processor(1, 7, 1, 1));
      assertThat(topology.brief()).isEqualTo("2x8x2");
      assertThat(topology)
          .hasToString("2 sockets x 8 cores x 2 threads, 2 memory nodes, simulated");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "2", "2x8", "2x8x2x1", "2 x 8 x 2", "ax1x1", "-1x2x2", "99999x1x1"})
    void fromOtherTextIsRefusedInOneLine(String text) {
      assertThatThrownBy(() -> Topology.parse(text))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "topology=%s is not of the form sockets x cores x threads, as in 2x8x2", text);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0x1x1", "1x0x1", "1x1x0", "2x513x1", "9999x9999x9999"})
    void ofNoneOrTooManyIsRefused(String text) {
      assertThatThrownBy(() -> Topology.parse(text))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("topology=%s is not of 1 to 1024 processors", text);
    }

    @Test
    void ofNumbersMayHaveMoreProcessorsThanThereAreColours() {
      assertThat(Topology.simulated(4, 1024, 2).processors()).isEqualTo(8192);
      assertThatThrownBy(() -> Topology.simulated(4, 1025, 2))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("topology=4x1025x2 is not of 1 to 8192 processors");
      assertThatThrownBy(() -> Topology.simulated(-1, 2, -2))
          .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void divideFramesEvenlyAmongSocketsAndBindNone() {
      List<FrameRange> ranges = Topology.parse("3x1x1").divide(1000);

      assertThat(ranges).extracting(FrameRange::first).containsExactly(0, 333, 667);
      assertThat(ranges).extracting(FrameRange::end).containsExactly(333, 667, 1000);
      assertThat(ranges)
          .extracting(FrameRange::node)
          .containsExactly(
              new MemoryNode(MemoryNode.NOT_BOUND, 0, 1),
              new MemoryNode(MemoryNode.NOT_BOUND, 1, 1),
              new MemoryNode(MemoryNode.NOT_BOUND, 2, 1));
    }

    @Test
    void ofMoreSocketsThanFramesGivesSomeNone() {
      List<FrameRange> ranges = Topology.parse("5x1x1").divide(3);
      assertThat(ranges.stream().mapToInt(FrameRange::count).sum()).isEqualTo(3);
      assertThat(ranges).allMatch(range -> range.count() > 0);
    }
  }

  @Nested
  class OnAComputer {
    @Test
    void withFewerProcessorsEachOfThemStandsForNeighbours() throws IOException {
      Topology simulated = Topology.simulated(2, 16, 2, computer());

      for (int cpu = 0; cpu < 16; cpu++) {
        int one = simulated.processorFor(cpu, 0);
        assertThat(simulated.processorFor(cpu, 1)).isNotEqualTo(one);
        assertThat(simulated.processorFor(cpu, 4)).as("four in turn").isEqualTo(one);
        assertThat(simulated.processor(one).socket())
            .as("a simulated socket lies within a real one")
            .isEqualTo(cpu / 4 % 2);
      }
      assertThat(
              IntStream.range(0, 16)
                  .flatMap(
                      cpu -> IntStream.range(0, 4).map(seat -> simulated.processorFor(cpu, seat)))
                  .distinct())
          .as("every processor is somebody's")
          .hasSize(64);
    }

    @Test
    void withMoreProcessorsSeveralStandForOne() throws IOException {
      Topology simulated = Topology.simulated(1, 4, 1, computer());

      assertThat(IntStream.range(0, 16).map(cpu -> simulated.processorFor(cpu, cpu)).distinct())
          .containsExactlyInAnyOrder(0, 1, 2, 3);
    }

    @Test
    void withAnOddNumberNoProcessorIsOutside() throws IOException {
      for (int count = 1; count < 40; count++) {
        Topology topology = Topology.simulated(1, count, 1, computer());
        for (int cpu = 0; cpu < 20; cpu++) {
          for (int seat = 0; seat < 9; seat++) {
            assertThat(topology.processorFor(cpu, seat)).isBetween(0, count - 1);
          }
        }
      }
    }

    @Test
    void itsNodesShareFramesAsTheyShareMemory() throws IOException {
      List<FrameRange> ranges = computer().divide(4000);

      assertThat(ranges).extracting(FrameRange::count).containsExactly(3000, 1000);
      assertThat(ranges).extracting(range -> range.node().id()).containsExactly(0, 1);
    }
  }

  @Nested
  class Unknown {
    @Test
    void hasANumberOfProcessorsAndNothingElse() {
      Topology topology = Topology.unknown(6);

      assertThat(topology.isKnown()).isFalse();
      assertThat(topology.processors()).isEqualTo(6);
      assertThat(topology.threadsPerCore()).isZero();
      assertThat(topology.coresPerSocket()).isZero();
      assertThat(topology.describe()).isEqualTo("6 processors, topology unknown: as asked for");
      assertThat(topology.brief()).isEqualTo("6");
      assertThat(topology.divide(100)).hasSize(1);
    }

    @Test
    void ofNoneIsRefused() {
      assertThatThrownBy(() -> Topology.unknown(0)).isInstanceOf(IllegalArgumentException.class);
    }
  }

  @ParameterizedTest
  @CsvSource({"0", "1", "7", "100"})
  void theComputersOwnCountsEveryThreadSomewhere(int seat) {
    Topology own = Topology.ofSystem();
    assertThat(own.processors()).isEqualTo(Runtime.getRuntime().availableProcessors());
    assertThat(own.processorFor(Linux.currentCpu(), seat)).isBetween(0, own.processors() - 1);
    assertThat(own).isSameAs(Topology.ofSystem());
  }

  @Test
  void aVirtualThreadIsWhereItsCarrierIs() throws Exception {
    Processors processors = Processors.of(Topology.ofSystem());
    FutureTask<Integer> asked = new FutureTask<>(() -> processors.current(3));
    Thread.ofVirtual().start(asked);
    assertThat(asked.get(10, TimeUnit.SECONDS)).isBetween(0, processors.count() - 1);
  }
}
