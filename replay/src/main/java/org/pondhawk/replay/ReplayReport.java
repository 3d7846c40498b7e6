package org.pondhawk.replay;

import java.util.List;
import java.util.function.ToLongFunction;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What came of a replay.
///
/// @param settings what it ran on
/// @param processes what each process did
/// @param figures the counters of the machine at the end, with all address spaces still open
/// @param checkProblems what the examination of the machine found
/// @param times how long the stages took
/// @param stopped whether it was asked to stop before its end
/// @param abandoned why it was given up with processes still running, or null
public record ReplayReport(
    ReplaySettings settings,
    List<ProcessReport> processes,
    MachineFigures figures,
    List<String> checkProblems,
    StageTimes times,
    boolean stopped,
    @Nullable String abandoned) {

  private static final double NANOS = 1e9;

  /// Keeps copies of the lists.
  public ReplayReport {
    processes = List.copyOf(processes);
    checkProblems = List.copyOf(checkProblems);
  }

  /// The references that were replayed.
  public long references() {
    return sum(ProcessReport::references);
  }

  /// The references that wrote.
  public long writes() {
    return sum(ProcessReport::writes);
  }

  /// The speed of the replay stage.
  public double referencesPerSecond() {
    return times.replayNanos() == 0 ? 0 : references() * NANOS / times.replayNanos();
  }

  /// The bytes that were checked; one that was checked twice counts twice.
  public long checkedBytes() {
    return sum(ProcessReport::checkedBytes);
  }

  /// The bytes that were found wrong.
  public long wrongBytes() {
    return sum(ProcessReport::wrongBytes);
  }

  /// The bytes that the final check did not come to.
  public long uncheckedBytes() {
    return sum(ProcessReport::uncheckedBytes);
  }

  /// The memory that the processes touch.
  public long footprintBytes() {
    return sum(ProcessReport::footprintBytes);
  }

  /// The verdict on the machine: `clean`, or what is wrong, or that nobody could look.
  public String check() {
    if (abandoned != null) {
      return "not examined, because processes were still running";
    }
    return checkProblems.isEmpty() ? "clean" : String.join("; ", checkProblems);
  }

  /// What ended the replay or one of its processes early, or null.
  public @Nullable String failure() {
    Stream<String> failures =
        processes.stream()
            .flatMap(
                p -> p.failure() == null ? Stream.of() : Stream.of(p.name() + ": " + p.failure()));
    return Stream.concat(Stream.ofNullable(abandoned), failures).findFirst().orElse(null);
  }

  /// Whether every byte that was checked was right, no process failed, and the machine is clean.
  public boolean isGood() {
    return wrongBytes() == 0 && failure() == null && checkProblems.isEmpty();
  }

  private long sum(ToLongFunction<ProcessReport> figure) {
    return processes.stream().mapToLong(figure).sum();
  }
}
