package org.pondhawk.cli;

import java.util.List;

/// Fields, flags or constants that belong to a [ReferenceRow] and share an answer.
///
/// @param names as the reference writes them, at least one
/// @param answer where they are here, or why they are not
record ReferencePart(List<String> names, ReferenceAnswer answer) {}
