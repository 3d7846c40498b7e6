package org.pondhawk.bench;

import java.util.Random;

/// The numbers from 0 to below a count, each once, in random order.
final class RandomOrder {
  private static final long SEED = 42;

  private RandomOrder() {}

  static int[] of(int count) {
    int[] order = new int[count];
    var random = new Random(SEED);
    for (int i = 0; i < count; i++) {
      int j = random.nextInt(i + 1);
      order[i] = order[j];
      order[j] = i;
    }
    return order;
  }
}
