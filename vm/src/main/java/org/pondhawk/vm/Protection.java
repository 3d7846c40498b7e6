package org.pondhawk.vm;

import org.pondhawk.vm.map.Access;

/// What may be done with a mapped range (`PROT_*`).
///
/// The right to execute is kept, inherited, taken and given as the others are, for who interprets
/// code that lies in the range and wants to ask [AddressSpace#allows]; no access of a view needs
/// it.
public enum Protection {
  /// Nothing: every access is a violation.
  NONE(0),
  /// Loads only.
  READ(Access.READ),
  /// Loads and stores.
  READ_WRITE(Access.READ | Access.WRITE),
  /// Loads, and being run as code.
  READ_EXECUTE(Access.READ | Access.EXECUTE),
  /// Everything.
  ALL(Access.ALL);

  final int access;

  Protection(int access) {
    this.access = access;
  }

  /// Whether loads are allowed.
  public boolean allowsRead() {
    return Access.allows(access, Access.READ);
  }

  /// Whether stores are allowed.
  public boolean allowsWrite() {
    return Access.allows(access, Access.WRITE);
  }

  /// Whether being run as code is allowed.
  public boolean allowsExecute() {
    return Access.allows(access, Access.EXECUTE);
  }
}
