package org.pondhawk.vm.map;

/// Where a program says that its parts lie in its address space; a fork begins with that of its
/// parent (the fields of `vmspace` from `vm_tsize` on).
///
/// The machine maps by it what a caller asks for in these terms, and reports it; it is no account
/// of what is mapped.
///
/// @param textStart the first address of the program's code (`vm_taddr`)
/// @param textBytes the length of the code (`vm_tsize`)
/// @param dataStart the first address of the data, which a break ends (`vm_daddr`)
/// @param dataBytes the length of the data (`vm_dsize`)
/// @param stackBytes how much of the stack is mapped (`vm_ssize`)
/// @param stackLimit the lowest address that the stack may ever have (`vm_maxsaddr`)
/// @param stackEnd the address behind the stack (`vm_minsaddr`)
public record ProgramLayout(
    long textStart,
    long textBytes,
    long dataStart,
    long dataBytes,
    long stackBytes,
    long stackLimit,
    long stackEnd) {
  /// That of a space in which no program was started.
  public static final ProgramLayout NONE = new ProgramLayout(0, 0, 0, 0, 0, 0, 0);

  /// The same with another code.
  public ProgramLayout withText(long start, long bytes) {
    return new ProgramLayout(start, bytes, dataStart, dataBytes, stackBytes, stackLimit, stackEnd);
  }

  /// The same with other data.
  public ProgramLayout withData(long start, long bytes) {
    return new ProgramLayout(textStart, textBytes, start, bytes, stackBytes, stackLimit, stackEnd);
  }

  /// The same with another stack.
  ///
  /// @param limit the lowest address that it may ever have
  /// @param end the address behind it
  /// @param bytes how much of it is mapped, below the end
  public ProgramLayout withStack(long limit, long end, long bytes) {
    return new ProgramLayout(textStart, textBytes, dataStart, dataBytes, bytes, limit, end);
  }

  /// Whether there is a stack.
  public boolean hasStack() {
    return stackEnd != 0;
  }
}
