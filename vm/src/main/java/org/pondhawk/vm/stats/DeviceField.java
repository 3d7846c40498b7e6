package org.pondhawk.vm.stats;

/// A word of a page that the machine shows.
///
/// @param name its name in documents
/// @param offset where it is in the page, in bytes
/// @param unit its unit; empty for none
/// @param what what it says
public record DeviceField(String name, int offset, String unit, String what) {}
