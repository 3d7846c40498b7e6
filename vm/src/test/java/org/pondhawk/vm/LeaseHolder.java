package org.pondhawk.vm;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.pondhawk.vm.sync.Helper;

/// Another thread that has a lease, until it is told to close it.
final class LeaseHolder implements AutoCloseable {
  private static final long BOUND_SECONDS = 20;

  private final CountDownLatch taken = new CountDownLatch(1);
  private final CountDownLatch end = new CountDownLatch(1);
  private final Helper<Boolean> thread;

  /// Returns when the lease is taken.
  LeaseHolder(AddressSpace space, long address, LeaseMode mode) throws InterruptedException {
    this.thread =
        Helper.start(() -> {
          try (View own = space.view();
              PageLease _ = own.lease(address, mode)) {
            taken.countDown();
            return end.await(BOUND_SECONDS, TimeUnit.SECONDS);
          }
        });
    assertThat(taken.await(BOUND_SECONDS, TimeUnit.SECONDS)).isTrue();
  }

  /// Returns when the lease is closed.
  @Override
  public void close() {
    end.countDown();
    assertThat(thread.join()).isTrue();
  }
}
