package org.pondhawk.vm.sync;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/// A second thread of a test: its end is awaited with a bound, and what it threw is thrown.
///
/// @param <T> what it results in
public final class Helper<T> {
  private static final long BOUND_SECONDS = 20;

  private final FutureTask<T> task;
  private final Thread thread;

  private Helper(Callable<T> body) {
    task = new FutureTask<>(body);
    thread = Thread.ofPlatform().daemon().name("helper").start(task);
  }

  /// Starts a thread that results in something.
  public static <T> Helper<T> start(Callable<T> body) {
    return new Helper<>(body);
  }

  /// Starts a thread.
  public static Helper<Boolean> run(Runnable body) {
    return new Helper<>(() -> {
      body.run();
      return true;
    });
  }

  /// Returns once the thread waits for something.
  public Helper<T> awaitAsleep() {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(BOUND_SECONDS);
    while (!isAsleep()) {
      if (task.isDone() || System.nanoTime() > end) {
        throw new AssertionError("the helper does not wait: " + task);
      }
      Thread.onSpinWait();
    }
    return this;
  }

  public boolean isAsleep() {
    return switch (thread.getState()) {
      case WAITING, TIMED_WAITING, BLOCKED -> true;
      default -> false;
    };
  }

  public boolean isDone() {
    return task.isDone();
  }

  public void interrupt() {
    thread.interrupt();
  }

  /// Waits for the end of the thread and returns its result.
  public T join() {
    try {
      return task.get(BOUND_SECONDS, TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw new AssertionError("the helper failed", e.getCause());
    } catch (TimeoutException e) {
      AssertionError stuck = new AssertionError("the helper is stuck", e);
      stuck.setStackTrace(thread.getStackTrace());
      throw stuck;
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }
}
