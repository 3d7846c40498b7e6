package org.pondhawk.vm.map;

/// The kinds of access to a mapped range, as bits (`VM_PROT_*`).
public final class Access {
  /// Loads.
  public static final int READ = 1;

  /// Stores.
  public static final int WRITE = 2;

  /// Every kind (`VM_PROT_ALL`).
  public static final int ALL = READ | WRITE;

  private Access() {}

  /// Whether every wanted kind is allowed.
  public static boolean allows(int allowed, int wanted) {
    return (allowed & wanted) == wanted;
  }
}
