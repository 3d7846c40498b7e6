/// The machine's own memory: a space that it shares with nobody, items of fixed sizes in it, and
/// pages that it shows to its users.
@NullMarked
package org.pondhawk.vm.kmem;

import org.jspecify.annotations.NullMarked;
