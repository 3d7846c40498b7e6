package org.pondhawk.vm.kmem;

/// The words of a space's own page, eight bytes each, in the byte order of the computer (the items
/// of `upmap`). What the machine says is stored when the space gets its page; the space may store
/// into all of it, and nobody reads that but itself.
public enum SpaceField {
  /// Who reads it otherwise reads something else.
  MAGIC("magic", "", "0x0001_504d_5550: \"PUMP\" in the low bytes, the version above them", 0),
  /// The number of the space.
  SPACE("space", "", "the number of the space, which no other space of the machine ever has", 8),
  /// The size of the page.
  BYTES("bytes", "bytes", "the size of the page", 16),
  /// Where the program's own part begins.
  PROGRAM("program", "", "zeros at first, up to the end of the page, for the program's use", 64);

  /// What the first word is: a tag in the low four bytes, the version of the layout above.
  public static final long MAGIC_WORD = 0x0001_504d_5550L;

  private final String label;
  private final String unit;
  private final String what;
  private final int offset;

  SpaceField(String label, String unit, String what, int offset) {
    this.label = label;
    this.unit = unit;
    this.what = what;
    this.offset = offset;
  }

  /// Its name in documents.
  public String label() {
    return label;
  }

  /// Its unit; empty for none.
  public String unit() {
    return unit;
  }

  /// What it says.
  public String what() {
    return what;
  }

  /// Where it is in the page, in bytes.
  public int offset() {
    return offset;
  }
}
