package org.pondhawk.vm.boot;

import java.util.function.ToLongFunction;

/// One number of the machine that can only be read (a read-only `sysctl`).
///
/// @param name with dots, as the reference has it
/// @param unit in the plural, or nothing
/// @param what it is, one sentence
/// @param of reads it; does not wait
public record Reading(String name, String unit, String what, ToLongFunction<Machine> of) {}
