/// The command line: parses arguments, calls the library, prints what it says.
@NullMarked
package org.pondhawk.cli;

import org.jspecify.annotations.NullMarked;
