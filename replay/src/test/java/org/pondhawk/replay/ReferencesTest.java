package org.pondhawk.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ReferencesTest {
  @ParameterizedTest
  @ValueSource(
      ints = {0, 1, 63, 64, 65, 1023, References.BLOCK, References.BLOCK + 1, 3 * References.BLOCK})
  void keepsWhatWasAdded(int count) {
    var references = new References();
    for (int i = 0; i < count; i++) {
      references.add(i);
    }

    assertThat(references.count()).isEqualTo(count);
    int next = 0;
    for (int b = 0; b < references.blockCount(); b++) {
      for (int i = 0; i < references.lengthOf(b); i++) {
        assertThat(references.get(next)).isEqualTo(next);
        assertThat(references.block(b)[i]).isEqualTo(next++);
      }
    }
    assertThat(next).isEqualTo(count);
    assertThatThrownBy(() -> references.get(count)).isInstanceOf(IndexOutOfBoundsException.class);
  }
}
