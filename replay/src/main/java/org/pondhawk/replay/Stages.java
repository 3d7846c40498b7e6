package org.pondhawk.replay;

import java.util.EnumMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/// Keeps the processes of a replay in step: a stage is opened for all, and each one finishes it.
final class Stages {
  private final Map<Stage, CountDownLatch> opened = new EnumMap<>(Stage.class);
  private final Map<Stage, CountDownLatch> finished = new EnumMap<>(Stage.class);

  Stages(int processCount) {
    for (Stage stage : Stage.values()) {
      opened.put(stage, new CountDownLatch(1));
      finished.put(stage, new CountDownLatch(processCount));
    }
  }

  void open(Stage stage) {
    latch(opened, stage).countDown();
  }

  /// Waits until a stage is open. Whoever runs the stages opens all of them, whatever happens.
  void enter(Stage stage) {
    try {
      latch(opened, stage).await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted before " + stage, e);
    }
  }

  /// Tells that one process is through with a stage.
  void finish(Stage stage) {
    latch(finished, stage).countDown();
  }

  /// Waits until all processes are through with a stage.
  ///
  /// @return whether they are
  boolean awaitFinished(Stage stage, long nanos) throws InterruptedException {
    return latch(finished, stage).await(nanos, TimeUnit.NANOSECONDS);
  }

  private static CountDownLatch latch(Map<Stage, CountDownLatch> latches, Stage stage) {
    CountDownLatch latch = latches.get(stage);
    if (latch == null) {
      throw new AssertionError("no latch for " + stage);
    }
    return latch;
  }
}
