package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.pondhawk.testkit.Machines.MEBIBYTE;
import static org.pondhawk.vm.Protection.READ_WRITE;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.InitialStack;
import org.pondhawk.vm.SharedMemory;
import org.pondhawk.vm.SharedMemory.Creation;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.error.SharedMemoryException;

/// Shared memory against a model of ordinary collections, on too little memory: every byte, every
/// count, and what comes back. Run one seed again with `-Dpondhawk.seed=…`.
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class SharedMemoryModelTest {
  private static final int PAGE = 4096;
  private static final int STEPS = 1_500;
  private static final int STEPS_BETWEEN_CHECKS = 300;
  private static final int KEYS = 6;
  private static final int MOST_PAGES = 200;
  private static final int MOST_SPACES = 6;
  private static final int STORES = 20;

  static LongStream seeds() {
    return Seeds.all();
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void behavesAsTheModelSays(long seed) {
    run(seed, false);
  }

  /// The canary: a store that the model does not know of.
  @Test
  void aByteThatIsNobodysIsNoticed() {
    assertThatThrownBy(() -> run(7, true)).isInstanceOf(AssertionError.class);
  }

  private static void run(long seed, boolean sabotaged) {
    try (VirtualMemory vm = VirtualMemory.boot(Machines.tiny(PAGE, 64 * MEBIBYTE).build())) {
      vm.tunables().set("kern.ipc.shmall", 100_000);
      vm.tunables().set("kern.ipc.shmmax", 64 * MEBIBYTE);
      Model model = new Model(vm, seed);
      for (int n = 1; n <= STEPS; n++) {
        model.step();
        if (n % STEPS_BETWEEN_CHECKS == 0) {
          model.compareAll();
          Machines.requireClean(vm, model);
        }
        if (sabotaged && n == STEPS / 2) {
          model.sabotage();
        }
      }
      model.end();
      Machines.requireClean(vm, model);
      MachineModelTest.requireNothingLeft(vm);
    }
  }

  /// A segment as it should be.
  private static final class Segment {
    final int id;
    final long[] pages;
    boolean removed;
    int attachments;

    Segment(int id, int pages) {
      this.id = id;
      this.pages = new long[pages];
    }
  }

  /// A space as it should be.
  private static final class Program {
    final AddressSpace space;
    final View view;
    final Map<Long, Segment> attached;

    Program(AddressSpace space, Map<Long, Segment> attached) {
      this.space = space;
      this.view = space.view();
      this.attached = attached;
      attached.values().forEach(s -> s.attachments++);
    }
  }

  private static final class Model {
    private final VirtualMemory vm;
    private final SharedMemory shared;
    private final long seed;
    private final Random random;
    private final List<String> history = new ArrayList<>();
    private final Map<Long, Segment> byKey = new HashMap<>();
    private final List<Segment> segments = new ArrayList<>();
    private final List<Program> processes = new ArrayList<>();

    Model(VirtualMemory vm, long seed) {
      this.vm = vm;
      this.shared = vm.sharedMemory();
      this.seed = seed;
      this.random = new Random(seed);
      processes.add(new Program(vm.newAddressSpace(), new TreeMap<>()));
    }

    void step() {
      Program process = processes.get(random.nextInt(processes.size()));
      switch (random.nextInt(12)) {
        case 0, 1 -> get(1 + random.nextInt(KEYS));
        case 2, 3 -> attach(process);
        case 4 -> detach(process);
        case 5 -> remove();
        case 6 -> fork(process);
        case 7 -> close(process);
        case 8 -> replace(process);
        default -> use(process);
      }
    }

    private void note(String what) {
      history.add(what);
    }

    private void get(long key) {
      int pages = 1 + random.nextInt(MOST_PAGES);
      long bytes = (long) pages * PAGE - random.nextInt(PAGE);
      note("get(%d, %d pages)".formatted(key, pages));
      Segment there = byKey.get(key);
      if (there == null) {
        Segment made = new Segment(shared.get(key, bytes, Creation.IF_MISSING, 0600), pages);
        byKey.put(key, made);
        segments.add(made);
      } else if (pages <= there.pages.length) {
        assertThat(shared.get(key, 1, Creation.NEVER, 0600)).as(this::toString).isEqualTo(there.id);
      }
    }

    private void attach(Program process) {
      if (segments.isEmpty()) {
        return;
      }
      Segment segment = segments.get(random.nextInt(segments.size()));
      long at = shared.attach(process.space, segment.id, READ_WRITE);
      note("attach(%s, %d) = 0x%x".formatted(process.space, segment.id, at));
      assertThat(process.attached.put(at, segment)).as(this::toString).isNull();
      segment.attachments++;
    }

    private void detach(Program process) {
      if (process.attached.isEmpty()) {
        return;
      }
      List<Long> all = List.copyOf(process.attached.keySet());
      long at = all.get(random.nextInt(all.size()));
      note("detach(%s, 0x%x)".formatted(process.space, at));
      shared.detach(process.space, at);
      gone(Objects.requireNonNull(process.attached.remove(at)));
    }

    private void gone(Segment segment) {
      segment.attachments--;
      if (segment.removed && segment.attachments == 0) {
        segments.remove(segment);
      }
    }

    private void remove() {
      if (segments.isEmpty()) {
        return;
      }
      Segment segment = segments.get(random.nextInt(segments.size()));
      note("remove(%d)".formatted(segment.id));
      shared.remove(segment.id);
      segment.removed = true;
      byKey.values().remove(segment);
      if (segment.attachments == 0) {
        segments.remove(segment);
      }
    }

    private void fork(Program parent) {
      if (processes.size() == MOST_SPACES) {
        return;
      }
      AddressSpace child = parent.space.fork();
      note("%s = fork(%s)".formatted(child, parent.space));
      processes.add(new Program(child, new TreeMap<>(parent.attached)));
    }

    private void close(Program process) {
      if (processes.size() == 1) {
        return;
      }
      note("close(%s)".formatted(process.space));
      processes.remove(process);
      end(process);
    }

    private void end(Program process) {
      process.view.close();
      process.space.close();
      process.attached.values().forEach(this::gone);
    }

    /// A new program in its place, which has nothing attached.
    private void replace(Program process) {
      note("replace(%s)".formatted(process.space));
      process.view.close();
      if (random.nextBoolean()) {
        process.space.replaceBy(process.space, InitialStack.NONE);
      } else {
        process.space.replaceByEmpty(InitialStack.MAPPED);
      }
      processes.remove(process);
      process.attached.values().forEach(this::gone);
      processes.add(new Program(process.space, new TreeMap<>()));
    }

    private void use(Program process) {
      for (Map.Entry<Long, Segment> one : process.attached.entrySet()) {
        long[] pages = one.getValue().pages;
        for (int n = 0; n < STORES; n++) {
          int p = random.nextInt(pages.length);
          compare(process, one.getKey(), one.getValue(), p);
          pages[p] = random.nextLong();
          process.view.putLong(one.getKey() + (long) p * PAGE, pages[p]);
        }
      }
    }

    private void compare(Program process, long at, Segment segment, int page) {
      assertThat(process.view.getLong(at + (long) page * PAGE))
          .as(() -> "%s, segment %d, page %d".formatted(this, segment.id, page))
          .isEqualTo(segment.pages[page]);
    }

    void compareAll() {
      for (Program process : processes) {
        process.attached.forEach((at, segment) -> {
          for (int p = 0; p < segment.pages.length; p++) {
            compare(process, at, segment, p);
          }
        });
      }
      assertThat(shared.list()).as(this::toString).hasSize(segments.size());
      for (Segment segment : segments) {
        assertThat(shared.stat(segment.id).attachments())
            .as(() -> "%s, segment %d".formatted(this, segment.id))
            .isEqualTo(segment.attachments);
        assertThat(shared.stat(segment.id).isRemoved()).isEqualTo(segment.removed);
      }
    }

    void sabotage() {
      int id = shared.get(KEYS + 1L, PAGE, Creation.IF_MISSING, 0600);
      Segment segment = new Segment(id, 1);
      segments.add(segment);
      byKey.put(KEYS + 1L, segment);
      Program process = processes.getFirst();
      long at = shared.attach(process.space, id, READ_WRITE);
      process.attached.put(at, segment);
      segment.attachments++;
      process.view.putLong(at, 1);
      compareAll();
    }

    /// Everything ends: what is removed already with its last attachment, the others when they are
    /// removed.
    void end() {
      compareAll();
      processes.forEach(this::end);
      compareNobody();
      for (Segment segment : List.copyOf(segments)) {
        shared.remove(segment.id);
        assertThatThrownBy(() -> shared.stat(segment.id)).isInstanceOf(SharedMemoryException.class);
      }
      assertThat(shared.list()).as(this::toString).isEmpty();
      assertThat(vm.statistics().swapUsedPages()).as(this::toString).isZero();
    }

    private void compareNobody() {
      processes.clear();
      compareAll();
    }

    @Override
    public String toString() {
      int from = Math.max(0, history.size() - 60);
      return "seed %d: …; %s"
          .formatted(seed, String.join("; ", history.subList(from, history.size())));
    }
  }
}
