package org.pondhawk.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pondhawk.replay.Replay;

/// Ctrl-C: stops the replay and keeps the JVM alive until its report is printed.
///
/// Made before the machine is, so that there is no moment at which a swap file could be left
/// behind. If nothing interrupts, [#close] makes it as if it had never been.
final class Interrupt implements AutoCloseable {
  /// Longer than a replay takes to stop.
  private static final long PATIENCE_SECONDS = 5;

  private final Thread hook = Thread.ofPlatform().name("interrupt").unstarted(this::interrupted);
  private final CountDownLatch over = new CountDownLatch(1);
  private volatile int status = ExitStatus.GOOD;
  private @Nullable Replay replay;
  private boolean requested;

  Interrupt() {
    Runtime.getRuntime().addShutdownHook(hook);
  }

  /// From now on an interrupt stops this replay; at once, if it came before.
  synchronized void stops(Replay itsReplay) {
    replay = itsReplay;
    if (requested) {
      itsReplay.requestStop();
    }
  }

  /// The report is out.
  void reported(int exitStatus) {
    status = exitStatus;
  }

  private synchronized void request() {
    requested = true;
    if (replay != null) {
      replay.requestStop();
    }
  }

  private void interrupted() {
    request();
    try {
      boolean inTime = over.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
      if (inTime && status != ExitStatus.GOOD) {
        Runtime.getRuntime().halt(status); // says more than that there was a signal
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    over.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException _) {
      // The JVM is going down already, and the hook is what waits for us.
    }
  }
}
