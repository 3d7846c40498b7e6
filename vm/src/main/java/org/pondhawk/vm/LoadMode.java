package org.pondhawk.vm;

/// How loads are made safe: the seam between the two ways that docs/adr/0002 compares.
///
/// *Validated* loads look at the page table entry again afterwards; *guarded* ones make whoever
/// takes the entry away wait for them, as stores do. Chosen once, before the first view, so that
/// the compiler keeps one of them only.
final class LoadMode {
  /// The system property that says `guarded` for the way that is not the default.
  static final String PROPERTY = "org.pondhawk.vm.loads";

  /// Whether loads are guarded.
  static final boolean GUARDED = "guarded".equals(System.getProperty(PROPERTY));

  private LoadMode() {}
}
