package org.pondhawk.cli;

/// How a name of the reference stands here.
enum ReferenceState {
  /// Its counterpart exists.
  HERE,
  /// Its counterpart is still to be made.
  PLANNED,
  /// It has no counterpart, for a reason.
  NONE;

  /// The state that a word of the table means.
  ///
  /// @throws IllegalArgumentException if the word is none of the three
  static ReferenceState of(String word) {
    return switch (word) {
      case "here" -> HERE;
      case "planned" -> PLANNED;
      case "none" -> NONE;
      default -> throw new IllegalArgumentException("'" + word + "' is not here, planned or none");
    };
  }

  /// The word for it in the table, in the document and on the command line.
  String word() {
    return switch (this) {
      case HERE -> "here";
      case PLANNED -> "planned";
      case NONE -> "none";
    };
  }
}
