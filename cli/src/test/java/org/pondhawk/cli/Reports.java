package org.pondhawk.cli;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.pondhawk.replay.MachineFigures;
import org.pondhawk.replay.ProcessReport;
import org.pondhawk.replay.ReplayReport;
import org.pondhawk.replay.ReplaySettings;
import org.pondhawk.replay.StageTimes;
import org.pondhawk.replay.WrongPlace;

/// Reports to render.
final class Reports {
  static final MachineFigures FIGURES =
      new MachineFigures(
          4096, 1000, 101, 102, 103, 104, 105, 2001, 2002, 2003, 2004, 2005, 2006, 2007, 2008, 2009,
          11, 12);

  private Reports() {}

  static ReplayReport good() {
    return report(false, null, List.of(), List.of(process("ls", 0, null), process("cc1", 0, null)));
  }

  static ReplayReport bad() {
    return report(
        true,
        null,
        List.of("page 7 is on two queues"),
        List.of(process("ls", 3, null), process("cc1", 0, "OutOfPagesException: swap is full")));
  }

  private static ReplayReport report(
      boolean stopped,
      @Nullable String abandoned,
      List<String> problems,
      List<ProcessReport> processes) {
    return new ReplayReport(
        new ReplaySettings(4 << 20, 64 << 20, 4096, 2, "1x2x1", 42),
        processes,
        FIGURES,
        problems,
        new StageTimes(100_000_000, 2_000_000_000L, 300_000_000, 2_512_345_678L),
        stopped,
        abandoned);
  }

  private static ProcessReport process(String name, long wrongBytes, @Nullable String failure) {
    List<WrongPlace> places =
        wrongBytes == 0 ? List.of() : List.of(new WrongPlace(0x4001000, 96, 0xabcL, -1, true));
    return new ProcessReport(
        name,
        4 << 20,
        1_234_567,
        234_567,
        3,
        1_000_000 * 24,
        4 << 20,
        wrongBytes,
        failure == null ? 0 : 8192,
        places,
        failure);
  }
}
