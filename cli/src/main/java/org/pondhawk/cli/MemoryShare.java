package org.pondhawk.cli;

import java.math.BigInteger;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// How much memory a machine gets: a size, or a share of what its processes touch, as `1/8`.
///
/// @param size the size, or null if it is a share
/// @param part the upper number of the share
/// @param whole the lower number of the share
record MemoryShare(@Nullable ByteSize size, long part, long whole) {
  private static final Pattern SHARE = Pattern.compile("([0-9]{1,9})/([0-9]{1,9})");

  /// Reads a size or a share.
  ///
  /// @throws IllegalArgumentException if it is neither
  static MemoryShare parse(String text) {
    if (!text.contains("/")) {
      return new MemoryShare(ByteSize.parse(text), 1, 1);
    }
    Matcher matcher = SHARE.matcher(text.strip());
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a share; write two whole numbers: 1/8");
    }
    long part = Long.parseLong(matcher.group(1));
    long whole = Long.parseLong(matcher.group(2));
    if (part == 0 || whole == 0) {
      throw new IllegalArgumentException("'" + text + "' is not a positive share");
    }
    return new MemoryShare(null, part, whole);
  }

  /// The memory in bytes, for processes that touch so many.
  long bytes(long footprintBytes) {
    if (size != null) {
      return size.bytes();
    }
    BigInteger exact =
        BigInteger.valueOf(footprintBytes)
            .multiply(BigInteger.valueOf(part))
            .divide(BigInteger.valueOf(whole));
    return exact.min(BigInteger.valueOf(Long.MAX_VALUE)).longValueExact();
  }

  /// Reads sizes and shares for picocli.
  static final class Converter implements ITypeConverter<MemoryShare> {
    @Override
    public MemoryShare convert(String text) {
      try {
        return parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
