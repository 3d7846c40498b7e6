package org.pondhawk.testkit;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// No space ever loads a byte that another one stored and did not share: [IsolationStress] at four
/// threads a processor, in a process of its own, which has to live through it.
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class IsolationTest {
  private static final int FOUND = 3;
  private static final int PAGE = 16384;
  private static final int SHORT_ROUNDS = 2;
  private static final int MOST_ROUNDS = 120;

  @TempDir private Path folder;

  @ParameterizedTest(name = "pages of {0} bytes, loads {1}")
  @CsvSource({"16384, validated", "4096, guarded"})
  void everyWordIsItsOwn(int pageSize, String loads) throws Exception {
    requireNothingFound(pageSize, loads, 900, SHORT_ROUNDS);
  }

  @Tag("nightly")
  @ParameterizedTest(name = "pages of {0} bytes, loads {1}")
  @CsvSource({"4096, validated", "16384, validated", "65536, validated", "16384, guarded"})
  void everyWordIsItsOwnForMinutes(int pageSize, String loads) throws Exception {
    requireNothingFound(pageSize, loads, 5_000, 40);
  }

  private void requireNothingFound(int pageSize, String loads, int millis, int rounds)
      throws Exception {
    List<String> options = List.of("-Dorg.pondhawk.vm.loads=" + loads);
    Fork fork = run(options, "sound", millis, rounds, pageSize);
    assertThat(fork.exit()).as(fork.output()).isZero();
    assertThat(fork.output()).contains(rounds + " rounds").doesNotContain(" 0 words");
  }

  @ParameterizedTest
  @ValueSource(strings = {"loads-once", "guards-late"})
  void aBrokenAccessIsFound(String broken) throws Exception {
    List<String> options = List.of("-Dorg.pondhawk.vm.broken=" + broken);
    requireFound(run(options, "sound", 500, MOST_ROUNDS, PAGE));
  }

  @ParameterizedTest
  @ValueSource(strings = "no-grace-period")
  void aBrokenMachineIsFound(String machine) throws Exception {
    requireFound(run(List.of(), machine, 500, MOST_ROUNDS, PAGE));
  }

  private static void requireFound(Fork fork) {
    assertThat(fork.exit()).as(fork.output()).isEqualTo(FOUND);
    assertThat(fork.output()).containsPattern("found 0x|somebody stored|clean, but|VmPanic");
  }

  private Fork run(List<String> options, String machine, int millis, int rounds, int pageSize)
      throws Exception {
    return Fork.run(
        folder,
        120 + 2L * millis * rounds / 1_000,
        options,
        IsolationProgram.class,
        machine,
        String.valueOf(millis),
        String.valueOf(rounds),
        String.valueOf(pageSize));
  }
}
