package org.pondhawk.vm.queue;

import java.util.BitSet;
import org.pondhawk.vm.mem.Processor;
import org.pondhawk.vm.mem.Topology;
import org.pondhawk.vm.page.PageColor;

/// Which colour an allocation asks for.
///
/// A colour is a share of the queues, so that processors that allocate and free at the same time
/// meet on different locks, and neighbours in an object get frames that do not fight for one cache
/// set. Sockets, in them cores, and in them threads have bands of colours of their own:
///
/// ```
///   0                              512                            1023      2 sockets
///   ├──────────────────────────────┼──────────────────────────────┤         of 4 cores
///   │ core 0 │ core 1 │ core 2 │ … │ core 0 │ core 1 │ core 2 │ … │         of 2 threads
///   │ t0 │ t1│                     │            t0 │ t1 │                   = 16 bands of 64
/// ```
///
/// Where the numbers of sockets and cores are no powers of two, some colours are in no band: their
/// pages are found by widening, and are what a band is filled up with at boot. With more processors
/// than colours, several have the same colour.
public final class ColorPolicy {
  /// How far apart the colours of objects made one after the other begin (`PQ_PRIME2`).
  private static final int STEP = 23;

  private static final int START_MASK = 0xffff;

  private final int sockets;
  private final int[] bands;
  private final int width;
  private final boolean widthIsPowerOfTwo;

  /// Makes the policy of a machine.
  public ColorPolicy(Topology topology) {
    this.sockets = topology.sockets();
    this.bands = new int[topology.processors()];
    if (topology.isKnown()) {
      int perSocket = PageQueue.COLORS / sockets;
      int perCore = perSocket / topology.coresPerSocket();
      this.width = Math.max(1, perCore / topology.threadsPerCore());
      for (int n = 0; n < bands.length; n++) {
        Processor at = topology.processor(n);
        bands[n] = at.socket() * perSocket + at.core() * perCore + at.thread() * width;
      }
    } else {
      this.width = Math.max(1, PageQueue.COLORS / bands.length);
      for (int n = 0; n < bands.length; n++) {
        bands[n] = n * width;
      }
    }
    this.widthIsPowerOfTwo = Integer.bitCount(width) == 1;
  }

  /// The colour of a frame at first.
  static int ofPage(int page) {
    return PageColor.atFirst(page);
  }

  /// The colour to ask for (`vm_get_pg_color`).
  ///
  /// @param processor the processor that the caller runs on, or was counted to last
  /// @param start where the colours of the object begin, see [#startOf]
  /// @param pindex the index of the page in it
  public int choose(int processor, long start, long pindex) {
    long wish = start + pindex; // wraps, as an unsigned number
    long within = widthIsPowerOfTwo ? wish & (width - 1) : Long.remainderUnsigned(wish, width);
    return (bands[processor] + (int) within) & PageQueue.COLOR_MASK;
  }

  /// Where the colours of an object's pages begin (`vm_quickcolor`): objects that are made one
  /// after the other begin far apart, so that their first pages do not crowd a few queues.
  ///
  /// The reference has a counter for each processor, so as to share none. Here the number of an
  /// object is the counter: whoever makes an object has drawn one anyway.
  ///
  /// @param id the number of the object
  /// @return from 0 to 65535
  public static int startOf(long id) {
    return (int) (id * STEP) & START_MASK;
  }

  /// How many sockets have a band.
  int sockets() {
    return sockets;
  }

  /// How many colours the band of a socket has.
  private int span() {
    return Math.max(1, PageQueue.COLORS / sockets);
  }

  private int bandOf(int socket) {
    return socket % sockets * span();
  }

  /// The colour in the band of a socket that corresponds to one of all colours. Adjacent colours
  /// stay adjacent, but for the band's ends.
  int intoBand(int color, int socket) {
    return (color % span() + bandOf(socket)) & PageQueue.COLOR_MASK;
  }

  /// Whether a colour lies in the band of a socket.
  boolean isInBand(int color, int socket) {
    int within = color - (bandOf(socket) & PageQueue.COLOR_MASK);
    return within >= 0 && within < span();
  }

  /// The colours that some processor asks for.
  BitSet asked() {
    BitSet asked = new BitSet(PageQueue.COLORS);
    for (int band : bands) {
      for (int n = 0; n < width; n++) {
        asked.set((band + n) & PageQueue.COLOR_MASK);
      }
    }
    return asked;
  }
}
