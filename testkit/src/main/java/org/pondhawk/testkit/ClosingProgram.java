package org.pondhawk.testkit;

import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.PageWindow;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.OutOfPagesException;

/// Machines that are closed while many threads use them in every way there is, one after another;
/// views are closed before or after, or just forgotten. Only documented exceptions may come out of
/// it, the process must live, and in the end all memory must be given back.
///
/// Exit status 0: all is well. 3: something was found, and printed.
public final class ClosingProgram {
  private static final int PAGE = 4096;
  private static final int SPACES = 3;
  private static final long BYTES = 2L << 20;
  private static final long LARGE = 1L << 30;
  private static final int FOUND = 3;
  private static final int STEPS_AFTER_THE_END = 20;
  private static final long GIVEN_BACK_SECONDS = 20;

  private final ConcurrentLinkedQueue<String> problems = new ConcurrentLinkedQueue<>();
  private final LongAdder steps = new LongAdder();
  private final boolean keepsViews;
  private final List<View> kept = new ArrayList<>();

  private ClosingProgram(boolean keepsViews) {
    this.keepsViews = keepsViews;
  }

  /// Runs it.
  ///
  /// @param arguments how many machines; and `keeps-views` for a canary: views that are referred to
  ///   for ever
  public static void main(String[] arguments) throws Exception {
    int machines = Integer.parseInt(arguments[0]);
    ClosingProgram program = new ClosingProgram(arguments.length > 1);
    long seed = Seeds.fresh();
    long before = largeMappings();
    int done = 0;
    for (; done < machines && program.problems.isEmpty(); done++) {
      program.useAndClose(new Random(seed + done), done % 2 == 1);
    }
    program.requireGivenBack(before);
    System.out.printf("seed %d, %d machines, %d steps%n", seed, done, program.steps.sum());
    program.problems.forEach(System.out::println);
    System.exit(program.problems.isEmpty() ? 0 : FOUND);
  }

  // ---- one machine

