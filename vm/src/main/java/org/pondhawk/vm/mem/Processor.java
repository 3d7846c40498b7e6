package org.pondhawk.vm.mem;

/// One processor of a [Topology], by where it is.
///
/// @param socket its socket, from 0 (`phys_id`)
/// @param core its core in the socket, from 0 (`core_id`)
/// @param thread which of the core's threads it is, from 0 (`ht_id`)
/// @param node the number of the memory node that it is near to, as the kernel counts them
public record Processor(int socket, int core, int thread, int node) {}
