package org.pondhawk.vm.map;

/// What a step of shortening chains came to.
enum Step {
  /// There is nothing to do, now.
  NOTHING,
  /// Something was moved or freed; there may be more.
  PROGRESS,
  /// The links of a chain are to be changed, which needs the map exclusively.
  RELINK,
  /// A page was busy or a node was missing: try again later.
  LATER
}
