package org.pondhawk.bench;

import org.jspecify.annotations.Nullable;

/// A command line, understood.
///
/// @param name the comparison to run, or null to list them
/// @param quick whether it should be over in a minute
/// @param json whether rows go to standard output as JSON
/// @param help whether only the list and the options are wanted
record Arguments(@Nullable String name, boolean quick, boolean json, boolean help) {

  static final String OPTIONS =
      """
        --quick   shorter rounds, smaller sizes: over in a minute, good for a first look
        --json    the rows as a JSON array on standard output; progress on standard error
        --help    this
      """;

  /// Understands a command line.
  ///
  /// @throws BadUsageException naming the word that is wrong
  static Arguments parse(String... words) {
    @Nullable String name = null;
    boolean quick = false;
    boolean json = false;
    boolean help = false;
    for (String word : words) {
      switch (word) {
        case "--quick" -> quick = true;
        case "--json" -> json = true;
        case "--help", "-h" -> help = true;
        default -> {
          if (word.startsWith("-")) {
            throw new BadUsageException("unknown option " + word);
          }
          if (name != null) {
            throw new BadUsageException("one comparison at a time: " + name + " or " + word);
          }
          name = word;
        }
      }
    }
    if (name == null && (quick || json) && !help) {
      throw new BadUsageException("which comparison?");
    }
    return new Arguments(name, quick, json, help);
  }
}
