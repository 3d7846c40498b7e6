package org.pondhawk.vm.mem;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.BitSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CpuListTest {
  private static BitSet of(int... numbers) {
    BitSet set = new BitSet();
    for (int number : numbers) {
      set.set(number);
    }
    return set;
  }

  @Test
  void hasRangesAndSingleNumbers() {
    assertThat(CpuList.parse("0-3,8,10-11\n")).isEqualTo(of(0, 1, 2, 3, 8, 10, 11));
    assertThat(CpuList.parse("7")).isEqualTo(of(7));
    assertThat(CpuList.parse("\t5-5 \n")).isEqualTo(of(5));
  }

  @Test
  void mayBeEmpty() {
    assertThat(CpuList.parse("\n")).isEqualTo(of());
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "3-1", "1,", ",", "1--2", "-1", "1-", "99999999999", "65536", "0 1"})
  void thatIsOddIsRefused(String text) {
    assertThatThrownBy(() -> CpuList.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + text + "'");
  }
}
