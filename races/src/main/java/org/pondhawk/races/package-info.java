/// Race tests: small programs of two threads, and the outcomes that each of them permits.
@NullUnmarked
package org.pondhawk.races;

import org.jspecify.annotations.NullUnmarked;
