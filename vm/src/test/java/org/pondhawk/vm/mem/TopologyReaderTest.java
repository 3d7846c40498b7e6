package org.pondhawk.vm.mem;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// On directories that the test writes, as a kernel does.
class TopologyReaderTest {
  private static final String CPU = "sys/devices/system/cpu/";
  private static final String NODE = "sys/devices/system/node/";

  @TempDir private Path root;

  private Topology read(int limit) {
    return new TopologyReader(root, limit).read();
  }

  private static int at(Topology topology, int cpu) {
    return topology.processorFor(cpu, 0);
  }

  private static Processor of(Topology topology, int cpu) {
    return topology.processor(at(topology, cpu));
  }

  @Nested
  class OfAWholeComputer {
    @Test
    void hasSocketsCoresThreadsAndNodes() throws IOException {
      SystemFiles.large(root);

      Topology topology = read(16);

      assertThat(topology.describe())
          .isEqualTo("2 sockets x 4 cores x 2 threads, 2 memory nodes, as the kernel says");
      assertThat(topology.brief()).isEqualTo("2x4x2");
      assertThat(topology.processors()).isEqualTo(16);
      assertThat(of(topology, 0)).isEqualTo(new Processor(0, 0, 0, 0));
      assertThat(of(topology, 8)).isEqualTo(new Processor(0, 0, 1, 0));
      assertThat(of(topology, 6)).isEqualTo(new Processor(1, 2, 0, 1));
      assertThat(of(topology, 15)).isEqualTo(new Processor(1, 3, 1, 1));
      assertThat(topology.nodes())
          .containsExactly(new MemoryNode(0, 0, 3000 << 10), new MemoryNode(1, 1, 1000 << 10));
    }

    @Test
    void countsEachOfTheKernelsProcessorsToOneOfItsOwn() throws IOException {
      SystemFiles.large(root);

      Topology topology = read(16);

      assertThat(IntStream.range(0, 16).map(cpu -> at(topology, cpu)).sorted())
          .containsExactly(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
      assertThat(topology.processorFor(6, 77)).as("whatever the seat").isEqualTo(at(topology, 6));
      assertThat(topology.processorFor(1000, 0)).as("one that came later").isBetween(0, 15);
      assertThat(topology.processorFor(-1, 0)).as("not known").isBetween(0, 15);
    }

    @Test
    void withoutNodesHasOneThatSaysNothingOfSockets() throws IOException {
      SystemFiles files = new SystemFiles(root).online("0-3");
      for (int cpu = 0; cpu < 4; cpu++) {
        files.cpu(cpu, cpu / 2, cpu % 2);
      }

      Topology topology = read(4);

      assertThat(topology.brief()).isEqualTo("2x2x1");
      assertThat(topology.nodes()).containsExactly(Topology.onlyNode());
      assertThat(topology.nodes().getFirst().socket()).isEqualTo(MemoryNode.NO_SOCKET);
    }

    @Test
    void withOneNodeDoesNotAskHowMuchMemoryItHas() throws IOException {
      SystemFiles files = new SystemFiles(root).online("0-1").cpu(0, 0, 0).cpu(1, 0, 1);
      files.node(0, "0-1", 5).delete(NODE + "node0/meminfo");

      assertThat(read(2).describe())
          .isEqualTo("1 socket x 2 cores x 1 thread, 1 memory node, as the kernel says");
    }

    @Test
    void tellsCoresOfTheSameNumberApartByTheirDie() throws IOException {
      SystemFiles files = new SystemFiles(root).online("0-3");
      for (int cpu = 0; cpu < 4; cpu++) {
        files.cpu(cpu, 0, cpu % 2).die(cpu, cpu / 2);
      }

      Topology topology = read(4);

      assertThat(topology.brief()).isEqualTo("1x4x1");
      assertThat(of(topology, 2).core()).isEqualTo(2);
    }
  }

  @Nested
  class WithGaps {
    @Test
    void offlineProcessorsDoNotCountAndTheOtherThreadIsTheFirst() throws IOException {
      SystemFiles.large(root).online("1-7,9-15"); // core 0 of socket 0 is off altogether

      Topology topology = read(14);

      assertThat(topology.brief()).isEqualTo("2x4x2");
      assertThat(of(topology, 1)).isEqualTo(new Processor(0, 0, 0, 0));
      assertThat(of(topology, 9)).isEqualTo(new Processor(0, 0, 1, 0));
      assertThat(of(topology, 4)).isEqualTo(new Processor(1, 0, 0, 1));
    }

    @Test
    void coresAreNumberedAnewSoThatNoColoursLieIdle() throws IOException {
      SystemFiles files = new SystemFiles(root).online("0-3");
      int[] cores = {0, 4, 9, 12};
      for (int cpu = 0; cpu < 4; cpu++) {
        files.cpu(cpu, 0, cores[cpu]);
      }

      assertThat(read(4).brief()).isEqualTo("1x4x1");
    }

    @ParameterizedTest(
        name = "socket ids {0} and {1}: {2} numbers, the first is {3}, the other {4}")
    @CsvSource({"0, 1, 2, 0, 1", "3, 4, 2, 1, 0", "0, 2, 3, 0, 2", "4, 6, 3, 1, 0"})
    void socketsAreNumberedAsTheReferenceDoesIt(
        int one, int other, int sockets, int first, int second) throws IOException {
      new SystemFiles(root).online("0-1").cpu(0, one, 0).cpu(1, other, 0);

      Topology topology = read(2);

      assertThat(topology.sockets()).isEqualTo(sockets);
      assertThat(of(topology, 0).socket()).isEqualTo(first);
      assertThat(of(topology, 1).socket()).isEqualTo(second);
    }

