package org.pondhawk.cli;

import java.io.InputStream;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.pondhawk.replay.Exhibit;
import org.pondhawk.replay.Replay;
import org.pondhawk.replay.ReplayListener;
import org.pondhawk.replay.ReplayPlan;
import org.pondhawk.replay.ReplayReport;
import org.pondhawk.replay.Stage;
import org.pondhawk.replay.Trace;
import org.pondhawk.vm.VmConfig;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/// The main job: replays traces on a machine with too little memory and checks every byte.
@Command(
    name = "run",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    usageHelpWidth = 100,
    description = {
      "Replays memory traces of real programs on a machine that is short of memory.",
      "Each program is a process, each byte that it reads is checked; the rest lies in a swap file.%n"
    },
    exitCodeListHeading = "%nStatus:%n",
    exitCodeList = {
      "0:nothing was wrong",
      "1:a byte or an invariant was wrong, or the run failed",
      "2:bad usage; nothing was run"
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  pondhawk run                       the bundled traces, at half of their memory",
      "  pondhawk run --memory 1/8          with much less",
      "  pondhawk run --set vm.v_free_min=300 --show page   with another level; and what came of it",
      "  pondhawk run --seconds 60 --json   for a minute; the report is one JSON object",
      "  valgrind --tool=lackey --trace-mem=yes ls 2>&1 | pondhawk run --trace -%n"
    })
final class RunCommand implements Callable<Integer> {
  private static final int MIN_PAGE_SIZE = 4 << 10;
  private static final int MAX_PAGE_SIZE = 64 << 10;
  private static final int MAX_COPIES = 1_000;
  private static final int MAX_CPUS = 1024;
  private static final long MAX_SECONDS = Duration.ofDays(365).toSeconds();

  /// Without any progress for so long, a machine is out of memory and swap.
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  /// The default swap is the footprint, a quarter of it, and this.
  private static final long SWAP_MARGIN = 16 << 20;

  @Option(
      names = "--memory",
      paramLabel = "SIZE|N/M",
      converter = MemoryShare.Converter.class,
      description = {
        "Physical memory: a size (64m), or a share of what the processes touch (1/8).",
        "It counts everything, the machine's own structures too. Default: 1/2"
      })
  private @Nullable MemoryShare memory;

  @Option(
      names = "--swap",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "Size of the swap file. Default: enough for all that the processes touch")
  private @Nullable ByteSize swap;

  @Option(
      names = "--swap-file",
      paramLabel = "FILE",
      description = {
        "Keep the swap file at this path while running; it is removed at the end.",
        "Default: a file without a name among the temporary files"
      })
  private @Nullable Path swapFile;

