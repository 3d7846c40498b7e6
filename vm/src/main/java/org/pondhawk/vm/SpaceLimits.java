package org.pondhawk.vm;

/// How much an address space may map; a fork begins with those of its parent. What is mapped
/// already stays, whatever is set.
///
/// @param sizeBytes of everything together (`RLIMIT_VMEM`); a mapping that replaces another counts
///   beside it
/// @param dataBytes of the data range, which ends with the break, if `kern.maxdsiz` allows it
///   (`RLIMIT_DATA`)
/// @param stackBytes of a stack, if `kern.maxssiz` allows it (`RLIMIT_STACK`)
public record SpaceLimits(long sizeBytes, long dataBytes, long stackBytes) {
  /// No limits but those of the machine: what a new space has.
  public static final SpaceLimits NONE =
      new SpaceLimits(Long.MAX_VALUE, Long.MAX_VALUE, Long.MAX_VALUE);

  /// Requires that none is below 0.
  public SpaceLimits {
    if (sizeBytes < 0 || dataBytes < 0 || stackBytes < 0) {
      throw new IllegalArgumentException(
          "a limit below 0: %d, %d, %d".formatted(sizeBytes, dataBytes, stackBytes));
    }
  }

  /// The same with another limit of everything together.
  public SpaceLimits withSize(long bytes) {
    return new SpaceLimits(bytes, dataBytes, stackBytes);
  }

  /// The same with another limit of the data range.
  public SpaceLimits withData(long bytes) {
    return new SpaceLimits(sizeBytes, bytes, stackBytes);
  }

  /// The same with another limit of stacks.
  public SpaceLimits withStack(long bytes) {
    return new SpaceLimits(sizeBytes, dataBytes, bytes);
  }
}
