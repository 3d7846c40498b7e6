package org.pondhawk.vm.queue;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.pondhawk.vm.error.VmPanic;
import org.pondhawk.vm.mem.FrameRange;
import org.pondhawk.vm.mem.MemoryNode;
import org.pondhawk.vm.page.PageArray;

/// Gives frames the colours that the processors near to them ask for, so that an allocation that
/// finds its colour has found memory of its own node.
///
/// **Contract.** While the machine boots, and one thread has it to itself: colours are read without
/// a lock from then on. Whatever was done may be done again, and changes nothing then. Nothing here
/// waits, and no counter changes.
public final class SocketColors {
  private static final int TOLERANCE = 10;

  private final PageArray pages;
  private final PageQueues queues;
  private final ColorPolicy colors;
  private final List<FrameRange> ranges = new ArrayList<>();

  /// Pages that were given away to fill a colour outside the band of their socket.
  private final BitSet lent = new BitSet();

  private int rover;

  /// Makes the organizer of a machine; no frame belongs to a socket yet.
  public SocketColors(PageArray pages, PageQueues queues, ColorPolicy colors) {
    this.pages = pages;
    this.queues = queues;
    this.colors = colors;
  }

  /// Gives the frames of a range colours of their socket's band (`vm_numa_organize`), whether they
  /// are queued yet or not. Does nothing on a machine of one socket, and for a node that belongs to
  /// none.
  ///
  /// @throws VmPanic if not all of them exist
  public void organize(FrameRange range) {
    if (range.first() < 0 || range.end() > pages.frameCount() || range.count() < 0) {
      throw new VmPanic(
          "frames %d to %d of %d are to be given colours"
              .formatted(range.first(), range.end() - 1, pages.frameCount()));
    }
    int socket = range.node().socket();
    if (colors.sockets() <= 1 || socket == MemoryNode.NO_SOCKET) {
      return;
    }
    ranges.remove(range);
    ranges.add(range);
    lent.clear(range.first(), range.end());
    for (int page = range.first(); page < range.end(); page++) {
      queues.recolor(page, colors.intoBand(pages.color(page), socket));
    }
  }

  /// Fills up the free queues of the colours that processors ask for, so that none of them starts
  /// with an empty one (`vm_numa_organize_finalize`): afterwards each has nine tenths of their
  /// average at least.
  ///
  /// Pages come from queues with more than that, those of colours that nobody asks for included. A
  /// queue gives none that it would lack itself: the reference takes from every queue of average
  /// length, which with queues of less than ten pages undoes what was done.
  ///
  /// @return how many pages got another colour
  public int evenOut() {
    BitSet asked = colors.asked();
    long sum = asked.stream().mapToLong(color -> free(color)).sum();
    int average = (int) (sum / asked.cardinality());
    int least = average - average / TOLERANCE;
    int givesFrom = Math.max(average, least + 1);
    int moved = 0;
    for (int color = asked.nextSetBit(0); color >= 0; color = asked.nextSetBit(color + 1)) {
      for (; free(color) < least; moved++) {
        give(nextDonor(givesFrom), color);
      }
    }
    return moved;
  }

  private int free(int color) {
    return queues.length(PageQueue.FREE.index(color));
  }

  /// The next colour with so many free pages. There is one: as some colour has fewer than the
  /// average, another has more.
  private int nextDonor(int length) {
    for (int n = 0; n < PageQueue.COLORS; n++) {
      rover = (rover + 1) & PageQueue.COLOR_MASK;
      if (free(rover) >= length) {
        return rover;
      }
    }
    throw new VmPanic("no colour has " + length + " free pages, and yet their average has");
  }

  private void give(int donor, int color) {
    int page = queues.head(PageQueue.FREE.index(donor));
    queues.recolor(page, color);
    lent.set(page, socketOf(page) >= 0 && !colors.isInBand(color, socketOf(page)));
  }

  /// The socket that a frame belongs to, or a negative number for none.
  private int socketOf(int page) {
    for (int n = ranges.size() - 1; n >= 0; n--) {
      FrameRange range = ranges.get(n);
      if (page >= range.first() && page < range.end()) {
        return range.node().socket();
      }
    }
    return MemoryNode.NO_SOCKET;
  }

  /// Whether a frame has a colour that it may have: one of its socket, unless it was given away.
  public boolean isRight(int page) {
    int socket = socketOf(page);
    return socket < 0 || lent.get(page) || colors.isInBand(pages.color(page), socket);
  }

  /// The ranges of frames that belong to sockets, in the order in which they were organized.
  public List<FrameRange> ranges() {
    return List.copyOf(ranges);
  }

  /// How many frames have a colour of another socket.
  public int lent() {
    return lent.cardinality();
  }
}
