package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Supplier;

/// Several threads in the same loop at the same time, each with its own work.
final class Team {
  private static final int CHUNK = 20_000;
  private static final long NANOS_PER_MILLI = 1_000_000L;

  private Team() {}

  /// Runs one thread for each work.
  ///
  /// @param makers each called in the thread that runs what it makes
  /// @return operations a nanosecond, of all threads together
  static double throughput(List<Supplier<Work>> makers, int millis) throws Exception {
    var start = new CyclicBarrier(makers.size());
    ExecutorService threads = Executors.newFixedThreadPool(makers.size());
    try {
      List<Callable<Share>> tasks = new ArrayList<>();
      for (Supplier<Work> maker : makers) {
        tasks.add(() -> member(maker, start, millis));
      }
      List<Share> shares = new ArrayList<>();
      for (Future<Share> one : threads.invokeAll(tasks)) {
        shares.add(one.get());
      }
      return throughput(shares);
    } finally {
      threads.shutdown();
    }
  }

  /// What one thread did, and when by the clock.
  private record Share(long operations, long from, long to) {}

  /// From the first start to the last end: where there are more threads than processors, some run
  /// when others have ended.
  private static double throughput(List<Share> shares) {
    long operations = shares.stream().mapToLong(Share::operations).sum();
    long first = shares.getFirst().from();
    long from = shares.stream().mapToLong(share -> share.from() - first).min().orElse(0);
    long to = shares.stream().mapToLong(share -> share.to() - first).max().orElse(0);
    return (double) operations / (to - from);
  }

  private static Share member(Supplier<Work> maker, CyclicBarrier start, int millis)
      throws Exception {
    try (Work work = maker.get()) {
      long sum = work.run(Thread.currentThread().threadId(), CHUNK);
      start.await();
      long from = System.nanoTime();
      long operations = 0;
      long now;
      do {
        sum += work.run(Thread.currentThread().threadId() + operations, CHUNK);
        operations += CHUNK;
        now = System.nanoTime();
      } while (now - from < millis * NANOS_PER_MILLI);
      Turns.sink = sum;
      return new Share(operations, from, now);
    }
  }
}
