package org.pondhawk.vm.object;

import org.pondhawk.vm.page.Mappings;
import org.pondhawk.vm.queue.FictitiousPages;
import org.pondhawk.vm.queue.PageAdvice;
import org.pondhawk.vm.queue.PageAllocator;
import org.pondhawk.vm.queue.PageContent;
import org.pondhawk.vm.queue.PageExemption;
import org.pondhawk.vm.queue.PageParts;
import org.pondhawk.vm.queue.PageProtection;
import org.pondhawk.vm.queue.PageReclaim;
import org.pondhawk.vm.queue.PageWiring;
import org.pondhawk.vm.queue.WiredPages;
import org.pondhawk.vm.sync.Grace;

/// The operations on single pages beside those of [PageParts]: whole, and for pagers and others who
/// deal with pages one by one. Faults and daemons have shorter ways of their own.
///
/// @param content what is known of a page's bytes
/// @param protection taking rights from mappings
/// @param wiring wiring without making busy
/// @param exemption keeping pages from the daemon
/// @param reclaim giving single pages up
/// @param advice what is not needed for now
/// @param finder pages by object and index
/// @param grabber the same, made if absent
/// @param hash where pages were, found without a token
/// @param scan going through the pages of an object
/// @param cow sending pages out while others store into them
/// @param fictitious pages for memory that is not the machine's
/// @param maker pages allocated into an object
/// @param alone wired pages of no object
public record PageOperations(
    PageContent content,
    PageProtection protection,
    PageWiring wiring,
    PageExemption exemption,
    PageReclaim reclaim,
    PageAdvice advice,
    PageFinder finder,
    PageGrabber grabber,
    PageHash hash,
    PageScan scan,
    PageCow cow,
    FictitiousPages fictitious,
    ObjectPages maker,
    WiredPages alone) {
  /// Makes the operations of a machine.
  public static PageOperations of(
      PageParts parts,
      PageAllocator allocator,
      ObjectOwner owner,
      RadixNodes nodes,
      Mappings mappings,
      Grace grace,
      PageHash hash) {
    PageContent content = new PageContent(parts, owner, mappings);
    PageProtection protection = new PageProtection(parts, mappings, grace);
    PageFinder finder = new PageFinder(parts, content, hash);
    ObjectPages maker = new ObjectPages(parts, allocator, owner);
    return new PageOperations(
        content,
        protection,
        new PageWiring(parts.pages()),
        new PageExemption(parts, owner),
        new PageReclaim(parts, allocator, content, protection),
        new PageAdvice(parts, content, mappings),
        finder,
        new PageGrabber(parts, maker, nodes, finder, content),
        hash,
        new PageScan(),
        new PageCow(parts, allocator, owner, content, mappings, grace),
        allocator.fictitious(),
        maker,
        new WiredPages(parts, allocator));
  }
}
