package org.pondhawk.cli;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/// A number of bytes as people write it: `4096`, `64k`, `16m`, `2g`, with units of 1024.
///
/// @param bytes how many
record ByteSize(long bytes) {
  private static final Pattern SYNTAX =
      Pattern.compile("(-?[0-9]+)([kmgt]?)(i?b)?", Pattern.CASE_INSENSITIVE);
  private static final String UNITS = "kmgt";
  private static final int UNIT_SHIFT = 10;

  /// Reads a size.
  ///
  /// @throws IllegalArgumentException if it is none, or not positive, or too large
  static ByteSize parse(String text) {
    Matcher matcher = SYNTAX.matcher(text.strip());
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "'" + text + "' is not a size; write a whole number, with k, m or g if you like: 64m");
    }
    if (matcher.group(1).startsWith("-") || matcher.group(1).matches("0+")) {
      throw new IllegalArgumentException("'" + text + "' is not a positive size");
    }
    String unit = matcher.group(2).toLowerCase(Locale.ROOT);
    int shift = unit.isEmpty() ? 0 : UNIT_SHIFT * (1 + UNITS.indexOf(unit));
    try {
      return new ByteSize(Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << shift));
    } catch (ArithmeticException | NumberFormatException e) {
      throw new IllegalArgumentException("'" + text + "' is more bytes than there can be", e);
    }
  }

  /// Writes a size for people, in the largest unit that leaves at least 1.
  static String format(long bytes) {
    int unit = -1;
    double scaled = bytes;
    while (Math.abs(scaled) >= 1 << UNIT_SHIFT && unit < UNITS.length() - 1) {
      scaled /= 1 << UNIT_SHIFT;
      unit++;
    }
    if (unit < 0) {
      return bytes + " bytes";
    }
    char letter = Character.toUpperCase(UNITS.charAt(unit));
    String digits =
        scaled == Math.rint(scaled)
            ? String.format(Locale.ROOT, "%.0f", scaled)
            : String.format(Locale.ROOT, "%.1f", scaled);
    return digits + " " + letter + "iB";
  }

  /// Reads sizes for picocli.
  static final class Converter implements ITypeConverter<ByteSize> {
    @Override
    public ByteSize convert(String text) {
      try {
        return parse(text);
      } catch (IllegalArgumentException e) {
        throw new TypeConversionException(e.getMessage());
      }
    }
  }
}
