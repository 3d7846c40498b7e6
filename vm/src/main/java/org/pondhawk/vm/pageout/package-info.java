/// Pageout: the daemons that scan the queues, clean pages in clusters and keep memory free.
@NullMarked
package org.pondhawk.vm.pageout;

import org.jspecify.annotations.NullMarked;
