/// Memory traces of real programs: reading them, and replaying them as processes of a virtual
/// machine.
@NullMarked
package org.pondhawk.replay;

import org.jspecify.annotations.NullMarked;
