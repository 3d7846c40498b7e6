package org.pondhawk.testkit;

import static java.lang.foreign.ValueLayout.JAVA_LONG_UNALIGNED;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.PageWindow;
import org.pondhawk.vm.Protection;
import org.pondhawk.vm.View;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.error.AccessViolationException;
import org.pondhawk.vm.error.OutOfPagesException;

/// Many threads in the same few address spaces, on a machine with much less memory: loading and
/// storing in every way there is, while they unmap, fork and close beneath each other.
///
/// Nobody knows what anybody stores when, and still every word that is loaded is checked: a space
/// stores nothing but its own mark together with the word's address, so each word of it is that or
/// zero; in a fork, its own mark's, its parent's or zero. Anything else is another space's byte, a
/// freed frame's, or of another place.
public final class IsolationStress {
  private static final int CELLS = 4;
  private static final int CHUNK_PAGES = 16;
  private static final int HOT_PAGES = 32;
  private static final int COLD_ONE_IN = 50;
  private static final int WORDS_PER_STEP = 64;
  private static final int LONGEST_COPY_PAGES = 4;
  private static final int MARK_SHIFT = 48;
  private static final int MOST_VIOLATIONS = 20;
  private static final long BASE = 1L << 20;

  private final VirtualMemory vm;
  private final int pageSize;
  private final int pagesEach;
  private final long seed;
  private final AtomicLong lastMark = new AtomicLong();
  private final Home[] homes = new Home[CELLS];
  private final ConcurrentLinkedQueue<String> violations = new ConcurrentLinkedQueue<>();
  private final LongAdder wordsChecked = new LongAdder();
  private volatile CountDownLatch failed = new CountDownLatch(1);
  private volatile boolean stop;

  /// A space and its mark.
  ///
  /// @param parentMark of the space that it was forked from, or its own
  private record Home(AddressSpace space, long mark, long parentMark) {
    long word(long address) {
      return (mark << MARK_SHIFT) | address;
    }

    boolean mayHold(long address, long word) {
      return word == 0 || word == word(address) || word == ((parentMark << MARK_SHIFT) | address);
    }
  }

  /// Makes the spaces, which together have three times as many pages as there are frames.
  ///
  /// @param vm a machine that nobody else uses, which poisons freed frames
  public IsolationStress(VirtualMemory vm, long seed) {
    this.vm = vm;
    this.seed = seed;
    this.pageSize = vm.config().pageSize();
    int pages = (int) (3 * vm.statistics().pageCount() / CELLS);
    this.pagesEach = pages / CHUNK_PAGES * CHUNK_PAGES;
    for (int i = 0; i < CELLS; i++) {
      homes[i] = newHome();
    }
  }

  private Home newHome() {
    AddressSpace space = vm.newAddressSpace();
    space.mapAt(BASE, (long) pagesEach * pageSize, Protection.READ_WRITE);
    long mark = newMark();
    return new Home(space, mark, mark);
  }

  private long newMark() {
    return 1 + lastMark.getAndIncrement() % 0x7ffe;
  }

  private synchronized Home home(int cell) {
    return homes[cell];
  }

  private synchronized void moveTo(int cell, Home home) {
    homes[cell] = home;
  }

  /// Lets threads loose for a time, ends them, and checks the whole machine.
  ///
  /// @return whether nothing was found so far
  public boolean round(int threadCount, long millis) throws InterruptedException {
    stop = false;
    failed = new CountDownLatch(1);
    List<Thread> threads =
        IntStream.range(0, threadCount)
            .mapToObj(n -> Thread.ofPlatform().daemon().name("stress-" + n).start(() -> run(n)))
            .toList();
    boolean _ = failed.await(millis, TimeUnit.MILLISECONDS);
    stop = true;
    for (Thread thread : threads) {
      if (!thread.join(java.time.Duration.ofSeconds(30))) {
        violation("does not end: " + thread + " " + List.of(thread.getStackTrace()));
      }
    }
    if (violations.isEmpty()) {
      vm.check().problems().forEach(this::violation);
    }
    return violations.isEmpty();
  }

  /// What was found, the first few.
  public List<String> violations() {
    return List.copyOf(violations);
  }

  /// How many words were checked.
  public long wordsChecked() {
    return wordsChecked.sum();
  }

  private void violation(String what) {
    if (violations.size() < MOST_VIOLATIONS) {
      violations.add(what);
    }
    failed.countDown();
  }

  private void run(int number) {
    try (Worker worker = new Worker(new Random(seed * 31 + number + wordsChecked.sum()))) {
      while (!stop) {
        worker.step();
      }
    } catch (Throwable unexpected) {
      StringWriter trace = new StringWriter();
      unexpected.printStackTrace(new PrintWriter(trace));
      violation(trace.toString());
    }
  }

  /// One thread, with a view of each space.
  private final class Worker implements AutoCloseable {
    private final Random random;
    private final Home[] seen = new Home[CELLS];
    private final View[] views = new View[CELLS];
    private final long[] buffer = new long[LONGEST_COPY_PAGES * pageSize / Long.BYTES];

    Worker(Random random) {
      this.random = random;
    }

    void step() {
      int cell = random.nextInt(CELLS);
      try {
        View view = viewOf(cell);
        use(cell, seen[cell], view);
      } catch (AccessViolationException _) {
        // unmapped or closed beneath us
      } catch (OutOfPagesException _) {
        Thread.onSpinWait(); // too many want too much: an answer
      } catch (IllegalStateException e) {
        if (!String.valueOf(e.getMessage()).contains("closed")) {
          throw e;
        }
      }
    }

