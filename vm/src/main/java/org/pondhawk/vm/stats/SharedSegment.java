package org.pondhawk.vm.stats;

/// What is known of a segment of shared memory (`shmid_ds`). Moments are those of the machine's
/// clock, -1 for none.
///
/// @param id its number
/// @param key what it is found by, or 0
/// @param bytes its size as it was asked for
/// @param attachments how often it is attached (`shm_nattch`)
/// @param isRemoved whether it goes with its last attachment
/// @param user the owner
/// @param group the owner's
/// @param creatingUser who made it
/// @param creatingGroup the group of who made it
/// @param mode nine bits: what owners, groups and others may do
/// @param residentPages how many of its pages are in memory
/// @param changedNanos when it was made, or its owner set, last (`shm_ctime`)
/// @param attachedNanos when it was attached last (`shm_atime`)
/// @param detachedNanos when it was detached last (`shm_dtime`)
/// @param lastSpace the number of the space that did that, or 0 (`shm_lpid`)
public record SharedSegment(
    int id,
    long key,
    long bytes,
    int attachments,
    boolean isRemoved,
    long user,
    long group,
    long creatingUser,
    long creatingGroup,
    int mode,
    long residentPages,
    long changedNanos,
    long attachedNanos,
    long detachedNanos,
    long lastSpace) {}
