package org.pondhawk.vm.stats;

/// What an address space has and takes, at a moment.
///
/// @param residentPages pages that its page table maps (`resident_count`)
/// @param wiredPages pages of them that stay resident until it unwires them
/// @param swappedPages blocks of swap that lie behind its mappings, those of objects that it shows
///   in part by their share: an estimate (`vmspace_swap_count`)
/// @param anonymousPages resident pages of the anonymous objects that its mappings show first,
///   those that it does not map included; each object is counted once (`vmspace_anonymous_count`)
/// @param mappedBytes the length of all mappings together
/// @param mappings how many there are
/// @param dataBytes how much a break has mapped (`vm_dsize`)
/// @param stackBytes how much of stacks is mapped (`vm_ssize`)
/// @param references how many handles are open (`vm_refcnt`)
/// @param holds those, and who looks at the space from outside just now (`vm_holdcnt`)
public record SpaceStatistics(
    long residentPages,
    long wiredPages,
    long swappedPages,
    long anonymousPages,
    long mappedBytes,
    int mappings,
    long dataBytes,
    long stackBytes,
    int references,
    int holds) {}
