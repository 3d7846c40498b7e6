package org.pondhawk.replay;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.VmConfig;

/// What to replay, and on what machine.
///
/// @param traces what runs: a process for each
/// @param copies how many processes run each trace
/// @param machine the machine to boot
/// @param seed what the bytes depend on
/// @param duration how long to repeat the traces, or null to replay each once
public record ReplayPlan(
    List<Trace> traces, int copies, VmConfig machine, long seed, @Nullable Duration duration) {

  /// Refuses a plan without processes.
  public ReplayPlan {
    traces = List.copyOf(traces);
    if (traces.isEmpty() || copies < 1) {
      throw new IllegalArgumentException(traces.size() + " traces, " + copies + " copies");
    }
  }

  /// The memory that `copies` processes for each trace touch, in whole pages of a machine.
  public static long footprintBytes(List<Trace> traces, int copies, int pageSize) {
    long bytes = 0;
    for (Trace trace : traces) {
      bytes = Math.addExact(bytes, PageSet.of(trace, pageSize).bytes());
    }
    return Math.multiplyExact(bytes, copies);
  }
}
