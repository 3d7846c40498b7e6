package org.pondhawk.vm.map;

/// What is true of every page of a map entry alike: neighbours that agree in it may be joined.
///
/// @param access which accesses are allowed, bits of [Access] (`protection`)
/// @param maxAccess which accesses may ever be allowed (`max_protection`)
/// @param needsCopy whether the head's object may be seen by others who must not see our stores, so
///   that the first store puts a new object above it (`MAP_ENTRY_NEEDS_COPY`)
/// @param inheritance what a forked child gets of the range
/// @param behavior how the range is said to be used
/// @param flags bits of [EntryFlags]
/// @param wirings how often its pages are to stay resident (`wired_count`)
/// @param subsystem who asked for it
public record EntryTraits(
    int access,
    int maxAccess,
    boolean needsCopy,
    Inheritance inheritance,
    Behavior behavior,
    int flags,
    int wirings,
    Subsystem subsystem) {
  /// What a caller's mapping of anonymous memory begins with.
  public static EntryTraits of(int access) {
    return new EntryTraits(
        access, Access.ALL, false, Inheritance.COPY, Behavior.NORMAL, 0, 0, Subsystem.MMAP);
  }

  /// Whether a flag of [EntryFlags] is set.
  public boolean has(int flag) {
    return (flags & flag) != 0;
  }

  /// The same with other rights.
  public EntryTraits withAccess(int newAccess, int newMax) {
    return new EntryTraits(
        newAccess, newMax, needsCopy, inheritance, behavior, flags, wirings, subsystem);
  }

  /// The same with another need of a copy.
  public EntryTraits withNeedsCopy(boolean needed) {
    return needed == needsCopy
        ? this
        : new EntryTraits(
            access, maxAccess, needed, inheritance, behavior, flags, wirings, subsystem);
  }

  /// The same with another inheritance.
  public EntryTraits withInheritance(Inheritance other) {
    return new EntryTraits(
        access, maxAccess, needsCopy, other, behavior, flags, wirings, subsystem);
  }

  /// The same, used in another way.
  public EntryTraits withBehavior(Behavior other) {
    return new EntryTraits(
        access, maxAccess, needsCopy, inheritance, other, flags, wirings, subsystem);
  }

  /// The same with flags set and cleared.
  public EntryTraits withFlags(int set, int cleared) {
    int now = (flags & ~cleared) | set;
    return new EntryTraits(
        access, maxAccess, needsCopy, inheritance, behavior, now, wirings, subsystem);
  }

  /// The same, wired as often as said.
  public EntryTraits withWirings(int count) {
    return new EntryTraits(
        access, maxAccess, needsCopy, inheritance, behavior, flags, count, subsystem);
  }

  /// The same, asked for by another.
  public EntryTraits withSubsystem(Subsystem other) {
    return new EntryTraits(
        access, maxAccess, needsCopy, inheritance, behavior, flags, wirings, other);
  }
}
