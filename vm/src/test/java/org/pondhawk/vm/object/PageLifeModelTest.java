package org.pondhawk.vm.object;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.LongStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// The page layer, operation by operation at random, beside plain records of what each page should
/// be; the machine is checked as well, at first after every step.
class PageLifeModelTest {
  static LongStream seeds() {
    return LongStream.concat(LongStream.rangeClosed(1, 4), LongStream.of(System.nanoTime()));
  }

  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void pagesLiveAsPlainRecordsSay(long seed) {
    run(seed, 1, 40, 1);
    run(seed, 4, 300, 75);
  }

  @Tag("nightly")
  @ParameterizedTest(name = "seed {0}")
  @MethodSource("seeds")
  void pagesLiveLongAsPlainRecordsSay(long seed) {
    run(seed, 300, 2_000, 500);
  }

  private static void run(long seed, int batches, int steps, int stepsPerCheck) {
    try (PageLifeModel model = new PageLifeModel(seed)) {
      for (int batch = 0; batch < batches; batch++) {
        for (int step = 0; step < steps; step++) {
          model.step();
          model.compare();
          if (step % stepsPerCheck == 0) {
            model.check();
          }
        }
        model.settle();
      }
    }
  }

  /// The canary: what the machine does behind the model's back is noticed at once.
  @Test
  void theModelNoticesWhatItWasNotTold() {
    for (PageLifeModel.Meddling meddling : PageLifeModel.Meddling.values()) {
      try (PageLifeModel model = new PageLifeModel(1)) {
        for (int step = 0; step < 40; step++) {
          model.step();
          model.compare();
        }
        model.meddle(meddling);
        assertThatThrownBy(model::compare)
            .as(meddling.name())
            .isInstanceOf(AssertionError.class)
            .hasMessageContaining("seed 1, last steps:");
        model.undo(meddling);
        model.compare();
      }
    }
  }
}
