/// The page descriptor: the array of descriptors, its layout, and its atomic words.
@NullMarked
package org.pondhawk.vm.page;

import org.jspecify.annotations.NullMarked;
