package org.pondhawk.vm.stats;

/// A program that others start as copies of, at a moment (`vmresident`).
///
/// @param id its number, which no other of the machine ever has (`vr_id`)
/// @param key what it is known by (`vr_vnode`)
/// @param entryAddress where programs that start from it begin (`vr_entry_addr`)
/// @param starting how many are starting from it just now (`vr_refs`)
/// @param starts how many have started or tried to
/// @param statistics what the snapshot has and takes
public record ResidentProgram(
    long id,
    Object key,
    long entryAddress,
    int starting,
    long starts,
    SpaceStatistics statistics) {}