  @Option(
      names = "--page-size",
      paramLabel = "SIZE",
      converter = ByteSize.Converter.class,
      description = "A power of two from 4k to 64k. Default: 4k")
  private ByteSize pageSize = new ByteSize(MIN_PAGE_SIZE);

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      arity = "1..*",
      description = {
        "Traces to replay, each by a process: VMTRACE1, or the text of",
        "valgrind --tool=lackey --trace-mem=yes; '-' is standard input. Default: the bundled ones"
      })
  private List<String> traceFiles = List.of();

  @Option(
      names = "--copies",
      paramLabel = "N",
      description = "Processes for each trace. Default: 1")
  private int copies = 1;

  @Option(
      names = "--seconds",
      paramLabel = "N",
      description = "Repeat the traces for so long. Default: once, to their end")
  private @Nullable Long seconds;

  @Option(
      names = "--cpus",
      paramLabel = "N",
      description = "CPUs that the machine is made for. Default: those that there are")
  private @Nullable Integer cpus;

  @Option(
      names = "--topology",
      paramLabel = "SxCxT",
      description = {
        "In place of --cpus: sockets, cores of each and threads of each of these, as in 2x8x2.",
        "Default: those of this computer"
      })
  private @Nullable String topology;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "What the bytes and the choices depend on. Default: another one each time")
  private long seed = RandomGenerator.getDefault().nextInt(Integer.MAX_VALUE);

  @Option(
      names = "--set",
      paramLabel = "NAME=VALUE",
      description = {
        "Choose a tunable of the machine, such as vm.v_free_min=200; may be repeated.",
        "`pondhawk tunables` lists them"
      })
  private List<String> settings = List.of();

  @Option(
      names = "--show",
      paramLabel = "WHAT",
      split = ",",
      description = {
        "Show the machine as a debugger does when the replay is over: page (counts and levels),",
        "pageq (the length of each queue), map (what each process has mapped), zone (the pools of",
        "items), or several: page,pageq,map. With --json on standard error"
      })
  private List<String> shown = List.of();

  @Option(
      names = {"-q", "--quiet"},
      description = "No line each second, only the report")
  private boolean quiet;

  @Option(
      names = "--json",
      description = "The report as one JSON object; the lines each second on standard error")
  private boolean json;

  private List<String> exhibited = List.of();
  private final InputStream in;
  private final PrintWriter out;
  private final PrintWriter err;

  RunCommand(InputStream in, PrintWriter out, PrintWriter err) {
    this.in = in;
    this.out = out;
    this.err = err;
  }

  @Override
  public Integer call() {
    checkRanges();
    List<Trace> traces = TraceArguments.open(traceFiles, in);
    ReplayPlan plan = plan(traces);
    try (var interrupt = new Interrupt()) {
      ReplayReport report;
      try (Replay replay = boot(plan)) {
        interrupt.stops(replay);
        report = replay.run(watching(replay));
      }
      print(report);
      exhibited.forEach((json ? err : out)::print);
      int status = report.isGood() ? ExitStatus.GOOD : ExitStatus.WRONG;
      interrupt.reported(status);
      return status;
    }
  }

  /// Shows the machine as it is when the replay is over, while the processes have their memory yet.
  private ReplayListener watching(Replay replay) {
    ReplayListener lines = progress();
    return sample -> {
      lines.sampled(sample);
      if (sample.stage() == Stage.REPLAY) { // the last of them says that it is over
        exhibited = exhibits().stream().map(replay::show).toList();
      }
    };
  }

  private List<Exhibit> exhibits() {
    return shown.stream().map(RunCommand::exhibit).toList();
  }

  private static Exhibit exhibit(String word) {
    for (Exhibit exhibit : Exhibit.values()) {
      if (exhibit.name().toLowerCase(Locale.ROOT).equals(word.strip())) {
        return exhibit;
      }
    }
    throw new BadUsageException("--show " + word + " is not one of: page, pageq, map, zone");
  }

  private void checkRanges() {
    exhibits();
    long size = pageSize.bytes();
    if (Long.bitCount(size) != 1 || size < MIN_PAGE_SIZE || size > MAX_PAGE_SIZE) {
      throw new BadUsageException(
          "--page-size " + ByteSize.format(size) + " is not a power of two from 4k to 64k");
    }
    checkRange("--copies", copies, MAX_COPIES);
    if (cpus != null && topology != null) {
      throw new BadUsageException("--topology and --cpus say the same: one of them is enough");
    }
    if (cpus != null) {
      checkRange("--cpus", cpus, MAX_CPUS);
    }
    if (seconds != null) {
      checkRange("--seconds", seconds, MAX_SECONDS);
    }
  }

  private static void checkRange(String option, long value, long max) {
    if (value < 1 || value > max) {
      throw new BadUsageException(option + " " + value + " is not from 1 to " + max);
    }
  }

  private ReplayPlan plan(List<Trace> traces) {
    int pageBytes = (int) pageSize.bytes();
    long footprint = ReplayPlan.footprintBytes(traces, copies, pageBytes);
    try {
      VmConfig machine = machine(pageBytes, footprint);
      Duration duration = seconds == null ? null : Duration.ofSeconds(seconds);
      return new ReplayPlan(traces, copies, machine, seed, duration);
    } catch (IllegalArgumentException e) {
      throw new BadUsageException(
          "no machine with such --memory, --swap and --page-size: " + e.getMessage(), e);
    }
  }

  private VmConfig machine(int pageBytes, long footprint) {
    long swapBytes = swap != null ? swap.bytes() : footprint + footprint / 4 + SWAP_MARGIN;
    SwapPlace place = SwapPlace.of(swapFile);
    place.check(swapBytes);
    VmConfig.Builder machine =
        VmConfig.builder().pageSize(pageBytes).patience(PATIENCE).swapDirectory(place.directory());
    chooseProcessors(machine);
    settings.forEach(setting -> choose(machine, setting));
    if (place.file() == null) {
      machine.swap(swapBytes);
    } else {
      machine.swap(place.file(), swapBytes);
    }
    return machine.physicalMemory(memoryBytes(machine, footprint)).build();
  }

  private void chooseProcessors(VmConfig.Builder machine) {
    if (cpus != null) {
      machine.cpus(cpus);
    }
    if (topology != null) {
      try {
        machine.topology(topology);
      } catch (IllegalArgumentException e) {
        throw new BadUsageException("--" + e.getMessage(), e);
      }
    }
  }

  private static void choose(VmConfig.Builder machine, String setting) {
    int equals = setting.indexOf('=');
    if (equals < 1) {
      throw new BadUsageException("--set " + setting + " is not NAME=VALUE");
    }
    try {
      machine.tunable(setting.substring(0, equals).strip(), setting.substring(equals + 1));
    } catch (IllegalArgumentException e) {
      throw new BadUsageException("--set " + setting + ": " + e.getMessage(), e);
    }
  }

  /// What was asked for; or half of the footprint, but not less than a machine needs.
  private long memoryBytes(VmConfig.Builder machine, long footprint) {
    long half = footprint / 2;
    long wanted = memory == null ? half : memory.bytes(footprint);
    long minimum = machine.physicalMemory(Math.max(wanted, 1)).build().minimumPhysicalMemory();
    if (wanted >= minimum) {
      return wanted;
    }
    if (memory != null) {
      throw new BadUsageException(
          "--memory of %s is too small: such a machine needs at least %s (%d bytes)"
              .formatted(ByteSize.format(wanted), ByteSize.format(minimum), minimum));
    }
    return minimum;
  }

  private static Replay boot(ReplayPlan plan) {
    try {
      return Replay.boot(plan);
    } catch (IllegalArgumentException e) {
      throw new BadUsageException("cannot boot the machine: " + e.getMessage(), e);
    } catch (UncheckedIOException e) {
      Throwable cause = e.getCause() == null ? e : e.getCause();
      throw new BadUsageException("cannot make the swap file: " + cause.getMessage(), e);
    }
  }

  private ReplayListener progress() {
    return quiet ? _ -> {} : new ProgressLines(json ? err : out);
  }

  private void print(ReplayReport report) {
    out.print(json ? ReportJson.render(report) : ReportText.render(report));
    out.flush();
  }
}
