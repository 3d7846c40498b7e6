package org.pondhawk.replay;

import java.util.function.LongSupplier;

/// What the processes of one replay share.
///
/// @param machine the machine that they run on
/// @param stages keeps them in step
/// @param stop tells them to stop
/// @param clock counts nanoseconds
/// @param repeats whether they start again at the end of their traces, until stopped
record Conditions(
    Machine machine, Stages stages, StopSignal stop, LongSupplier clock, boolean repeats) {}
