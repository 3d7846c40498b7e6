package org.pondhawk.replay;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.function.LongSupplier;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;

/// A replay: a machine, and the processes that run traces on it.
///
/// **Contract.** Made by [#boot], run once by [#run], closed by [#close], which removes the swap
/// file. [#requestStop] may come from any thread and is heard within a moment: the processes stop,
/// what there is time for is checked, and [#run] returns its report.
///
/// **Failure.** A process that fails stops the others; their bytes are still checked. A replay that
/// makes no progress is given up, and its report says so: [#run] never waits for ever.
public final class Replay implements AutoCloseable {
  private final Machine machine;
  private final StopSignal stop = new StopSignal();
  private final LongSupplier clock;
  private final ReplayRun run;

  Replay(ReplayPlan plan, Machine machine, ThreadFactory threads, LongSupplier clock) {
    this.machine = machine;
    this.clock = clock;
    var stages = new Stages(plan.traces().size() * plan.copies());
    var conditions = new Conditions(machine, stages, stop, clock, plan.duration() != null);
    this.run =
        new ReplayRun(plan, settings(plan), conditions, processes(plan, conditions), threads);
  }

  /// Boots the machine of a plan.
  ///
  /// @throws IllegalArgumentException if the machine cannot be made like that, for instance because
  ///   it has too little memory
  /// @throws java.io.UncheckedIOException if the swap file cannot be made
  public static Replay boot(ReplayPlan plan) {
    var machine = new VmMachine(VirtualMemory.boot(plan.machine()));
    return new Replay(
        plan, machine, Thread.ofPlatform().daemon().name("replay-", 1).factory(), System::nanoTime);
  }

  private static ReplaySettings settings(ReplayPlan plan) {
    VmConfig config = plan.machine();
    return new ReplaySettings(
        config.physicalMemory(),
        config.swap(),
        config.pageSize(),
        config.cpus(),
        config.topology(),
        plan.seed());
  }

  private static List<ReplayProcess> processes(ReplayPlan plan, Conditions conditions) {
    var processes = new ArrayList<ReplayProcess>();
    for (Trace trace : plan.traces()) {
      PageSet pages = PageSet.of(trace, plan.machine().pageSize());
      for (int copy = 1; copy <= plan.copies(); copy++) {
        String name = plan.copies() == 1 ? trace.name() : trace.name() + "#" + copy;
        long key = Mix.mix(plan.seed(), processes.size());
        processes.add(new ReplayProcess(name, trace, pages, key, conditions));
      }
    }
    return List.copyOf(processes);
  }

  /// Runs the processes to their end, checks their bytes, and examines the machine. Only once.
  public ReplayReport run(ReplayListener listener) {
    return run.run(listener);
  }

  /// Shows something of the machine as it is now; until it is closed, from any thread.
  ///
  /// @return lines of text
  public String show(Exhibit exhibit) {
    return machine.show(exhibit);
  }

  /// Ends the replay soon: [#run] will return a report of what was done so far.
  public void requestStop() {
    stop.hurry(clock.getAsLong() + ReplayRun.HURRIED_CHECK_NANOS);
  }

  /// Closes the machine. If processes are stuck in it, waits only a moment for them.
  @Override
  public void close() {
    if (run.isAbandoned()) {
      run.closeInPassing(machine);
    } else {
      machine.close();
    }
  }
}
