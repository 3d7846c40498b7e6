package org.pondhawk.cli;

import java.util.List;

/// Fields, flags or constants that belong to a [ReferenceRow] and share an answer.
///
/// @param line where it stands in the source, from 1
/// @param names as the reference writes them, at least one
/// @param answer where they are here, or why they are not
record ReferencePart(int line, List<String> names, ReferenceAnswer answer) {}
