package org.pondhawk.vm;

import org.pondhawk.vm.pmap.TableForm;

/// How the page tables of address spaces are laid out. What programs see is the same.
public enum PageTables {
  /// Linear where that can be had: the kernel grants the addresses, and the table takes at most 32
  /// GiB of them, enough for 16 TiB in pages of 4 KiB. Else in two levels.
  AUTO(TableForm.AUTO),

  /// One array of 8 bytes for each page of the range, reserved at once and given memory where it is
  /// used: an access finds its page with one load. 2 GiB of addresses for a space of 1 TiB.
  LINEAR(TableForm.LINEAR),

  /// A directory, and 4 KiB for each 512 pages that were ever used: an access needs one load more.
  /// 8 MiB of addresses for a space of 1 TiB.
  TWO_LEVEL(TableForm.TWO_LEVEL);

  final TableForm internal;

  PageTables(TableForm internal) {
    this.internal = internal;
  }

  static PageTables of(TableForm form) {
    return switch (form) {
      case AUTO -> AUTO;
      case LINEAR -> LINEAR;
      case TWO_LEVEL -> TWO_LEVEL;
    };
  }
}
