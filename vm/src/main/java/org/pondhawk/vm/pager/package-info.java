/// The contract between an object and the store behind it, and the results a store may give.
@NullMarked
package org.pondhawk.vm.pager;

import org.jspecify.annotations.NullMarked;
