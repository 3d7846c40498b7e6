package org.pondhawk.cli;

import java.io.PrintWriter;
import org.jspecify.annotations.Nullable;
import org.pondhawk.replay.ReplayListener;
import org.pondhawk.replay.ReplaySample;

/// Prints a line for each sample, with the names of the columns above every twenty of them.
final class ProgressLines implements ReplayListener {
  private static final int LINES_PER_HEADER = 20;

  private final PrintWriter to;
  private @Nullable ReplaySample before;
  private int lines;

  ProgressLines(PrintWriter to) {
    this.to = to;
  }

  @Override
  public void sampled(ReplaySample sample) {
    if (lines % LINES_PER_HEADER == 0) {
      to.println(VmstatLine.header());
    }
    lines++;
    to.println(VmstatLine.row(sample, before));
    to.flush();
    before = sample;
  }
}
