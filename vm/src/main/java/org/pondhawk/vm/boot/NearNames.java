package org.pondhawk.vm.boot;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;

/// What a name that does not exist may have been meant to be.
final class NearNames {
  private static final int SUGGESTIONS = 3;

  private NearNames() {}

  /// Says that a name is none of some names.
  static IllegalArgumentException unknown(String name, Collection<String> names) {
    return new IllegalArgumentException(
        "there is no tunable %s; near it: %s".formatted(name, String.join(", ", of(name, names))));
  }

  /// Those of some names that are nearest to a word, nearest first.
  static List<String> of(String word, Collection<String> names) {
    String wanted = word.toLowerCase(Locale.ROOT);
    return names.stream()
        .sorted(
            Comparator.<String>comparingInt(name -> distance(name.toLowerCase(Locale.ROOT), wanted))
                .thenComparing(Comparator.naturalOrder()))
        .limit(SUGGESTIONS)
        .toList();
  }

  /// How many letters have to be put in, taken out or changed; none where the name contains the
  /// word.
  private static int distance(String name, String wanted) {
    if (name.contains(wanted)) {
      return 0;
    }
    int[] row = new int[wanted.length() + 1];
    for (int j = 0; j < row.length; j++) {
      row[j] = j;
    }
    for (int i = 1; i <= name.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int replaced = diagonal + (name.charAt(i - 1) == wanted.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(diagonal, row[j - 1]) + 1);
      }
    }
    return row[wanted.length()];
  }
}
