package org.pondhawk.replay;

import java.util.EnumSet;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.error.OutOfPagesException;

/// A process: one thread, one address space, one trace.
///
/// It maps the regions of its trace, preloads them, replays the references, and checks every byte
/// at the end. What goes wrong is kept as its failure, and stops the others too.
final class ReplayProcess implements Runnable {
  /// So many references run between two looks at the stop signal.
  private static final int SLICE = 512;

  private final String name;
  private final Trace trace;
  private final PageSet pages;
  private final long key;
  private final Machine machine;
  private final Stages stages;
  private final StopSignal stop;
  private final LongSupplier clock;
  private final boolean repeats;
  private final ByteTally tally = new ByteTally();

  private volatile @Nullable String failure;
  private final AtomicLong references = new AtomicLong();
  private final AtomicLong steps = new AtomicLong();
  private long writes;
  private long passes;
  private int checkedPages;

  /// @param key a number that no other process has
  ReplayProcess(String name, Trace trace, PageSet pages, long key, Conditions conditions) {
    this.name = name;
    this.trace = trace;
    this.pages = pages;
    this.key = key;
    this.machine = conditions.machine();
    this.stages = conditions.stages();
    this.stop = conditions.stop();
    this.clock = conditions.clock();
    this.repeats = conditions.repeats();
  }

  @Override
  public void run() {
    Set<Stage> unfinished = EnumSet.allOf(Stage.class);
    try (ProcessMemory memory = machine.newProcess()) {
      var stamps = new Stamps(key, pages, Regions.map(pages, memory), memory, tally);
      for (Stage stage : EnumSet.range(Stage.PRELOAD, Stage.CHECK)) {
        stages.enter(stage);
        live(stage, stamps);
        unfinished.remove(stage);
        stages.finish(stage);
      }
      stages.enter(Stage.CLOSE);
    } catch (RuntimeException | Error e) {
      failure = describe(e);
      stop.raise();
    } finally {
      unfinished.forEach(stages::finish);
    }
  }

  private void live(Stage stage, Stamps stamps) {
    switch (stage) {
      case PRELOAD -> preload(stamps);
      case REPLAY -> replay(stamps);
      case CHECK -> check(stamps);
      case CLOSE -> throw new AssertionError("nothing to do in " + stage);
    }
  }

  private void preload(Stamps stamps) {
    for (int index = 0; index < pages.count() && !stop.isRaised(); index++) {
      if (pages.isReadFirst(index)) {
        stamps.preload(index);
        steps.getAndIncrement();
      }
    }
  }

  private void replay(Stamps stamps) {
    while (replayOnce(stamps)) {
      passes++;
      if (!repeats) {
        return;
      }
    }
  }

  /// Goes through the trace. Returns whether it came to the end.
  private boolean replayOnce(Stamps stamps) {
    References all = trace.references();
    for (int b = 0; b < all.blockCount(); b++) {
      int[] block = all.block(b);
      int length = all.lengthOf(b);
      for (int from = 0; from < length; from += SLICE) {
        if (stop.isRaised()) {
          return false;
        }
        int count = Math.min(SLICE, length - from);
        int written = replaySlice(stamps, block, from, count);
        writes += written;
        tally.checkedAtReads((long) (count - written) * Stamps.BYTES_PER_READ);
        references.getAndAdd(count);
      }
    }
    return true;
  }

  /// The hot loop: allocates nothing and shares nothing. Returns how many references wrote.
  private int replaySlice(Stamps stamps, int[] block, int from, int count) {
    int[] indexOfId = pages.indexOfId();
    int written = 0;
    for (int i = from; i < from + count; i++) {
      int reference = block[i];
      int index = indexOfId[Trace.pageOf(reference)];
      if (Trace.isWrite(reference)) {
        stamps.write(index);
        written++;
      } else {
        stamps.read(index);
      }
    }
    return written;
  }

  private void check(Stamps stamps) {
    while (checkedPages < pages.count() && !stop.isCheckOver(clock.getAsLong())) {
      stamps.checkWhole(checkedPages);
      checkedPages++;
      steps.getAndIncrement();
    }
  }

  private static String describe(Throwable failure) {
    String what = failure.getClass().getSimpleName() + ": " + failure.getMessage();
    return failure instanceof OutOfPagesException ? "out of memory and swap: " + what : what;
  }

  /// How many references have been replayed; changes as the process runs.
  long references() {
    return references.get();
  }

  /// A number that grows as long as the process gets on with its work.
  long progress() {
    return references.get() + steps.get();
  }

  /// What the process did. Complete only when it has come to its end.
  ProcessReport report() {
    return new ProcessReport(
        name,
        pages.bytes(),
        references.get(),
        writes,
        passes,
        tally.readBytes(),
        tally.finalBytes(),
        tally.wrongBytes(),
        (long) (pages.count() - checkedPages) * pages.pageSize(),
        tally.wrongPlaces(),
        failure);
  }
}
