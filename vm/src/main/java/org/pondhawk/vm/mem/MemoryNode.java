package org.pondhawk.vm.mem;

/// A part of memory that some processors are nearer to than others.
///
/// @param id the kernel's number of it, or [#NOT_BOUND]
/// @param socket the socket whose processors are near, or [#NO_SOCKET]
/// @param bytes how much memory it has; only the proportion to the other nodes counts
public record MemoryNode(int id, int socket, long bytes) {
  /// A node that exists in a simulation only: frames are counted to it, but not bound.
  public static final int NOT_BOUND = -1;

  /// A node that says nothing of sockets, because it is the only one.
  public static final int NO_SOCKET = -1;
}
