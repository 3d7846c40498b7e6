package org.pondhawk.vm.stats;

/// What is known of one page, decoded. On a running machine its parts need not be of one moment.
///
/// @param page the number of the page
/// @param address the address of its frame in the process
/// @param hardBusy whether somebody has it to itself
/// @param wanted whether somebody sleeps for it
/// @param swapping whether it is on its way to swap or from there
/// @param softHolders how many keep it as it is meanwhile
/// @param flags the names of its flags, joined by `|`, or `none`
/// @param queue the kind of its queue, or `NONE`
/// @param color the colour of its queue; that of its frame if it is on none
/// @param wireCount how often it is wired
/// @param holdCount how often it is held against reuse
/// @param objectId the number of its object, or -1
/// @param objectSlot the slot of its object in the object table, or -1
/// @param pindex its index in the object, in pages
/// @param valid one bit for each eighth that holds good data
/// @param dirty one bit for each eighth that is newer than its backing
/// @param activity how active it is, from 0 to 64
/// @param attribute how it may be cached
/// @param interlocks how many mappings were taken away whose bits are still to be collected
/// @param spinLocked whether somebody has its spin lock
/// @param ticket the grace period after which its frame may be used anew
/// @param graceOpen whether that is still to end, as far as anybody has asked
public record PageState(
    int page,
    long address,
    boolean hardBusy,
    boolean wanted,
    boolean swapping,
    int softHolders,
    String flags,
    String queue,
    int color,
    int wireCount,
    int holdCount,
    long objectId,
    int objectSlot,
    long pindex,
    int valid,
    int dirty,
    int activity,
    String attribute,
    int interlocks,
    boolean spinLocked,
    int ticket,
    boolean graceOpen) {
  /// All of it as text, one line for each thing.
  public String text() {
    return """
    page %d at 0x%x
      busy     %s
      flags    %s
      queue    %s, colour %d
      object   %s
      pins     wired %d, held %d
      content  valid %s, dirty %s, activity %d, %s
      mapping  %d to be collected from
      spin     %s
      grace    ticket %d, %s
    """
        .formatted(
            page,
            address,
            busy(),
            flags,
            queue,
            color,
            objectSlot < 0
                ? "none, pindex %d".formatted(pindex)
                : "%d in slot %d, pindex %d".formatted(objectId, objectSlot, pindex),
            wireCount,
            holdCount,
            eighths(valid),
            eighths(dirty),
            activity,
            attribute,
            interlocks,
            spinLocked ? "locked" : "free",
            ticket,
            graceOpen ? "open" : "over");
  }

  private String busy() {
    return (hardBusy ? "LOCKED" : "not locked")
        + (wanted ? ", WANTED" : "")
        + (swapping ? ", SWAPPING" : "")
        + ", %d soft".formatted(softHolders);
  }

  /// Eight bits, the first eighth of the page first.
  private static String eighths(int bits) {
    StringBuilder text = new StringBuilder();
    for (int eighth = 0; eighth < 8; eighth++) {
      text.append((bits >>> eighth) & 1);
    }
    return text.toString();
  }
}
