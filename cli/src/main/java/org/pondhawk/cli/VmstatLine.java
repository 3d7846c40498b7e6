package org.pondhawk.cli;

import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.pondhawk.replay.MachineFigures;
import org.pondhawk.replay.ReplaySample;

/// The line that is printed each second: queues as they are, events since the line before.
final class VmstatLine {
  private static final String FORMAT =
      "%6s %8s %8s %8s %8s %7s %9s %8s %8s %8s %8s %9s %6s %12s  %s";

  private VmstatLine() {}

  /// The names of the columns.
  static String header() {
    return String.format(
        Locale.ROOT,
        FORMAT,
        "time",
        "free",
        "active",
        "inactive",
        "cache",
        "wired",
        "minor",
        "major",
        "zerofill",
        "pagein",
        "pageout",
        "scans",
        "waits",
        "refs/s",
        "stage");
  }

  /// The line for a sample, and for the one before it, if there was one.
  static String row(ReplaySample now, @Nullable ReplaySample before) {
    MachineFigures is = now.figures();
    MachineFigures was = before == null ? null : before.figures();
    return String.format(
        Locale.ROOT,
        FORMAT,
        TimeUnit.NANOSECONDS.toSeconds(now.elapsedNanos()) + "s",
        is.freePages(),
        is.activePages(),
        is.inactivePages(),
        is.cachePages(),
        is.wiredPages(),
        is.faultsMinor() - (was == null ? 0 : was.faultsMinor()),
        is.faultsMajor() - (was == null ? 0 : was.faultsMajor()),
        is.zeroFills() - (was == null ? 0 : was.zeroFills()),
        is.pagesIn() - (was == null ? 0 : was.pagesIn()),
        is.pagesOut() - (was == null ? 0 : was.pagesOut()),
        is.pageScans() - (was == null ? 0 : was.pageScans()),
        is.memoryWaits() - (was == null ? 0 : was.memoryWaits()),
        referencesPerSecond(now, before),
        now.stage().name().toLowerCase(Locale.ROOT));
  }

  private static long referencesPerSecond(ReplaySample now, @Nullable ReplaySample before) {
    long references = now.references() - (before == null ? 0 : before.references());
    long nanos = now.elapsedNanos() - (before == null ? 0 : before.elapsedNanos());
    return nanos <= 0 ? 0 : Math.round(references * 1e9 / nanos);
  }
}
