package org.pondhawk.vm.map;

import org.pondhawk.vm.page.PageArray;

/// What the machine knows of one lease: its range, its owner, and the pages that it has busy.
///
/// The owner's thread changes it, or what cleans up after a forgotten view.
public final class Lease {
  private final long address;
  private final long bytes;
  private final LeaseKind kind;
  private final Thread owner;
  private final int pageSize;
  private final int[] pages;
  private int taken;

  /// Makes the record of a lease that has no page yet, for the calling thread.
  ///
  /// @param bytes at least 1
  public Lease(long address, long bytes, LeaseKind kind, int pageSize) {
    this.address = address;
    this.bytes = bytes;
    this.kind = kind;
    this.owner = Thread.currentThread();
    this.pageSize = pageSize;
    this.pages = new int[pageCount(address, bytes, pageSize)];
  }

  /// How many pages a range touches, at most `Integer.MAX_VALUE`.
  ///
  /// @param bytes at least 1
  public static int pageCount(long address, long bytes, int pageSize) {
    long inFirst = pageSize - (address & (pageSize - 1));
    long behind = Math.max(0, bytes - inFirst);
    long whole = behind / pageSize;
    long count = 1 + whole + (whole * pageSize < behind ? 1 : 0);
    return (int) Math.min(count, Integer.MAX_VALUE);
  }

  /// The first address.
  public long address() {
    return address;
  }

  /// How many bytes.
  public long bytes() {
    return bytes;
  }

  /// The address of its first page.
  public long start() {
    return address & -pageSize;
  }

  /// The address behind its last page.
  public long end() {
    return start() + (long) pages.length * pageSize;
  }

  /// Whether its bytes may be changed.
  public boolean isWrite() {
    return kind == LeaseKind.WRITE;
  }

  /// Whether its bytes stay as they are while others change theirs. Nothing waits for such a lease.
  public boolean isSnapshot() {
    return kind == LeaseKind.SNAPSHOT;
  }

  /// The thread that took it.
  public Thread owner() {
    return owner;
  }

  /// How many pages it is of.
  public int pageCount() {
    return pages.length;
  }

  /// How many of them it has busy, or sends.
  public int taken() {
    return taken;
  }

  /// A page that it has busy, or sends.
  ///
  /// @param i from 0, in the order of addresses
  public int page(int i) {
    return i < taken ? pages[i] : PageArray.NONE;
  }

  /// Notes the next page, which its owner has just made busy, or set up to be sent.
  public void take(int page) {
    pages[taken++] = page;
  }

  /// Forgets the last page.
  int untake() {
    return pages[--taken];
  }

  @Override
  public String toString() {
    return "%s lease of %d bytes at 0x%x, held by %s".formatted(kind, bytes, address, owner);
  }
}
