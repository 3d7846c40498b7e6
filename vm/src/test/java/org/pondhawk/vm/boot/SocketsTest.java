package org.pondhawk.vm.boot;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.pondhawk.vm.check.VmCheck;
import org.pondhawk.vm.map.Space;
import org.pondhawk.vm.mem.Linux;
import org.pondhawk.vm.mem.SystemFiles;
import org.pondhawk.vm.mem.Topology;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.AllocClass;
import org.pondhawk.vm.queue.PageQueue;
import org.pondhawk.vm.sync.VmThread;

/// Machines of several sockets.
class SocketsTest {
  private static final int FRAMES = 4096;
  private static final String POLICY = "vm.numa_policy";

  private final List<TestMachine> machines = new ArrayList<>();

  private TestMachine machine(String topology) {
    return opened(new TestMachine(FRAMES, Topology.parse(topology)));
  }

  private TestMachine opened(TestMachine machine) {
    machines.add(machine);
    return machine;
  }

  @AfterEach
  void close() {
    machines.forEach(TestMachine::close);
  }

  private static List<String> problems(TestMachine machine) {
    return VmCheck.run(machine.vm).problems();
  }

  @ParameterizedTest
  @ValueSource(strings = {"1x1x1", "2x8x2", "3x5x1", "4x16x2", "2x64x2"})
  void eachProcessorsFirstAllocationFindsTheColourThatItAskedFor(String topology) {
    TestMachine machine = machine(topology);
    PageArray pages = machine.vm.page().pages();
    for (int cpu = 0; cpu < machine.vm.spec().cpus(); cpu++) {
      machine.cpu.set(cpu);
      VmThread self = machine.vm.newThread("on " + cpu);
      assertThat(self.stripe()).isEqualTo(cpu);
      int color = machine.vm.allocator().colorFor(self, 0, 0);

      int page = machine.vm.allocator().allocate(self, color, AllocClass.NORMAL);

      assertThat(pages.color(page)).as("processor %d", cpu).isEqualTo(color);
      machine.vm.allocator().free(self, page);
    }
    assertThat(problems(machine)).isEmpty();
  }

  @Test
  void memoryIsDividedAmongTheSocketsAndEachHasItsOwnColours() {
    TestMachine machine = machine("2x8x2");
    PageArray pages = machine.vm.page().pages();

    assertThat(machine.vm.socketColors().ranges()).hasSize(2);
    assertThat(machine.vm.socketColors().lent()).isZero();
    assertThat(pages.color(FRAMES / 2 - 1)).isLessThan(512);
    assertThat(pages.color(FRAMES / 2)).isGreaterThanOrEqualTo(512);
    assertThat(machine.vm.boundFrames()).as("a simulation binds none").isZero();
  }

  @Test
  void anUnevenDivisionIsEvenedOutForTheProcessorsOfEverySocket() {
    TestMachine machine = opened(new TestMachine(FRAMES, SystemFiles.twoNodes(0, 0), unbound()));

    int least = Integer.MAX_VALUE;
    for (int color = 0; color < PageQueue.COLORS; color++) {
      least = Math.min(least, machine.vm.page().queues().length(PageQueue.FREE.index(color)));
    }
    assertThat(least).isGreaterThanOrEqualTo(FRAMES / PageQueue.COLORS - 1);
    assertThat(machine.vm.socketColors().lent()).isPositive();
    assertThat(problems(machine)).isEmpty();
  }

  private static Map<String, Long> unbound() {
    return Map.of(POLICY, 0L);
  }

  @Nested
  class WhereAThreadIs {
    @Test
    void isLookedUpAtEachFault() {
      TestMachine machine = machine("2x8x2");
      Space space = machine.vm.newSpace();
      long heap = machine.map(space, 64);
      PageArray pages = machine.vm.page().pages();
      for (int n = 0; n < 64; n++) {
        int cpu = n * 7 % 32;
        machine.cpu.set(cpu);

        machine.put(space, heap + (long) n * TestMachine.PAGE_SIZE, n);

        assertThat(machine.self.stripe()).isEqualTo(cpu);
        int page = machine.pageAt(space, heap + (long) n * TestMachine.PAGE_SIZE);
        assertThat(pages.color(page) / 32).as("its processor's 32 colours").isEqualTo(cpu);
        assertThat(pages.color(page) / 512).as("its socket's frames").isEqualTo(page * 2 / FRAMES);
      }
      assertThat(problems(machine)).isEmpty();
    }