    @Test
    void theMaskOfTheProcessIsKept() throws IOException {
      SystemFiles.large(root).allowed("6-7,14", "0-1");

      Topology topology = read(3);

      assertThat(topology.describe())
          .isEqualTo("1 socket x 2 cores x 2 threads, 1 memory node, as the kernel says");
      assertThat(of(topology, 6)).isEqualTo(new Processor(0, 0, 0, 1));
      assertThat(of(topology, 14)).isEqualTo(new Processor(0, 0, 1, 1));
      assertThat(of(topology, 7)).isEqualTo(new Processor(0, 1, 0, 1));
    }

    @Test
    void aNodeThatIsNotAllowedOrEmptyGetsNoFrames() throws IOException {
      SystemFiles files = SystemFiles.large(root).allowed("0-15", "1");
      assertThat(read(16).nodes()).containsExactly(Topology.onlyNode());

      files.allowed("0-15", "0-2").node(1, "4-7,12-15", 0).node(2, "", 9000);
      assertThat(read(16).nodes()).containsExactly(Topology.onlyNode());
    }
  }

  @Nested
  class UnderAContainersLimit {
    @Test
    void keepsAsManyProcessorsAsAreGrantedFromAllSockets() throws IOException {
      SystemFiles.large(root);

      Topology topology = read(4);

      assertThat(topology.processors()).isEqualTo(4);
      assertThat(topology.sockets()).isEqualTo(2);
      assertThat(topology.brief()).isEqualTo("2x1x2");
    }

    @Test
    void countsTheOthersToAKeptOneOfTheirSocket() throws IOException {
      SystemFiles.large(root);

      Topology topology = read(4);

      for (int cpu = 0; cpu < 16; cpu++) {
        assertThat(of(topology, cpu).socket()).as("cpu%d", cpu).isEqualTo(cpu / 4 % 2);
      }
      assertThat(IntStream.range(0, 16).map(cpu -> at(topology, cpu)).distinct()).hasSize(4);
    }

    @Test
    void ofOneLeavesOneSocket() throws IOException {
      SystemFiles.large(root);

      Topology topology = read(1);

      assertThat(topology.brief()).isEqualTo("1x1x1");
      assertThat(at(topology, 15)).isZero();
    }
  }

  @Nested
  class ThatIsOdd {
    private void isUnknown(int limit, String why) {
      Topology topology = read(limit);
      assertThat(topology.isKnown()).isFalse();
      assertThat(topology.processors()).isEqualTo(limit);
      assertThat(topology.describe())
          .startsWith(limit + " processor")
          .contains("topology unknown: ")
          .contains(why);
      assertThat(topology.brief()).isEqualTo("" + limit);
      assertThat(topology.nodes()).containsExactly(Topology.onlyNode());
    }

    @Test
    void forWantOfFilesIsUnknown() {
      isUnknown(3, "cannot read");
    }

    @Test
    void forWantOfAnyOneFileIsUnknown() throws IOException {
      for (String file :
          List.of(
              CPU + "online",
              CPU + "cpu5/topology/core_id",
              CPU + "cpu15/topology/physical_package_id",
              NODE + "node0/cpulist",
              NODE + "node1/meminfo")) {
        SystemFiles.large(root).delete(file);
        isUnknown(16, root.resolve(file).toString());
      }
    }

    @ParameterizedTest(name = "{0} = {1}: {2}")
    @CsvSource(
        delimiter = '|',
        quoteCharacter = '"',
        value = {
          CPU + "online                        | some  | 'some' is no list",
          CPU + "cpu5/topology/core_id         | -1    | core_id says '-1'",
          CPU + "cpu5/topology/die_id          | 0x1   | die_id says '0x1'",
          CPU + "cpu0/topology/physical_package_id | many | physical_package_id says 'many'",
          NODE + "node1/cpulist                | 4-6   | cpu7 belongs to no memory node",
          NODE + "node1/meminfo                | none  | has no MemTotal",
        })
    void inOneFileIsUnknown(String file, String text, String why) throws IOException {
      SystemFiles.large(root).write(file, text);
      isUnknown(16, why);
    }

    @Test
    void becauseNoProcessorIsAllowedIsUnknown() throws IOException {
      SystemFiles.large(root).allowed("40", "0");
      isUnknown(2, "no processor is both online and allowed");
    }

    @Test
    void becauseTheJvmCountsMoreThanThereAreIsUnknown() throws IOException {
      SystemFiles.large(root);
      isUnknown(17, "the JVM counts 17 processors, of which 16 can be used");
    }

    @Test
    void stillDealsTheProcessorsThatCanBeUsed() throws IOException {
      SystemFiles.large(root).allowed("4-7", "0-1").delete(CPU + "cpu6/topology/core_id");

      Topology topology = read(4);

      assertThat(topology.isKnown()).isFalse();
      assertThat(IntStream.range(4, 8).map(cpu -> at(topology, cpu))).containsExactly(0, 1, 2, 3);
    }

    @Test
    void withoutAStatusOfTheProcessAllThatAreOnlineCount() throws IOException {
      SystemFiles files = SystemFiles.large(root).delete("proc/self/status");
      assertThat(read(16).brief()).isEqualTo("2x4x2");
      files.write("proc/self/status", "Name:\tjava");
      assertThat(read(16).brief()).isEqualTo("2x4x2");
    }

    @Test
    void theFilesWereReadAndNotTheComputersOwn() {
      assertThat(Files.exists(root.resolve("sys"))).isFalse();
      assertThat(read(1).isKnown()).isFalse();
    }
  }
}
