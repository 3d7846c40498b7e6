package org.pondhawk.replay;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.MINUTES;
import static java.util.concurrent.TimeUnit.NANOSECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;

import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadFactory;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// One run of a replay: leads the processes through the stages and watches over them.
final class ReplayRun {
  /// How long the final check may take after a request to stop.
  static final long HURRIED_CHECK_NANOS = SECONDS.toNanos(1);

  /// How long after that the processes may take to end.
  private static final long HURRIED_END_NANOS = MILLISECONDS.toNanos(500);

  /// Longer than any wait in the machine: without progress for so long, a replay is given up.
  private static final long STALL_NANOS = MINUTES.toNanos(2);

  private static final long SAMPLE_NANOS = SECONDS.toNanos(1);
  private static final long LOOK_NANOS = MILLISECONDS.toNanos(100);
  private static final long CLOSE_MILLIS = 500;

  private final ReplaySettings settings;
  private final Machine machine;
  private final Stages stages;
  private final StopSignal stop;
  private final LongSupplier clock;
  private final List<ReplayProcess> processes;
  private final ThreadFactory threads;
  private final @Nullable Duration duration;
  private final Map<Stage, Long> stageNanos = new EnumMap<>(Stage.class);
  private final List<String> problems = new ArrayList<>();

  private long beganNanos;
  private long nextSampleNanos;
  private long lastProgress;
  private long lastProgressNanos;
  private boolean interrupted;
  private volatile @Nullable String abandoned;

  ReplayRun(
      ReplayPlan plan,
      ReplaySettings settings,
      Conditions conditions,
      List<ReplayProcess> processes,
      ThreadFactory threads) {
    this.settings = settings;
    this.duration = plan.duration();
    this.machine = conditions.machine();
    this.stages = conditions.stages();
    this.stop = conditions.stop();
    this.clock = conditions.clock();
    this.processes = processes;
    this.threads = threads;
  }

  ReplayReport run(ReplayListener listener) {
    beganNanos = clock.getAsLong();
    nextSampleNanos = beganNanos + SAMPLE_NANOS;
    lastProgressNanos = beganNanos;
    processes.forEach(process -> threads.newThread(process).start());
    try {
      runStage(Stage.PRELOAD, listener);
      runStage(Stage.REPLAY, listener);
      listener.sampled(sample(Stage.REPLAY, clock.getAsLong()));
      runStage(Stage.CHECK, listener);
      examine("");
      MachineFigures figures = machine.figures();
      runStage(Stage.CLOSE, listener);
      examine(" (after the processes closed)");
      return report(figures);
    } finally {
      for (Stage stage : Stage.values()) {
        stages.open(stage);
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  boolean isAbandoned() {
    return abandoned != null;
  }

  /// Closes a machine in which threads are stuck, without being caught in it too.
  void closeInPassing(Machine stuck) {
    Thread closer = threads.newThread(stuck::close);
    closer.start();
    try {
      closer.join(CLOSE_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void runStage(Stage stage, ReplayListener listener) {
    long startNanos = clock.getAsLong();
    stages.open(stage);
    while (!isAbandoned() && !awaitFinished(stage)) {
      long now = clock.getAsLong();
      if (stage == Stage.REPLAY && duration != null && now - startNanos >= duration.toNanos()) {
        stop.raise();
      }
      watch(now);
      if (now - nextSampleNanos >= 0) {
        listener.sampled(sample(stage, now));
        nextSampleNanos += SAMPLE_NANOS;
      }
    }
    stageNanos.put(stage, clock.getAsLong() - startNanos);
  }

  private boolean awaitFinished(Stage stage) {
    try {
      return stages.awaitFinished(stage, LOOK_NANOS);
    } catch (InterruptedException _) {
      interrupted = true;
      stop.hurry(clock.getAsLong() + HURRIED_CHECK_NANOS);
      return false;
    }
  }

  /// Gives the replay up if nothing moves, or if it does not end when it should.
  private void watch(long now) {
    long progress = 0;
    for (ReplayProcess process : processes) {
      progress += process.progress();
    }
    if (progress != lastProgress) {
      lastProgress = progress;
      lastProgressNanos = now;
    }
    if (now - lastProgressNanos >= STALL_NANOS) {
      abandon("no progress for " + NANOSECONDS.toSeconds(STALL_NANOS) + " s");
    } else if (stop.isCheckOver(now - HURRIED_END_NANOS)) {
      abandon("stopped, and processes did not end in time");
    }
  }

  private void abandon(String why) {
    abandoned = why;
    stop.giveUp();
  }

  private void examine(String when) {
    if (isAbandoned()) {
      return;
    }
    try {
      machine.check().forEach(problem -> problems.add(problem + when));
    } catch (RuntimeException e) {
      problems.add("the examination failed" + when + ": " + e);
    }
  }

  private ReplaySample sample(Stage stage, long now) {
    long references = 0;
    for (ReplayProcess process : processes) {
      references += process.references();
    }
    return new ReplaySample(stage, now - beganNanos, references, machine.figures());
  }

  private ReplayReport report(MachineFigures figures) {
    var times =
        new StageTimes(
            nanos(Stage.PRELOAD),
            nanos(Stage.REPLAY),
            nanos(Stage.CHECK),
            clock.getAsLong() - beganNanos);
    List<ProcessReport> reports = processes.stream().map(ReplayProcess::report).toList();
    return new ReplayReport(
        settings, reports, figures, problems, times, stop.isHurried(), abandoned);
  }

  private long nanos(Stage stage) {
    return stageNanos.getOrDefault(stage, 0L);
  }
}
