package org.pondhawk.vm;

/// What a program says of its use of a range (`madvise`).
public enum Advice {
  /// Nothing in particular: what is read or mapped may bring its neighbours (`MADV_NORMAL`).
  NORMAL,
  /// It goes from the beginning to the end; so far as [#NORMAL] (`MADV_SEQUENTIAL`).
  SEQUENTIAL,
  /// It goes to random places: neighbours are not read or mapped ahead (`MADV_RANDOM`).
  RANDOM,
  /// It will need the range soon: what is resident becomes active. Nothing is read
  /// (`MADV_WILLNEED`).
  WILL_NEED,
  /// It will not need the range soon: most of what is resident is reclaimed next. No byte is lost
  /// (`MADV_DONTNEED`).
  DONT_NEED,
  /// It needs the bytes no more: they are given up, with the memory and the swap that they take,
  /// and read as zeros. Where others see them too, or they come from before a fork, they stay
  /// (`MADV_FREE`).
  FREE,
  /// What is stored is not to be written back by the clock, only when it is asked for or memory is
  /// short (`MADV_NOSYNC`).
  NO_SYNC,
  /// Takes [#NO_SYNC] back (`MADV_AUTOSYNC`).
  AUTO_SYNC,
  /// The range is left out of dumps (`MADV_NOCORE`).
  NO_DUMP,
  /// Takes [#NO_DUMP] back (`MADV_CORE`).
  DUMP,
  /// The page table forgets the range, so that the next access to each page is a fault. No byte
  /// changes (`MADV_INVAL`).
  INVALIDATE
}
