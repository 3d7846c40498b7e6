package org.pondhawk.vm.map;

/// The kinds of access to a mapped range, as bits (`VM_PROT_*`).
public final class Access {
  /// Loads.
  public static final int READ = 1;

  /// Stores.
  public static final int WRITE = 2;

  /// Being run as code. Nothing here runs code: the right is kept, inherited, taken and given like
  /// the others, and page tables know nothing of it (`VM_PROT_EXECUTE`).
  public static final int EXECUTE = 4;

  /// Every kind (`VM_PROT_ALL`).
  public static final int ALL = READ | WRITE | EXECUTE;

  private Access() {}

  /// Whether every wanted kind is allowed.
  public static boolean allows(int allowed, int wanted) {
    return (allowed & wanted) == wanted;
  }

  /// Rights as listings show them: a letter for each, or a dash.
  public static String describe(int access) {
    return ((access & READ) != 0 ? "r" : "-")
        + ((access & WRITE) != 0 ? "w" : "-")
        + ((access & EXECUTE) != 0 ? "x" : "-");
  }
}