  private void useAndClose(Random random, boolean virtual) throws InterruptedException {
    int threadCount = 4 * Runtime.getRuntime().availableProcessors();
    VirtualMemory vm =
        VirtualMemory.boot(
            VmConfig.builder()
                .physicalMemory(4L << 20)
                .swap(8L << 20)
                .poisonFreedFrames(true)
                .build());
    List<AddressSpace> spaces = new ArrayList<>();
    for (int i = 0; i < SPACES; i++) {
      AddressSpace space = vm.newAddressSpace();
      space.mapAt(BYTES, BYTES, Protection.READ_WRITE);
      spaces.add(space);
    }
    CountDownLatch working = new CountDownLatch(threadCount);
    CountDownLatch end = new CountDownLatch(1);
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < threadCount; i++) {
      Random its = new Random(random.nextLong());
      Runnable user = () -> use(vm, spaces, its, working, end);
      threads.add((virtual ? Thread.ofVirtual() : Thread.ofPlatform().daemon()).start(user));
    }
    working.await();
    boolean _ = end.await(random.nextInt(30), TimeUnit.MILLISECONDS); // somewhere in between
    List<Thread> closers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      closers.add(Thread.ofPlatform().daemon().start(() -> expect(vm::close)));
    }
    for (AddressSpace space : spaces) {
      expect(space::close);
    }
    join(closers);
    end.countDown();
    join(threads);
  }

  private void join(List<Thread> threads) throws InterruptedException {
    for (Thread thread : threads) {
      if (!thread.join(Duration.ofSeconds(30))) {
        problems.add("does not end: " + thread + " " + List.of(thread.getStackTrace()));
      }
    }
  }

  private void use(
      VirtualMemory vm,
      List<AddressSpace> spaces,
      Random random,
      CountDownLatch working,
      CountDownLatch end) {
    View view = null;
    View foreign = opened(spaces.getFirst(), null);
    int left = STEPS_AFTER_THE_END;
    while (left > 0 && problems.isEmpty()) {
      if (view == null || random.nextInt(200) == 0) {
        if (view != null && random.nextBoolean()) {
          view.close(); // otherwise it is left to be collected
        }
        view = opened(spaces.get(random.nextInt(SPACES)), view);
      }
      View now = view;
      expect(() -> step(vm, spaces, now, random));
      if (random.nextInt(100) == 0 && foreign != null) {
        requireRefusedToOthers(foreign);
      }
      steps.increment();
      working.countDown();
      left -= end.getCount() == 0 ? 1 : 0;
    }
    if (view != null && random.nextBoolean()) {
      view.close();
    }
    while (working.getCount() > 0 && !problems.isEmpty()) {
      working.countDown();
    }
  }

  private @Nullable View opened(AddressSpace space, @Nullable View otherwise) {
    try {
      View view = space.view();
      if (keepsViews) {
        synchronized (kept) {
          kept.add(view);
        }
      }
      return view;
    } catch (IllegalStateException _) {
      return otherwise;
    }
  }

  private void requireRefusedToOthers(View mine) {
    try {
      Thread.ofPlatform()
          .start(() -> {
            try {
              mine.getLong(BYTES);
              problems.add("a second thread was let in");
            } catch (WrongThreadException _) {
              // as it should be
            }
          })
          .join();
    } catch (InterruptedException e) {
      problems.add(e.toString());
    }
  }

  private static void step(
      VirtualMemory vm, List<AddressSpace> spaces, @Nullable View view, Random random) {
    AddressSpace space = spaces.get(random.nextInt(SPACES));
    long at = BYTES + random.nextInt((int) BYTES / PAGE - 4) * (long) PAGE;
    int dice = random.nextInt(100);
    if (dice < 6) {
      changeTheSpace(vm, space, at, dice);
    } else if (view != null) {
      useTheView(view, at, random);
    }
  }

  private static void changeTheSpace(VirtualMemory vm, AddressSpace space, long at, int dice) {
    switch (dice) {
      case 0 -> space.unmap(at, 4 * PAGE);
      case 1 -> space.unmap(space.map(4 * PAGE, Protection.READ_WRITE), 4 * PAGE);
      case 2 -> {
        try (AddressSpace child = space.fork();
            View view = child.view()) {
          view.putLong(at, 1);
        }
      }
      case 3 -> {
        space.freeze();
        space.thaw();
      }
      case 4 -> {
        long _ = vm.statistics().freePages();
        space.inherit(at, PAGE, org.pondhawk.vm.Inheritance.COPY);
      }
      default -> {
        AddressSpace another = vm.newAddressSpace();
        another.map(PAGE, Protection.READ);
        another.close();
      }
    }
  }

  private static void useTheView(View view, long at, Random random) {
    switch (random.nextInt(9)) {
      case 0 -> view.putLong(at, at);
      case 1 -> view.getLong(at);
      case 2 -> view.copyFrom(new byte[2 * PAGE], 0, 2 * PAGE, at);
      case 3 -> view.copyTo(at + 5, new long[PAGE / 8], 0, PAGE / 8);
      case 4 -> view.getAndAddLong(at, 1);
      case 5 -> view.fill(at, 3 * PAGE, (byte) 3);
      case 6 -> {
        long _ = view.mismatch(at, at + PAGE, PAGE);
        view.copy(at, at + PAGE, PAGE);
      }
      case 7 -> {
        long _ = view.tryGetLong(at, 0);
        view.putInt(at + PAGE - 2, 7);
      }
      default -> {
        try (PageWindow window = view.window(at, 2 * PAGE)) {
          while (window.next()) {
            long _ = window.bytes().get(ValueLayout.JAVA_LONG_UNALIGNED, 0);
          }
        }
      }
    }
  }

  /// Runs something that may end with any exception that is documented, but with no other.
  private void expect(Runnable call) {
    try {
      call.run();
    } catch (AccessViolationException | OutOfPagesException _) {
      // where nothing is mapped any more, or too many want too much
    } catch (IllegalStateException e) {
      if (!String.valueOf(e.getMessage()).matches(".*(closed|not frozen).*")) {
        problems.add(described(e));
      }
    } catch (Throwable e) {
      problems.add(described(e));
    }
  }

  private static String described(Throwable e) {
    return e + " " + List.of(e.getStackTrace()).subList(0, Math.min(12, e.getStackTrace().length));
  }

  // ---- the end

  /// Requires that no large stretch of addresses is left, once what was forgotten is collected.
  private void requireGivenBack(long before) throws Exception {
    long seconds = keepsViews ? 1 : GIVEN_BACK_SECONDS;
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(seconds);
    CountDownLatch never = new CountDownLatch(1);
    while (largeMappings() > before && System.nanoTime() < end && problems.isEmpty()) {
      System.gc();
      boolean _ = never.await(20, TimeUnit.MILLISECONDS); // cleaners give no signal
    }
    if (largeMappings() > before) {
      problems.add("not given back: " + (largeMappings() - before) + " bytes of page tables");
    }
    if (keepsViews && kept.isEmpty()) {
      problems.add("the canary kept nothing");
    }
  }

  /// How many bytes of addresses lie in stretches that are as large as a page table; neighbours
  /// count as one.
  private static long largeMappings() throws IOException {
    Path maps = Path.of("/proc/self/maps");
    if (!Files.exists(maps)) {
      return 0;
    }
    return Files.readAllLines(maps).stream()
        .filter(line -> line.contains(" rw-p "))
        .mapToLong(ClosingProgram::bytes)
        .filter(bytes -> bytes >= LARGE)
        .sum();
  }

  private static long bytes(String mapping) {
    String[] bounds = mapping.substring(0, mapping.indexOf(' ')).split("-", -1);
    return Long.parseUnsignedLong(bounds[1], 16) - Long.parseUnsignedLong(bounds[0], 16);
  }
}
