/// Helpers for tests of the library: models of ordinary collections, oracles and their canaries,
/// and parts that fail on purpose.
@NullMarked
package org.pondhawk.testkit;

import org.jspecify.annotations.NullMarked;
