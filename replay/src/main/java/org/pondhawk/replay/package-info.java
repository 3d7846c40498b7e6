/// Replays the page references of real programs on a [org.pondhawk.vm.VirtualMemory].
///
/// A [Trace] is read by [Traces]; [Replay] boots a machine, runs each trace as a process of its
/// own, and makes a [ReplayReport]. What a process reads is checked against what it wrote, and at
/// the end every byte of every page is.
@NullMarked
package org.pondhawk.replay;

import org.jspecify.annotations.NullMarked;