    @Test
    void mayChangeBetweenAnAllocationAndItsFree() {
      TestMachine machine = machine("2x8x2");
      long free = free(machine);
      int[] taken = new int[200];
      for (int n = 0; n < taken.length; n++) {
        machine.cpu.set(n % 32);
        machine.self.relocate();
        taken[n] = machine.vm.allocator().allocate(machine.self, n, AllocClass.NORMAL);
      }
      assertThat(free(machine)).isEqualTo(free - taken.length);
      machine.cpu.set(31);
      machine.self.relocate();
      for (int page : taken) {
        machine.vm.allocator().free(machine.self, page);
      }
      assertThat(free(machine)).isEqualTo(free);
      assertThat(problems(machine)).isEmpty();
    }

    private static long free(TestMachine machine) {
      machine.vm.page().stats().rollup();
      return machine.vm.page().stats().global(org.pondhawk.vm.queue.PageCount.FREE);
    }
  }

  /// Of the nodes that this computer has; 0 is always there.
  @Nested
  class Nodes {
    private boolean mayBind() {
      long bytes = 1 << 20;
      long address = Linux.reserve(bytes);
      try {
        return Linux.bindToNode(address, bytes, 0, false);
      } finally {
        Linux.release(address, bytes);
      }
    }

    @ParameterizedTest
    @ValueSource(longs = {1, 2})
    void giveTheMemoryOfTheirFrames(long policy) {
      assumeTrue(Linux.available() && mayBind(), "the kernel does not let us");
      TestMachine machine =
          opened(new TestMachine(FRAMES, SystemFiles.twoNodes(0, 0), Map.of(POLICY, policy)));

      assertThat(machine.vm.boundFrames()).isEqualTo(FRAMES);
      Space space = machine.vm.newSpace();
      long heap = machine.map(space, 1);
      machine.put(space, heap, 7);
      assertThat(machine.get(space, heap)).isEqualTo(7);
    }

    @Test
    void thatDoNotExistAreRefusedWhenTheMachineBoots() {
      assumeTrue(Linux.available() && mayBind(), "the kernel does not let us");
      assertThatThrownBy(() -> new TestMachine(FRAMES, SystemFiles.twoNodes(0, 999)))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("to memory node 999: EINVAL")
          .hasMessageEndingWith("nothing is bound with vm.numa_policy=0");
    }

    @Test
    void areNotAskedWhereTheUserDoesNotWant() {
      TestMachine machine =
          opened(new TestMachine(FRAMES, SystemFiles.twoNodes(0, 999), unbound()));
      assertThat(machine.vm.boundFrames()).isZero();
      assertThat(machine.vm.socketColors().ranges()).as("colours all the same").hasSize(2);
    }
  }

  @Nested
  class ACheckFinds {
    private TestMachine broken(String topology, int page, int color) {
      TestMachine machine = machine(topology);
      assertThat(problems(machine)).isEmpty();
      machine.vm.page().pages().setColor(page, color);
      return machine;
    }

    @Test
    void aQueuedPageOfAnotherColourThanItsQueue() {
      TestMachine machine = broken("1x1x1", 17, 18);
      assertThat(problems(machine))
          .anySatisfy(line -> assertThat(line).contains("not of the colour of queue", "page 17:"));
      machine.vm.page().pages().setColor(17, 17);
    }

    @Test
    void aPageInUseOfAnotherSocketsColour() {
      TestMachine machine = machine("2x8x2");
      Space space = machine.vm.newSpace();
      long heap = machine.map(space, 1);
      machine.put(space, heap, 1);
      int page = machine.pageAt(space, heap);
      PageArray pages = machine.vm.page().pages();
      int color = pages.color(page);
      assertThat(problems(machine)).isEmpty();

      pages.setColor(page, color ^ 512);

      assertThat(problems(machine))
          .anySatisfy(line -> assertThat(line).contains("not of a colour of its socket"));
      pages.setColor(page, color);
    }
  }
}
