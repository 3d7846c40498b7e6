package org.pondhawk.cli;

import java.util.Formatter;
import java.util.Locale;
import org.pondhawk.replay.MachineFigures;
import org.pondhawk.replay.ProcessReport;
import org.pondhawk.replay.ReplayReport;
import org.pondhawk.replay.ReplaySettings;
import org.pondhawk.replay.StageTimes;
import org.pondhawk.replay.WrongPlace;

/// The report of a replay for people: a table of processes, the machine's figures, the verdict.
final class ReportText {
  private static final double NANOS = 1e9;

  private ReportText() {}

  static String render(ReplayReport report) {
    var text = new Formatter(Locale.ROOT);
    text.format("%n");
    processes(text, report);
    text.format("%n");
    settings(text, report);
    figures(text, report.figures());
    times(text, report);
    text.format("%n");
    wrongPlaces(text, report);
    verdict(text, report);
    return text.toString();
  }

  private static void processes(Formatter text, ReplayReport report) {
    text.format(
        "  %-20s %14s %14s %8s %12s %12s%n",
        "process", "references", "writes", "passes", "checked", "wrong bytes");
    for (ProcessReport process : report.processes()) {
      text.format(
          "  %-20s %,14d %,14d %,8d %12s %,12d%n",
          process.name(),
          process.references(),
          process.writes(),
          process.passes(),
          ByteSize.format(process.checkedBytes()),
          process.wrongBytes());
    }
    if (report.processes().size() > 1) {
      text.format(
          "  %-20s %,14d %,14d %8s %12s %,12d%n",
          "all",
          report.references(),
          report.writes(),
          "",
          ByteSize.format(report.checkedBytes()),
          report.wrongBytes());
    }
  }

  private static void settings(Formatter text, ReplayReport report) {
    ReplaySettings settings = report.settings();
    text.format(
        "  memory   %s for processes that touch %s (%.2f of it)%n",
        ByteSize.format(settings.memoryBytes()),
        ByteSize.format(report.footprintBytes()),
        (double) settings.memoryBytes() / report.footprintBytes());
    text.format(
        "  swap     %s, at most %s of it used%n",
        ByteSize.format(settings.swapBytes()), ByteSize.format(report.figures().swapPeakBytes()));
    text.format(
        "  machine  %,d pages of %s, %d cpus%s, seed %d%n",
        report.figures().pageCount(),
        ByteSize.format(settings.pageSize()),
        settings.cpus(),
        settings.hasTopology() ? " (" + settings.topology() + ")" : "",
        settings.seed());
  }

  private static void figures(Formatter text, MachineFigures figures) {
    text.format(
        "  faults   %,d minor, %,d major, %,d zero-fill%n",
        figures.faultsMinor(), figures.faultsMajor(), figures.zeroFills());
    text.format(
        "  swapped  %,d pages in by %,d reads, %,d pages out by %,d writes%n",
        figures.pagesIn(), figures.swapIns(), figures.pagesOut(), figures.swapOuts());
    text.format(
        "  pageout  %,d pages scanned, %,d waits for memory%n",
        figures.pageScans(), figures.memoryWaits());
  }

  private static void times(Formatter text, ReplayReport report) {
    StageTimes times = report.times();
    text.format(
        "  time     %.2f s: preload %.2f, replay %.2f, check %.2f%n",
        times.elapsedNanos() / NANOS,
        times.preloadNanos() / NANOS,
        times.replayNanos() / NANOS,
        times.checkNanos() / NANOS);
    text.format("  speed    %,.0f references/s%n", report.referencesPerSecond());
  }

  private static void wrongPlaces(Formatter text, ReplayReport report) {
    for (ProcessReport process : report.processes()) {
      for (WrongPlace place : process.wrongPlaces()) {
        text.format("  wrong    %s, %s%n", process.name(), place);
      }
    }
  }

  private static void verdict(Formatter text, ReplayReport report) {
    if (report.stopped()) {
      text.format("Stopped before the end.%n");
    }
    if (report.uncheckedBytes() > 0) {
      text.format("%,d bytes were not checked at the end.%n", report.uncheckedBytes());
    }
    String failure = report.failure();
    if (failure != null) {
      text.format("FAILED: %s%n", failure);
    }
    text.format("VmCheck: %s%n", report.check());
    text.format(
        "%s: %,d of %,d bytes checked were wrong.%n",
        report.isGood() ? "GOOD" : "BAD", report.wrongBytes(), report.checkedBytes());
  }
}
