package org.pondhawk.vm.check;

import org.pondhawk.vm.boot.Machine;
import org.pondhawk.vm.mem.FrameRange;
import org.pondhawk.vm.page.PageArray;
import org.pondhawk.vm.queue.SocketColors;

/// Checks the colours of frames that belong to a socket: each has one of its socket, unless it was
/// given away at boot.
final class ColorCheck {
  private final PageArray pages;
  private final SocketColors colors;
  private final Findings findings;

  ColorCheck(Machine machine, Findings findings) {
    this.pages = machine.page().pages();
    this.colors = machine.socketColors();
    this.findings = findings;
  }

  /// Checks all frames.
  void run() {
    for (FrameRange range : colors.ranges()) {
      for (int page = range.first(); page < range.end(); page++) {
        findings.require(
            colors.isRight(page),
            "not of a colour of its socket %d: %s",
            range.node().socket(),
            pages.describe(page));
      }
    }
  }
}
