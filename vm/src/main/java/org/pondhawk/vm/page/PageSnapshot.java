package org.pondhawk.vm.page;

import org.pondhawk.vm.mem.RawMemory;

/// The words of a descriptor, decoded, for dumps. Read one after the other without any lock: on a
/// running machine they need not be of one moment.
///
/// @param page the page
/// @param hardBusy whether somebody has it to itself
/// @param wanted whether somebody sleeps for it
/// @param swapping whether it is on its way to swap or from there
/// @param softHolders how many keep it as it is
/// @param flags the names of its flags, joined by `|`, or `none`
/// @param flagBits the same as a number
/// @param wireCount how often it is wired
/// @param holdCount how often it is held
/// @param object the slot of its object, or [PageArray#NO_OBJECT]
/// @param pindex its index there
/// @param queue the index of its queue, 0 for none
/// @param valid one bit for each eighth that is good
/// @param dirty one bit for each eighth that is newer than its backing
/// @param activity how active it is
/// @param attribute how it may be cached
/// @param interlocks how many detached mappings are still to be collected from
/// @param spinLocked whether somebody has its spin lock
/// @param ticket the grace period after which its frame may be used anew
/// @param address the address of its frame
public record PageSnapshot(
    int page,
    boolean hardBusy,
    boolean wanted,
    boolean swapping,
    int softHolders,
    String flags,
    int flagBits,
    int wireCount,
    int holdCount,
    int object,
    long pindex,
    int queue,
    int valid,
    int dirty,
    int activity,
    MemoryAttribute attribute,
    int interlocks,
    boolean spinLocked,
    int ticket,
    long address) {
  /// Reads the descriptor of a page or a marker.
  public static PageSnapshot of(PageArray pages, int page) {
    int busy = RawMemory.getIntAcquire(pages.word(page, PageLayout.BUSY));
    int flags = pages.flags(page);
    return new PageSnapshot(
        page,
        BusyWord.isHardBusy(busy),
        BusyWord.isWanted(busy),
        BusyWord.isSwapping(busy),
        BusyWord.softHolders(busy),
        PageFlags.describe(flags),
        flags,
        pages.wireCount(page),
        pages.holdCount(page),
        pages.object(page),
        pages.pindex(page),
        pages.queue(page),
        pages.valid(page),
        pages.dirty(page),
        pages.activity(page),
        pages.attribute(page),
        RawMemory.getIntAcquire(pages.word(page, PageLayout.MAPPING)),
        RawMemory.getIntAcquire(pages.word(page, PageLayout.SPIN)) != 0,
        pages.ticket(page),
        pages.address(page));
  }
}
