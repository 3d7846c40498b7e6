package org.pondhawk.vm.page;

/// The port through which lower floors reach the mappings of a page (the reference's
/// `pmap_page_*`).
///
/// Taking a right away collects what the mappings knew first: a modified entry makes the page
/// dirty, an accessed one makes it referenced. None of the operations sleeps. A guarded store that
/// saw the old entry may still be under way afterwards: who needs to know uses a grace period.
public interface Mappings {
  /// Removes every mapping of a page (`pmap_page_protect` with `VM_PROT_NONE`). None is wired.
  ///
  /// @param page a hard-busy page
  void removeAll(int page);

  /// As [#removeAll], of a page that may have wired mappings.
  ///
  /// @param page a hard-busy page
  /// @return how many were wired: the page has as many wirings too many
  int removeAllWired(int page);

  /// How many mappings of a page are wired.
  ///
  /// @param page a hard-busy page
  int wired(int page);

  /// Takes the right to store from every mapping of a page (`VM_PROT_READ`).
  ///
  /// @param page a hard-busy page
  void writeProtect(int page);

  /// Whether a mapping was stored through and not collected (`pmap_is_modified`).
  ///
  /// @param page a busy page
  /// @return true if an entry has its modified bit
  boolean isModified(int page);

  /// Collects and clears the accessed bits (`pmap_ts_referenced`).
  ///
  /// @param page a busy page
  /// @return how many mappings had been used, counting a few at most
  int testAndClearReferenced(int page);
}
