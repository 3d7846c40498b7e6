package org.pondhawk.bench;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/// Loads that are validated beside loads that are guarded, while pages are evicted and the space is
/// forked: what each costs the loads, and what it costs eviction.
///
/// The way is chosen once in a JVM, so each is measured in JVMs of its own, in turn.
final class LoadsComparison implements Comparison {
  private static final String PROPERTY = "org.pondhawk.vm.loads";
  private static final double MILLION = 1e6;

  @Override
  public String name() {
    return "loads";
  }

  @Override
  public String line() {
    return "validated loads beside guarded ones, while pages are evicted and the space is forked";
  }

  @Override
  public void run(Effort effort, Report report) throws Exception {
    for (int threads : effort.threads()) {
      report.doing(threads + " threads");
      List<LoadsUnderEviction> validated = new ArrayList<>();
      List<LoadsUnderEviction> guarded = new ArrayList<>();
      int turns = effort.isQuick() ? 1 : 3;
      for (int turn = 0; turn < turns; turn++) {
        validated.add(inJvm("validated", threads, effort));
        guarded.add(inJvm("guarded", threads, effort));
      }
      rows(report, threads, validated, guarded);
    }
    report.note("ours: validated; one thread more stores into more memory than there is, and the");
    report.note("space of the loads is forked ten times a second");
  }

  private static void rows(
      Report report,
      int threads,
      List<LoadsUnderEviction> validated,
      List<LoadsUnderEviction> guarded) {
    String by = ", " + threads + (threads == 1 ? " thread loads" : " threads load");
    report.row(
        "loads" + by,
        Quantiles.median(validated.stream().map(LoadsUnderEviction::loadsPerSecond).toList())
            / MILLION,
        Row.Unit.MILLIONS_PER_SECOND,
        "guarded",
        Quantiles.median(guarded.stream().map(LoadsUnderEviction::loadsPerSecond).toList())
            / MILLION);
    report.row(
        "reclaimed" + by,
        Quantiles.median(validated.stream().map(LoadsUnderEviction::reclaimedPerSecond).toList()),
        Row.Unit.PAGES_PER_SECOND,
        "guarded",
        Quantiles.median(guarded.stream().map(LoadsUnderEviction::reclaimedPerSecond).toList()));
    report.row(
        "grace p50" + by,
        Quantiles.median(validated.stream().map(LoadsUnderEviction::graceMicros).toList()),
        Row.Unit.MICROS,
        "guarded",
        Quantiles.median(guarded.stream().map(LoadsUnderEviction::graceMicros).toList()));
  }

  private static LoadsUnderEviction inJvm(String loads, int threads, Effort effort)
      throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home", ""), "bin", "java").toString(),
                "-Xmx512m",
                "-XX:+UseSerialGC",
                "--enable-native-access=ALL-UNNAMED",
                "-D" + PROPERTY + "=" + loads,
                "-cp",
                System.getProperty("java.class.path", ""),
                LoadsUnderEviction.class.getName(),
                Integer.toString(threads),
                Integer.toString(effort.warmUpMillis()),
                Integer.toString(effort.roundMillis() * 20))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String answer =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    int status = process.waitFor();
    if (status != 0) {
      throw new IOException("the JVM with " + loads + " loads ended with " + status);
    }
    return LoadsUnderEviction.parse(answer);
  }
}
