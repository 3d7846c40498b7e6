package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;
import org.pondhawk.replay.MachineFigures;
import org.pondhawk.replay.ReplaySample;
import org.pondhawk.replay.Stage;

class VmstatLineTest {
  private static final ReplaySample FIRST =
      new ReplaySample(Stage.PRELOAD, 1_000_000_000, 5_000, Reports.FIGURES);
  private static final ReplaySample SECOND =
      new ReplaySample(
          Stage.REPLAY,
          3_000_000_000L,
          9_000,
          new MachineFigures(
              4096, 1000, 1, 2, 3, 4, 5, 2011, 2022, 2033, 2044, 2055, 0, 0, 2068, 2079, 0, 0));

  @Test
  void showsQueuesAsTheyAreAndEventsSinceTheLineBefore() {
    assertThat(VmstatLine.row(SECOND, FIRST).trim().split(" +"))
        .containsExactly(
            "3s", "1", "2", "3", "4", "5", "10", "20", "30", "40", "50", "60", "70", "2000",
            "replay");
  }

  @Test
  void showsAllEventsInTheFirstLine() {
    assertThat(VmstatLine.row(FIRST, null).trim().split(" +"))
        .containsExactly(
            "1s", "101", "102", "103", "104", "105", "2001", "2002", "2003", "2004", "2005", "2008",
            "2009", "5000", "preload");
  }

  @Test
  void isAlignedWithItsHeader() {
    int end = VmstatLine.header().indexOf("refs/s") + "refs/s".length();

    assertThat(VmstatLine.row(FIRST, null).substring(0, end)).endsWith(" 5000");
  }

  @Test
  void hasTheHeaderAboveEveryTwentyLines() {
    var text = new StringWriter();
    var progress = new ProgressLines(new PrintWriter(text));
    for (int line = 0; line < 41; line++) {
      progress.sampled(FIRST);
    }

    assertThat(text.toString().lines().filter(VmstatLine.header()::equals)).hasSize(3);
    assertThat(text.toString().lines()).hasSize(44);
  }
}
