package org.pondhawk.testkit;

import java.util.Map;
import org.pondhawk.vm.VirtualMemory;
import org.pondhawk.vm.VmConfig;
import org.pondhawk.vm.boot.Seams;

/// [IsolationStress] as a program, because a broken machine may take its process with it.
///
/// Exit status 0: nothing found. 3: something found, and printed.
public final class IsolationProgram {
  private static final long SWAP = 96L << 20;
  private static final int FOUND = 3;

  private static final Map<String, Seams> MACHINES =
      Map.of(
          "sound", Seams.SOUND,
          "no-grace-period", BrokenParts.noGracePeriod(),
          "written-too-early", BrokenParts.writtenTooEarly(),
          "fork-does-not-wait", BrokenParts.forkDoesNotWait());

  private IsolationProgram() {}

  /// Runs it.
  ///
  /// @param arguments the machine, the length of a round in milliseconds, and how many rounds at
  ///   most
  public static void main(String[] arguments) throws InterruptedException {
    Seams seams = MACHINES.getOrDefault(arguments[0], Seams.SOUND);
    long millis = Long.parseLong(arguments[1]);
    int rounds = Integer.parseInt(arguments[2]);
    int threads = 4 * Runtime.getRuntime().availableProcessors();
    long seed = Seeds.fresh();
    VmConfig.Builder config =
        VmConfig.builder()
            .pageSize(Integer.parseInt(arguments[3]))
            .swap(SWAP)
            .poisonFreedFrames(true);
    config.physicalMemory(config.build().minimumPhysicalMemory());
    VirtualMemory vm = VirtualMemory.boot(config.build(), seams);
    IsolationStress stress = new IsolationStress(vm, seed);
    int done = 0;
    while (done < rounds && stress.round(threads, millis)) {
      done++;
    }
    System.out.printf(
        "seed %d, %d threads, %d rounds, %d words checked%n",
        seed, threads, done, stress.wordsChecked());
    stress.violations().forEach(System.out::println);
    System.exit(stress.violations().isEmpty() ? 0 : FOUND);
  }
}
