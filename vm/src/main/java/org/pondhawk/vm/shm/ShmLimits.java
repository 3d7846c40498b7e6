package org.pondhawk.vm.shm;

import org.pondhawk.vm.sync.Tunable;

/// How much may be shared (`shminfo`). Read anew by every call.
///
/// @param leastBytes of a segment (`shmmin`)
/// @param mostBytes of a segment (`shmmax`)
/// @param mostSegments how many there may be (`shmmni`)
/// @param mostAttached how many a space may have attached (`shmseg`)
/// @param mostPages of all segments together (`shmall`)
/// @param attachesRemoved whether one that was removed may be attached again while it is attached
///   anywhere (`shm_allow_removed`)
public record ShmLimits(
    Tunable leastBytes,
    Tunable mostBytes,
    Tunable mostSegments,
    Tunable mostAttached,
    Tunable mostPages,
    Tunable attachesRemoved) {}
