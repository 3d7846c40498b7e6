package org.pondhawk.vm.map;

import org.pondhawk.vm.object.PageCow;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.sync.LeasedPages;
import org.pondhawk.vm.sync.Ticker;

/// What all leases of a machine share.
///
/// @param cow sends the pages of snapshots
/// @param leased which pages are leased by whom
/// @param patienceNanos how long a lease waits for an operation in its way
/// @param stopNanos how long an operation waits for leases in its way
public record LeaseParts(
    PageParts page,
    PageCow cow,
    LeasedPages leased,
    Ticker ticker,
    long patienceNanos,
    long stopNanos) {}
