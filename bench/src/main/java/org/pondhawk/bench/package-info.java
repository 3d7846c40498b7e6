/// Comparisons: what Pondhawk takes for something, beside the kernel, plain loops and peers, all
/// measured in one run.
@NullMarked
package org.pondhawk.bench;

import org.jspecify.annotations.NullMarked;