    @SuppressWarnings("ReferenceEquality") // this very home
    private View viewOf(int cell) {
      Home now = home(cell);
      if (seen[cell] != now) {
        closeView(cell);
        views[cell] = now.space().view();
        seen[cell] = now;
      }
      return views[cell];
    }

    private void closeView(int cell) {
      if (seen[cell] != null) {
        views[cell].close();
      }
    }

    private void use(int cell, Home home, View view) {
      int dice = random.nextInt(1000);
      if (dice < 350) {
        storeWords(home, view);
      } else if (dice < 450) {
        storePages(home, view);
      } else if (dice < 650) {
        loadWords(home, view);
      } else if (dice < 850) {
        loadPages(home, view);
      } else if (dice < 890) {
        readThroughAWindow(home, view);
      } else if (dice < 940) {
        exchangeWords(home, view);
      } else if (dice < 985) {
        remap(home);
      } else if (dice < 998) {
        fork(home);
      } else {
        moveTo(cell, newHome());
        home.space().close();
      }
    }

    private long somePage() {
      return random.nextInt(random.nextInt(COLD_ONE_IN) == 0 ? pagesEach : HOT_PAGES);
    }

    private long someWord() {
      return BASE
          + somePage() * pageSize
          + (long) random.nextInt(pageSize / Long.BYTES) * Long.BYTES;
    }

    private void check(Home home, long address, long word, String how) {
      if (!home.mayHold(address, word)) {
        violation(
            "%s of the space with mark 0x%x found 0x%x at 0x%x"
                .formatted(how, home.mark(), word, address));
      }
    }

    private void storeWords(Home home, View view) {
      long page = BASE + somePage() * pageSize;
      for (int i = 0; i < WORDS_PER_STEP; i++) {
        long at = page + (long) random.nextInt(pageSize / Long.BYTES) * Long.BYTES;
        view.putLong(at, home.word(at));
      }
    }

    private void loadWords(Home home, View view) {
      for (int i = 0; i < WORDS_PER_STEP; i++) {
        long at = someWord();
        check(home, at, view.getLong(at), "a load");
      }
      wordsChecked.add(WORDS_PER_STEP);
    }

    private void exchangeWords(Home home, View view) {
      for (int i = 0; i < WORDS_PER_STEP; i++) {
        long at = someWord();
        check(home, at, view.getAndSetLong(at, home.word(at)), "an exchange");
      }
      wordsChecked.add(WORDS_PER_STEP);
    }

    private int someCopy(long page) {
      long most = Math.min(LONGEST_COPY_PAGES, pagesEach - page);
      return (1 + random.nextInt((int) most)) * pageSize / Long.BYTES;
    }

    private void storePages(Home home, View view) {
      long page = somePage();
      int count = someCopy(page);
      for (int i = 0; i < count; i++) {
        buffer[i] = home.word(BASE + page * pageSize + (long) i * Long.BYTES);
      }
      view.copyFrom(buffer, 0, count, BASE + page * pageSize);
    }

    private void loadPages(Home home, View view) {
      long page = somePage();
      int count = someCopy(page);
      view.copyTo(BASE + page * pageSize, buffer, 0, count);
      for (int i = 0; i < count; i++) {
        check(home, BASE + page * pageSize + (long) i * Long.BYTES, buffer[i], "a copy");
      }
      wordsChecked.add(count);
    }

    /// A page that was unmapped meanwhile may show the pattern of freed frames, nothing else.
    private void readThroughAWindow(Home home, View view) {
      try (PageWindow window = view.window(BASE + somePage() * pageSize, pageSize)) {
        while (window.next()) {
          MemorySegment bytes = window.bytes();
          for (long i = 0; i < bytes.byteSize(); i += Long.BYTES) {
            long word = bytes.get(JAVA_LONG_UNALIGNED, i);
            if (word != 0xDEDE_DEDE_DEDE_DEDEL) {
              check(home, window.address() + i, word, "a window");
            }
          }
        }
      }
    }

    private void remap(Home home) {
      long bytes = (long) CHUNK_PAGES * pageSize;
      long at = BASE + somePage() / CHUNK_PAGES * bytes;
      home.space().unmap(at, bytes);
      try {
        home.space().mapAt(at, bytes, Protection.READ_WRITE);
      } catch (IllegalArgumentException _) {
        // somebody else was faster
      }
    }

    /// A snapshot stays as it is, whatever the parent does; and the parent never sees its stores.
    private void fork(Home parent) {
      try (AddressSpace space = parent.space().fork();
          View view = space.view()) {
        Home child = new Home(space, newMark(), parent.mark());
        for (int i = 0; i < 4; i++) {
          long page = BASE + somePage() * pageSize;
          int count = pageSize / Long.BYTES;
          view.copyTo(page, buffer, 0, count);
          for (int w = 0; w < count; w++) {
            long at = page + (long) w * Long.BYTES;
            check(child, at, buffer[w], "a snapshot");
            long again = view.getLong(at);
            if (again != buffer[w]) {
              violation("a snapshot changed at 0x%x: 0x%x, 0x%x".formatted(at, buffer[w], again));
            }
          }
          storeWords(child, view);
        }
      }
    }

    @Override
    public void close() {
      for (int cell = 0; cell < CELLS; cell++) {
        closeView(cell);
      }
    }
  }
}
