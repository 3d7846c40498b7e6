package org.pondhawk.replay;

import java.io.IOException;

/// Reads the text that `valgrind --tool=lackey --trace-mem=yes` writes.
///
/// ```
///   I  0401ab70,3       instructions fetched: address, bytes
///    L 1fff000768,8     loaded
///    S 1fff000768,8     stored
///    M 04032e58,8       loaded and then stored: counts as a write
/// ```
///
/// Any other line is left out, because the banner, and with `2>&1` the program's own output, come
/// the same way. An access that straddles a page boundary becomes two references; repeats of one
/// page are collapsed into one reference with the flags of all.
final class LackeyTraceReader implements TraceReader {
  /// An input without a reference in so many bytes is given up: it might never end.
  private static final long PATIENCE_BYTES = 1 << 20;

  /// No access is larger than a page.
  private static final int MAX_ACCESS_BYTES = 1 << Trace.PAGE_SHIFT;

  private static final int NOT_A_REFERENCE = -1;

  /// A longer line is no reference; what is beyond this is dropped.
  private static final int MAX_LINE = 64;

  private static final int ADDRESS_AT = 3;
  private static final int MAX_ADDRESS_DIGITS = 16;
  private static final int MAX_SIZE_DIGITS = 4;

  private final long maxReferences;
  private final byte[] line = new byte[MAX_LINE];
  private final PageNumbers numbers = new PageNumbers();
  private final References references = new References();
  private int pendingId = NOT_A_REFERENCE;
  private int pendingFlags;

  LackeyTraceReader(long maxReferences) {
    this.maxReferences = maxReferences;
  }

  @Override
  public Trace read(TraceInput in) throws IOException {
    for (int length = readLine(in); length >= 0; length = readLine(in)) {
      parseLine(length);
      if (numbers.count() == 0 && in.position() > PATIENCE_BYTES) {
        break;
      }
      if (references.count() >= maxReferences || numbers.count() > Trace.MAX_PAGES) {
        throw in.bad(
            "larger than the %d references to %d pages that fit in the Java heap"
                .formatted(maxReferences, Trace.MAX_PAGES));
      }
    }
    if (numbers.count() == 0) {
      throw noReference(in);
    }
    flush();
    return new Trace(in.name(), numbers, references);
  }

  private static BadTraceException noReference(TraceInput in) {
    String what = in.position() == 0 ? "empty" : "not a trace";
    return new BadTraceException(
        in.name(),
        what
            + "; expected a VMTRACE1 file, or the text of valgrind --tool=lackey --trace-mem=yes,"
            + " plain or as gzip");
  }

  /// Takes a line, without its end. Returns its length (at most [#MAX_LINE]), or -1 at the end.
  private int readLine(TraceInput in) throws IOException {
    int length = 0;
    int c = in.read();
    if (c == TraceInput.END) {
      return -1;
    }
    long start = in.position();
    while (c != '\n' && c != TraceInput.END && in.position() - start < PATIENCE_BYTES) {
      if (length < MAX_LINE) {
        line[length++] = (byte) c;
      }
      c = in.read();
    }
    return length;
  }

  private void parseLine(int length) {
    int flags = flagsOf(length);
    if (flags == NOT_A_REFERENCE) {
      return;
    }
    long address = 0;
    int at = ADDRESS_AT;
    while (at < length && Character.digit(line[at], 16) >= 0) {
      address = address << 4 | Character.digit(line[at++], 16);
    }
    int digits = at - ADDRESS_AT;
    if (digits < 1 || digits > MAX_ADDRESS_DIGITS || at == length || line[at] != ',') {
      return;
    }
    int bytes = sizeFrom(at + 1, length);
    if (bytes >= 1 && bytes <= MAX_ACCESS_BYTES) {
      reference(address, bytes, flags);
    }
  }

  private int flagsOf(int length) {
    if (length <= ADDRESS_AT || line[2] != ' ') {
      return NOT_A_REFERENCE;
    }
    if (line[0] == 'I' && line[1] == ' ') {
      return Trace.FETCH;
    }
    if (line[0] != ' ') {
      return NOT_A_REFERENCE;
    }
    return switch (line[1]) {
      case 'L' -> 0;
      case 'S', 'M' -> Trace.WRITE;
      default -> NOT_A_REFERENCE;
    };
  }

  private int sizeFrom(int from, int length) {
    int end = length > from && line[length - 1] == '\r' ? length - 1 : length;
    if (end == from || end - from > MAX_SIZE_DIGITS) {
      return NOT_A_REFERENCE;
    }
    int size = 0;
    for (int at = from; at < end; at++) {
      if (line[at] < '0' || line[at] > '9') {
        return NOT_A_REFERENCE;
      }
      size = 10 * size + line[at] - '0';
    }
    return size;
  }

  private void reference(long address, int bytes, int flags) {
    long first = address >>> Trace.PAGE_SHIFT;
    long last = (address + bytes - 1) >>> Trace.PAGE_SHIFT;
    touch(first, flags);
    if (last != first) {
      touch(last, flags);
    }
  }

  private void touch(long pageNumber, int flags) {
    int id = numbers.idOf(pageNumber);
    if (id != pendingId) {
      flush();
      pendingId = id;
      pendingFlags = 0;
    }
    pendingFlags |= flags;
  }

  private void flush() {
    if (pendingId != NOT_A_REFERENCE) {
      references.add(pendingId << Trace.FLAG_BITS | pendingFlags);
    }
  }
}
