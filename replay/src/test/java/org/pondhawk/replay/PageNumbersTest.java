package org.pondhawk.replay;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class PageNumbersTest {
  @Test
  void givesIdsInTheOrderOfArrival() {
    var random = new SplittableRandom(7);
    var model = new ArrayList<Long>();
    var numbers = new PageNumbers();
    for (int i = 0; i < 5_000; i++) {
      long number = random.nextLong(1_000);
      if (!model.contains(number)) {
        model.add(number);
      }
      assertThat(numbers.idOf(number)).isEqualTo(model.indexOf(number));
    }
    assertThat(numbers.count()).isEqualTo(model.size());
    for (int id = 0; id < model.size(); id++) {
      assertThat(numbers.get(id)).isEqualTo(model.get(id));
    }
  }
}
