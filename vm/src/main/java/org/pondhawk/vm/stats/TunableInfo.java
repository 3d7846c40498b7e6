package org.pondhawk.vm.stats;

import java.util.List;
import java.util.Locale;

/// What there is to know of a tunable before its value is read: a number of the machine that can be
/// chosen, or only read.
///
/// @param name with dots, as the reference has it
/// @param kind what the number stands for
/// @param unit in the plural, or nothing
/// @param when it may be chosen
/// @param least the least value
/// @param most the greatest value
/// @param initial the value that nobody chose, in words; nothing for what can only be read
/// @param words the words of a choice, in the order of their values
/// @param what it is and does, one sentence
public record TunableInfo(
    String name,
    Kind kind,
    String unit,
    When when,
    long least,
    long most,
    String initial,
    List<String> words,
    String what) {
  private static final String MULTIPLES = "kmgt";
  private static final List<String> ON = List.of("1", "on", "true", "yes");
  private static final List<String> OFF = List.of("0", "off", "false", "no");

  /// What the number stands for.
  public enum Kind {
    /// Itself, of some unit.
    NUMBER,
    /// Bytes.
    BYTES,
    /// 0 for off, 1 for on.
    FLAG,
    /// One of some words, by its place among them.
    CHOICE
  }

  /// When a value may be chosen.
  public enum When {
    /// At any time.
    LIVE("live"),
    /// Before the machine boots.
    AT_BOOT("boot"),
    /// Never: it can be read.
    READ_ONLY("read");

    private final String word;

    When(String word) {
      this.word = word;
    }

    /// The word for it in tables.
    public String word() {
      return word;
    }
  }

  /// Makes the words unmodifiable.
  public TunableInfo {
    words = List.copyOf(words);
  }

  /// The same with a value that nobody chose.
  public TunableInfo startingAt(long value) {
    return new TunableInfo(name, kind, unit, when, least, most, format(value), words, what);
  }

  /// The values that it can have, for people.
  public String range() {
    return switch (kind) {
      case FLAG -> "on, off";
      case CHOICE -> String.join(", ", words);
      case NUMBER, BYTES ->
          when == When.READ_ONLY ? "" : (least + " to " + most + " " + unit).strip();
    };
  }

  /// A value as people write it.
  public String format(long value) {
    return switch (kind) {
      case FLAG -> value == 0 ? "off" : "on";
      case CHOICE -> words.get((int) value);
      case NUMBER, BYTES -> Long.toString(value);
    };
  }

  /// Reads a value as people write it: a number, with k, m, g or t if it counts bytes; on or off; a
  /// word of a choice, or its place.
  ///
  /// @return a value in the range
  /// @throws IllegalArgumentException if it is none, with name, text and range
  public long parse(String text) {
    String plain = text.strip().toLowerCase(Locale.ROOT);
    long value =
        switch (kind) {
          case FLAG -> ON.contains(plain) ? 1 : OFF.contains(plain) ? 0 : refuse(text);
          case CHOICE -> words.contains(plain) ? words.indexOf(plain) : number(plain, text);
          case NUMBER, BYTES -> number(plain, text);
        };
    return value < least || value > most ? refuse(text) : value;
  }

  private long number(String plain, String text) {
    int multiple = plain.isEmpty() ? -1 : MULTIPLES.indexOf(plain.charAt(plain.length() - 1));
    boolean scaled = kind == Kind.BYTES && multiple >= 0;
    String digits = scaled ? plain.substring(0, plain.length() - 1) : plain;
    try {
      long number = Long.parseLong(digits);
      return scaled ? Math.multiplyExact(number, 1L << (10 * (multiple + 1))) : number;
    } catch (NumberFormatException | ArithmeticException e) {
      throw new IllegalArgumentException(refusal(text), e);
    }
  }

  private long refuse(String text) {
    throw new IllegalArgumentException(refusal(text));
  }

  private String refusal(String text) {
    return "%s=%s is not one of: %s".formatted(name, text, range());
  }
}
