package org.pondhawk.bench;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

class MainTest {
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int run(String... words) {
    return Main.run(new PrintWriter(out, true), new PrintWriter(err, true), words);
  }

  @Test
  void listsEveryComparisonWithALine() {
    assertThat(run()).isZero();
    assertThat(out.toString())
        .contains(Comparisons.ALL.stream().map(Comparison::name).toList())
        .contains("hit", "bulk", "fault", "fork", "grace", "peers", "--quick", "--json");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void refusesAnUnknownComparisonAndNamesTheOthers() {
    assertThat(run("hits")).isEqualTo(2);
    assertThat(err.toString())
        .isEqualToIgnoringNewLines(
            "pondhawk bench: no comparison is called hits; there are hit, steps, bulk, fault,"
                + " fork, resident, grace, loads, map, alloc, busy, boot, peers (see pondhawk bench --help)");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void refusesAnUnknownOption() {
    assertThat(run("hit", "--slow")).isEqualTo(2);
    assertThat(err.toString()).contains("unknown option --slow");
  }
}
