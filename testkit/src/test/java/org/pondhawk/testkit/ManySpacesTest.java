package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.pondhawk.testkit.Machines.MEBIBYTE;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.map.Space;

/// Many address spaces: at once, and one after the other.
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class ManySpacesTest {
  private static final int PAGE = 4096;
  private static final int SPACES = 1_000;
  private static final int GENERATIONS = 1_000;
  private static final int GENERATIONS_BY_NIGHT = 10_000;
  private static final int PAGES = 64;
  private static final int MOST_LIVING = 6;

  /// A page of data, a page of entries and one of region words: all that a small space takes.
  private static final int FRAMES_EACH = 4;

  @Test
  void liveAtOnceForAFewFramesEach() {
    VmConfig config = VmConfig.builder().physicalMemory(32 * MEBIBYTE).build();
    try (VirtualMemory vm = VirtualMemory.boot(config)) {
      long before = vm.statistics().freePages();
      List<AddressSpace> spaces = new ArrayList<>();
      AddressSpace first = vm.newAddressSpace();
      spaces.add(first);
      long base = first.map(4 * PAGE, Protection.READ_WRITE);
      while (spaces.size() < SPACES) {
        spaces.add(first.fork());
      }
      for (int n = 0; n < SPACES; n++) {
        try (View view = spaces.get(n).view()) {
          view.putLong(base, n);
        }
      }

      long used = before - vm.statistics().freePages();
      assertThat(used).isLessThan((long) FRAMES_EACH * SPACES);
      for (int n = 0; n < SPACES; n++) {
        try (View view = spaces.get(n).view()) {
          assertThat(view.getLong(base)).isEqualTo(n);
        }
      }
      Machines.requireClean(vm, "a thousand spaces");
      spaces.forEach(AddressSpace::close);
      MachineModelTest.requireNothingLeft(vm);
    }
  }

  @Test
  void followEachOtherAtTheSameCost() {
    generations(Seeds.fresh(), GENERATIONS);
  }

  @Test
  @Tag("nightly")
  void followEachOtherTenThousandTimesAtTheSameCost() {
    generations(Seeds.fresh(), GENERATIONS_BY_NIGHT);
  }

  /// A space with its view and what it should hold.
  private static final class Living {
    final AddressSpace space;
    final View view;
    final long[] model;

    Living(AddressSpace space, long[] model) {
      this.space = space;
      this.view = space.view();
      this.model = model;
    }

    void end() {
      view.close();
      space.close();
    }
  }

  /// Generation after generation, each forked from any that lives; they end in random order.
  private static void generations(long seed, int count) {
    Random random = new Random(seed);
    VmConfig config = Machines.tiny(PAGE, 32 * MEBIBYTE).build();
    try (Rig rig = Rig.boot(config)) {
      List<Living> living = new ArrayList<>();
      AddressSpace space = rig.vm().newAddressSpace();
      long base = space.map((long) PAGES * PAGE, Protection.READ_WRITE);
      living.add(new Living(space, new long[PAGES]));
      int objectsEarly = 0;
      for (int n = 0; n < count; n++) {
        Living parent = living.get(random.nextInt(living.size()));
        use(parent, base, random, seed);
        living.add(new Living(parent.space.fork(), parent.model.clone()));
        use(living.getLast(), base, random, seed);
        while (living.size() > MOST_LIVING) {
          living.remove(random.nextInt(living.size())).end();
        }
        objectsEarly = n < count / 2 ? Math.max(objectsEarly, objects(rig)) : objectsEarly;
        assertThat(objects(rig)).as("seed %d", seed).isLessThanOrEqualTo(2 * objectsEarly);
        assertThat(deepest(rig)).as("seed %d", seed).isLessThanOrEqualTo(32);
      }
      Machines.requireClean(rig.vm(), "seed " + seed);
      living.forEach(Living::end);
      MachineModelTest.requireNothingLeft(rig.vm());
    }
  }

  private static int objects(Rig rig) {
    return rig.machine().objects().all().size();
  }

  private static int deepest(Rig rig) {
    return rig.machine().spaces().stream().mapToInt(Space::depth).max().orElse(0);
  }

  private static void use(Living process, long base, Random random, long seed) {
    for (int i = 0; i < 8; i++) {
      int p = random.nextInt(PAGES);
      assertThat(process.view.getLong(base + (long) p * PAGE))
          .as("seed %d, page %d", seed, p)
          .isEqualTo(process.model[p]);
      process.model[p] = random.nextLong();
      process.view.putLong(base + (long) p * PAGE, process.model[p]);
    }
  }
}
