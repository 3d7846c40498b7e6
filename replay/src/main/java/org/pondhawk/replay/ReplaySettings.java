package org.pondhawk.replay;

/// What a replay ran on.
///
/// @param memoryBytes the physical memory of the machine, its own structures included
/// @param swapBytes the size of the swap file
/// @param pageSize the bytes of a page
/// @param cpus the CPUs that the machine was made for
/// @param seed what the bytes depend on
public record ReplaySettings(long memoryBytes, long swapBytes, int pageSize, int cpus, long seed) {}
