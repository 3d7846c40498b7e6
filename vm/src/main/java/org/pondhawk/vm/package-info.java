/// The public surface: boot a machine, make address spaces, map memory, look at it through views,
/// and lease pages of it.
@NullMarked
package org.pondhawk.vm;

import org.jspecify.annotations.NullMarked;
