package org.pondhawk.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.PrintWriter;
import java.io.Writer;
import java.util.List;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.pondhawk.vm.mem.Linux;

/// Whether each comparison still runs and fills its rows; not what it measures.
@Timeout(120)
class ComparisonsTest {
  static List<String> names() {
    return Comparisons.ALL.stream().map(Comparison::name).toList();
  }

  @ParameterizedTest
  @MethodSource("names")
  void measureSomethingForEachRow(String name) throws Exception {
    assumeTrue(Linux.available(), Linux.obstacle());
    var report = new Report(new PrintWriter(Writer.nullWriter()));

    Comparisons.named(name).run(Effort.SMOKE, report);

    assertThat(report.rows())
        .isNotEmpty()
        .allSatisfy(row -> {
          assertThat(row.ours()).as(row.toString()).isNotNaN().isNotNegative();
          assertThat(row.what()).isNotBlank();
        });
  }
}
