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
      List<Callable<Double>> tasks = new ArrayList<>();
      for (Supplier<Work> maker : makers) {
        tasks.add(() -> member(maker, start, millis));
      }
      double sum = 0;
      for (Future<Double> one : threads.invokeAll(tasks)) {
        sum += one.get();
      }
      return sum;
    } finally {
      threads.shutdown();
    }
  }

  private static double member(Supplier<Work> maker, CyclicBarrier start, int millis)
      throws Exception {
    try (Work work = maker.get()) {
      long sum = work.run(Thread.currentThread().threadId(), CHUNK);
      start.await();
      long from = System.nanoTime();
      long operations = 0;
      long elapsed;
      do {
        sum += work.run(Thread.currentThread().threadId() + operations, CHUNK);
        operations += CHUNK;
        elapsed = System.nanoTime() - from;
      } while (elapsed < millis * NANOS_PER_MILLI);
      Turns.sink = sum;
      return (double) operations / elapsed;
    }
  }
}
