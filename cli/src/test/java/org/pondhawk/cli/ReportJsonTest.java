package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ReportJsonTest {
  @Test
  void holdsEveryFigureOfAGoodRun() {
    Map<String, Object> json = Json.parse(ReportJson.render(Reports.good()));

    assertThat(json)
        .containsEntry("good", true)
        .containsEntry("check", "clean")
        .containsEntry("stopped", false)
        .containsEntry("failure", Json.NULL)
        .containsEntry("references", 2_469_134L)
        .containsEntry("writes", 469_134L)
        .containsEntry("references_per_second", 1_234_567L)
        .containsEntry("checked_bytes", 56_388_608L)
        .containsEntry("wrong_bytes", 0L)
        .containsEntry("unchecked_bytes", 0L)
        .containsEntry("footprint_bytes", 8L << 20)
        .containsEntry("memory_bytes", 4L << 20)
        .containsEntry("swap_bytes", 64L << 20)
        .containsEntry("page_size", 4096L)
        .containsEntry("cpus", 2L)
        .containsEntry("topology", "1x2x1")
        .containsEntry("seed", 42L)
        .containsEntry("page_count", 1000L)
        .containsEntry("faults_minor", 2001L)
        .containsEntry("faults_major", 2002L)
        .containsEntry("zero_fills", 2003L)
        .containsEntry("pages_in", 2004L)
        .containsEntry("pages_out", 2005L)
        .containsEntry("swap_ins", 2006L)
        .containsEntry("swap_outs", 2007L)
        .containsEntry("page_scans", 2008L)
        .containsEntry("memory_waits", 2009L)
        .containsEntry("swap_peak_bytes", 12L * 4096)
        .containsEntry("elapsed_seconds", 2.512)
        .containsEntry("preload_seconds", 0.1)
        .containsEntry("replay_seconds", 2.0)
        .containsEntry("check_seconds", 0.3);
    assertThat((List<?>) json.get("processes")).hasSize(2);
  }

  @Test
  void saysWhatWasWrong() {
    Map<String, Object> json = Json.parse(ReportJson.render(Reports.bad()));

    assertThat(json)
        .containsEntry("good", false)
        .containsEntry("check", "page 7 is on two queues")
        .containsEntry("stopped", true)
        .containsEntry("failure", "cc1: OutOfPagesException: swap is full")
        .containsEntry("wrong_bytes", 3L);
    assertThat(String.valueOf(json.get("processes")))
        .contains("page_address=67112960", "offset=96", "expected=abc", "found=ffffffffffffffff");
  }

  @Test
  void isOneLine() {
    assertThat(ReportJson.render(Reports.good()).lines()).hasSize(1);
  }
}
