package org.pondhawk.vm.stats;

/// A mapped range of an address space, as listings show it (an entry of `vm_map`).
///
/// @param start the first address
/// @param end the address behind the last
/// @param rights which accesses are allowed: of `rwx` those that are, a dash for the others
/// @param mostRights which accesses may ever be allowed
/// @param inheritance what a fork gets: `SHARE`, `COPY` or `NONE`
/// @param behavior how it is said to be used: `NORMAL`, `SEQUENTIAL` or `RANDOM`
/// @param flags the names of what else is to be known of it, joined by `|`, or `none`
/// @param subsystem who asked for it
/// @param wirings how often its pages are to stay resident
/// @param reserveBytes how much below it is kept for it to grow into
/// @param depth how many elements lie beneath the first in its chain
/// @param objectId the number of the first object, or -1 while nobody has touched the range
/// @param residentPages how many pages of the first object are resident in the range, or -1 if they
///   were not counted
public record MappedRange(
    long start,
    long end,
    String rights,
    String mostRights,
    String inheritance,
    String behavior,
    String flags,
    String subsystem,
    int wirings,
    long reserveBytes,
    int depth,
    long objectId,
    long residentPages) {
  /// How many bytes are mapped.
  public long bytes() {
    return end - start;
  }

  /// One line.
  public String text() {
    return "0x%x-0x%x %s/%s %s %s %s %s wired %d, reserve %d, depth %d, %s"
        .formatted(
            start,
            end,
            rights,
            mostRights,
            inheritance,
            behavior,
            flags,
            subsystem,
            wirings,
            reserveBytes,
            depth,
            objectId < 0 ? "untouched" : "object %d%s".formatted(objectId, resident()));
  }

  private String resident() {
    return residentPages < 0 ? "" : ", %d resident".formatted(residentPages);
  }
}
