package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Close from anywhere at any time: [ClosingProgram] in a process of its own, which must not crash.
@Timeout(value = 15, unit = TimeUnit.MINUTES)
class ClosingTest {
  private static final int FOUND = 3;

  @TempDir private Path folder;

  @Test
  void endsInDocumentedExceptionsAndGivesAllMemoryBack() throws Exception {
    requireWell("25");
  }

  @Test
  @Tag("nightly")
  void endsInDocumentedExceptionsForThousandsOfMachines() throws Exception {
    requireWell("3000");
  }

  private void requireWell(String machines) throws Exception {
    Fork fork = run(machines);
    assertThat(fork.exit()).as(fork.output()).isZero();
    assertThat(fork.output()).contains(", " + machines + " machines, ");
  }

  @Test
  void wouldNoticeMemoryThatIsKept() throws Exception {
    Fork fork = run("1", "keeps-views");
    assertThat(fork.exit()).as(fork.output()).isEqualTo(FOUND);
    assertThat(fork.output()).contains("not given back: ");
  }

  private Fork run(String... arguments) throws Exception {
    return Fork.run(folder, 600, List.of(), ClosingProgram.class, arguments);
  }
}
