package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "4096, 4096",
    "64k, 65536",
    "64K, 65536",
    "16m, 16777216",
    "16MiB, 16777216",
    "2g, 2147483648",
    "2GB, 2147483648",
    "1t, 1099511627776",
    "9223372036854775807, 9223372036854775807",
    "007k, 7168",
  })
  void readsUnitsOf1024(String text, long bytes) {
    assertThat(ByteSize.parse(text)).isEqualTo(new ByteSize(bytes));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "k", "1.5g", "64 m", "1e6", "0x10", "64q", "m64", "1/8", "+5", "--5"})
  void refusesWhatIsNoSize(String text) {
    assertThatThrownBy(() -> ByteSize.parse(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("'" + text + "' is not a size");
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "0m", "-1", "-64m", "000"})
  void refusesWhatIsNotPositive(String text) {
    assertThatThrownBy(() -> ByteSize.parse(text))
        .hasMessage("'" + text + "' is not a positive size");
  }

  @ParameterizedTest
  @ValueSource(strings = {"9223372036854775808", "8589934592g", "99999999999999999999999"})
  void refusesMoreThanThereCanBe(String text) {
    assertThatThrownBy(() -> ByteSize.parse(text)).hasMessageContaining("more bytes than");
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0 bytes",
    "1023, 1023 bytes",
    "1024, 1 KiB",
    "1536, 1.5 KiB",
    "65536, 64 KiB",
    "16932864, 16.1 MiB",
    "1099511627776, 1 TiB",
    "9223372036854775807, 8388608 TiB",
  })
  void writesTheLargestUnit(long bytes, String text) {
    assertThat(ByteSize.format(bytes)).isEqualTo(text);
  }
}
