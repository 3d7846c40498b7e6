package org.pondhawk.vm.boot;

/// How faults are served.
///
/// @param prefaultPages how many resident neighbours of a page are mapped with it
///   (`vm.prefault_pages`); 0 for none
/// @param zeroesAhead whether a thread zeroes the frames of free pages before they are asked for
///   (`vm.idlezero_enable`)
public record FaultSpec(int prefaultPages, boolean zeroesAhead) {
  /// Each fault maps its page, and zeroes its frame itself.
  public static final FaultSpec PLAIN = new FaultSpec(0, false);
}
