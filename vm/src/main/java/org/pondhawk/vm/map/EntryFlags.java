package org.pondhawk.vm.map;

import java.util.StringJoiner;

/// What else is to be known of a mapped range, as bits (`MAP_ENTRY_*`).
public final class EntryFlags {
  /// What is stored into is written back when somebody asks for it or memory is short, not by the
  /// clock (`MAP_ENTRY_NOSYNC`).
  public static final int NO_SYNC = 1;

  /// Left out of dumps (`MAP_ENTRY_NOCOREDUMP`).
  public static final int NO_DUMP = 2;

  /// The lowest part of a stack; grows downwards into its reserve (`MAP_ENTRY_STACK`).
  public static final int STACK = 4;

  /// Nothing may fault there: whoever mapped it enters pages himself (`MAP_ENTRY_NOFAULT`).
  public static final int NO_FAULT = 8;

  /// One of the wirings is its user's (`MAP_ENTRY_USER_WIRED`).
  public static final int USER_WIRED = 16;

  /// The first page is a guard that nobody may touch (`MAP_ENTRY_KSTACK`).
  public static final int GUARDED = 32;

  private static final String[] NAMES = {
    "NO_SYNC", "NO_DUMP", "STACK", "NO_FAULT", "USER_WIRED", "GUARDED"
  };

  private EntryFlags() {}

  /// The names of the flags that are set, joined by `|`, or `none`.
  public static String describe(int flags) {
    StringJoiner names = new StringJoiner("|").setEmptyValue("none");
    for (int bit = 0; bit < NAMES.length; bit++) {
      if ((flags & (1 << bit)) != 0) {
        names.add(NAMES[bit]);
      }
    }
    return names.toString();
  }
}
