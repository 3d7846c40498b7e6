package org.pondhawk.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.AddressSpace;
import org.pondhawk.vm.View;

/// Threads that store at random places of a space until they are told to stop, each through its own
/// view. The first one times its stores.
final class StoringThreads implements AutoCloseable {
  private static final int STORES_PER_LOOK = 256;

  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final List<Future<?>> running = new ArrayList<>();
  private final Histogram times = new Histogram();
  private volatile boolean timing;
  private volatile boolean stopped;

  /// Starts the threads.
  ///
  /// @return when all of them are storing
  static StoringThreads start(int count, AddressSpace space, long base, long bytes)
      throws InterruptedException {
    var all = new StoringThreads();
    var started = new CountDownLatch(count);
    for (int n = 0; n < count; n++) {
      boolean timed = n == 0;
      long seed = n;
      all.running.add(
          all.threads.submit(() -> {
            try (View view = space.view()) {
              started.countDown();
              all.store(view, base, Walk.shiftFor(bytes), seed, timed);
            }
          }));
    }
    started.await();
    return all;
  }

  private void store(View view, long base, int shift, long seed, boolean timed) {
    long state = seed;
    while (!stopped) {
      if (timed && timing) {
        state = timedStores(view, base, shift, state);
      } else {
        state = stores(view, base, shift, state);
      }
    }
  }

  private static long stores(View view, long base, int shift, long seed) {
    long state = seed;
    for (int i = 0; i < STORES_PER_LOOK; i++) {
      state = Walk.next(state);
      view.putLong(base + Walk.place(state, shift), i);
    }
    return state;
  }

  private long timedStores(View view, long base, int shift, long seed) {
    long state = seed;
    long last = System.nanoTime();
    for (int i = 0; i < STORES_PER_LOOK; i++) {
      state = Walk.next(state);
      view.putLong(base + Walk.place(state, shift), i);
      long now = System.nanoTime();
      times.add(now - last);
      last = now;
    }
    return state;
  }

  /// Lets the first thread time its stores from now on.
  void time() {
    timing = true;
  }

  /// Ends the threads.
  ///
  /// @return what ended a thread before that, or null
  @Nullable Throwable stop() throws InterruptedException {
    stopped = true;
    threads.shutdown();
    @Nullable Throwable failure = null;
    for (Future<?> one : running) {
      try {
        one.get();
      } catch (ExecutionException e) {
        failure = e.getCause();
      }
    }
    return failure;
  }

  /// The times of the first one's stores, once it has stopped.
  Histogram times() {
    return times;
  }

  @Override
  public void close() {
    stopped = true;
    threads.close();
  }
}
