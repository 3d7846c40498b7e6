package org.pondhawk.vm.sync;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// A long loop whose pieces are done by the caller and whoever helps, for boot.
///
/// **Contract.** Every index is in exactly one call of the body. [#run] returns when all pieces are
/// done: it takes pieces itself for as long as there are any, so that it ends whether helpers come
/// or not, and then waits for those that a helper has begun, as long as the body takes for one.
///
/// **Memory effects.** What the body did happens before the return.
///
/// **Failure.** What the body threw first is thrown, after all pieces were tried.
public final class ParallelLoop {
  /// Does a piece of the loop.
  @FunctionalInterface
  public interface Body {
    /// Does the indexes from one up to another.
    void run(int from, int to);
  }

  private final int count;
  private final int piece;
  private final Body body;
  private final AtomicInteger next = new AtomicInteger();
  private final CountDownLatch left;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  private ParallelLoop(int count, int piece, Body body) {
    this.count = count;
    this.piece = piece;
    this.body = body;
    this.left = new CountDownLatch(pieces());
  }

  private int pieces() {
    return (int) (((long) count + piece - 1) / piece);
  }

  /// Runs a loop over the indexes from 0.
  ///
  /// @param count how many there are; a loop of one piece asks nobody for help
  /// @param piece how many are done in one call, at least 1
  /// @param helpers how often the executor is asked for a helper
  public static void run(int count, int piece, int helpers, Executor executor, Body body) {
    ParallelLoop loop = new ParallelLoop(count, piece, body);
    for (int n = 0; n < Math.min(helpers, loop.pieces() - 1); n++) {
      executor.execute(loop::work);
    }
    loop.work();
    loop.awaitHelpers();
  }

  private void work() {
    int pieces = pieces();
    for (int n = next.getAndIncrement(); n < pieces; n = next.getAndIncrement()) {
      int from = n * piece;
      try {
        body.run(from, (int) Math.min((long) from + piece, count));
      } catch (RuntimeException | Error e) {
        failure.compareAndSet(null, e);
      } finally {
        left.countDown();
      }
    }
  }

  private void awaitHelpers() {
    boolean interrupted = false;
    for (; ; ) {
      try {
        left.await();
        break;
      } catch (InterruptedException _) {
        interrupted = true; // what helpers store into must not be given back meanwhile
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    switch (failure.get()) {
      case RuntimeException e -> throw e;
      case Error e -> throw e;
      case null, default -> {}
    }
  }
}
