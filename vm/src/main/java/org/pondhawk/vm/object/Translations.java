package org.pondhawk.vm.object;

/// The port to the page table of one address space, as a reverse scan sees it: one entry at a time.
///
/// None of the operations sleeps. Each looks whether the entry at an address is valid and maps the
/// given page, and does nothing if not.
public interface Translations {
  /// Keeps the table from being given back until [#unpin].
  ///
  /// @return false if it is given back already; there is nothing to scan then
  boolean pin();

  /// Ends what [#pin] began.
  void unpin();

  /// Removes an entry, collecting its modified and accessed bits into the page.
  ///
  /// @return whether the entry was wired, so that the page has one wiring too many
  boolean remove(long address, int page);

  /// Whether an entry is wired.
  boolean isWired(long address, int page);

  /// Takes the right to store from an entry, collecting its modified bit into the page.
  void writeProtect(long address, int page);

  /// Whether an entry has its modified bit.
  boolean isModified(long address, int page);

  /// Clears the accessed bit of an entry.
  ///
  /// @return whether it was set
  boolean testAndClearReferenced(long address, int page);
}
