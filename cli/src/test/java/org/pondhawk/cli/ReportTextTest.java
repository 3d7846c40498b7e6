package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ReportTextTest {
  @Test
  void ofAGoodRun() {
    assertThat(ReportText.render(Reports.good()).lines())
        .containsExactly(
            "",
            "  process                  references         writes   passes      checked  wrong bytes",
            "  ls                        1,234,567        234,567        3     26.9 MiB            0",
            "  cc1                       1,234,567        234,567        3     26.9 MiB            0",
            "  all                       2,469,134        469,134              53.8 MiB            0",
            "",
            "  memory   4 MiB for processes that touch 8 MiB (0.50 of it)",
            "  swap     64 MiB, at most 48 KiB of it used",
            "  machine  1,000 pages of 4 KiB, 2 cpus (1x2x1), seed 42",
            "  faults   2,001 minor, 2,002 major, 2,003 zero-fill",
            "  swapped  2,004 pages in by 2,006 reads, 2,005 pages out by 2,007 writes",
            "  pageout  2,008 pages scanned, 2,009 waits for memory",
            "  time     2.51 s: preload 0.10, replay 2.00, check 0.30",
            "  speed    1,234,567 references/s",
            "",
            "VmCheck: clean",
            "GOOD: 0 of 56,388,608 bytes checked were wrong.");
  }

  @Test
  void ofABadRunEndsWithAllThatIsWrong() {
    assertThat(ReportText.render(Reports.bad()).lines())
        .endsWith(
            "  wrong    ls, page 0x4001000 byte 96: expected 0000000000000abc, found"
                + " ffffffffffffffff (at the end)",
            "Stopped before the end.",
            "8,192 bytes were not checked at the end.",
            "FAILED: cc1: OutOfPagesException: swap is full",
            "VmCheck: page 7 is on two queues",
            "BAD: 3 of 56,388,608 bytes checked were wrong.");
  }
}
