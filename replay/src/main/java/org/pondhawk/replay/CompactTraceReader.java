package org.pondhawk.replay;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/// Reads the compact format, VMTRACE1.
///
/// | part | what it is |
/// |------|------------|
/// | header | one ASCII line, `#VMTRACE1 key=value … pages=P refs=R` |
/// | P numbers | the page numbers, each as zigzag of the difference to the one before (first: 0) |
/// | R numbers | the references: page id, fetch bit, write bit |
///
/// All numbers are unsigned LEB128. Ids appear in order and all of them do, and nothing follows the
/// last reference: so a trace cut short anywhere is noticed.
final class CompactTraceReader implements TraceReader {
  /// What a file of this format begins with.
  static final String MAGIC = "#VMTRACE1 ";

  private static final int MAX_HEADER = 4096;

  private final long maxReferences;

  CompactTraceReader(long maxReferences) {
    this.maxReferences = maxReferences;
  }

  @Override
  public Trace read(TraceInput in) throws IOException {
    Map<String, String> header = readHeader(in);
    String shift = header.getOrDefault("page_shift", String.valueOf(Trace.PAGE_SHIFT));
    if (!shift.equals(String.valueOf(Trace.PAGE_SHIFT))) {
      throw in.bad("the header says page_shift=" + shift + ", expected " + Trace.PAGE_SHIFT);
    }
    int pageCount = (int) count(in, header, "pages", Trace.MAX_PAGES);
    long referenceCount = count(in, header, "refs", maxReferences);
    PageNumbers numbers = readPageNumbers(in, pageCount);
    References references = readReferences(in, pageCount, referenceCount);
    if (in.read() != TraceInput.END) {
      throw in.bad("bytes follow the last of " + referenceCount + " references");
    }
    return new Trace(in.name(), numbers, references);
  }

  private static Map<String, String> readHeader(TraceInput in) throws IOException {
    var line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c == TraceInput.END) {
        throw in.bad("truncated in the header line");
      }
      if (c < ' ' || c > '~' || line.length() == MAX_HEADER) {
        throw in.bad("the header is not one line of at most " + MAX_HEADER + " ASCII characters");
      }
      line.append((char) c);
    }
    var header = new HashMap<String, String>();
    for (String word : line.substring(MAGIC.length()).split(" +", -1)) {
      int equals = word.indexOf('=');
      if (equals > 0) {
        header.put(word.substring(0, equals), word.substring(equals + 1));
      }
    }
    return header;
  }

  private static long count(TraceInput in, Map<String, String> header, String key, long max)
      throws BadTraceException {
    String value = header.get(key);
    if (value == null || !value.matches("[0-9]{1,18}")) {
      throw in.bad("the header has no number " + key + "=" + (value == null ? "…" : value));
    }
    long count = Long.parseLong(value);
    if (count < 1 || count > max) {
      throw in.bad("the header says " + key + "=" + count + ", expected 1 to " + max);
    }
    return count;
  }

  private static PageNumbers readPageNumbers(TraceInput in, int pageCount) throws IOException {
    var numbers = new PageNumbers();
    long number = 0;
    for (int id = 0; id < pageCount; id++) {
      long zigzag = readNumber(in, "page number", id, pageCount);
      number += (zigzag >>> 1) ^ -(zigzag & 1);
      if (number < 0 || number >= Trace.PAGE_NUMBER_END) {
        throw in.bad("page " + id + " has the impossible number " + number);
      }
      if (numbers.idOf(number) != id) {
        throw in.bad("page " + id + " has the number of page " + numbers.idOf(number));
      }
    }
    return numbers;
  }

  private static References readReferences(TraceInput in, int pageCount, long referenceCount)
      throws IOException {
    var references = new References();
    int seen = 0;
    for (long i = 0; i < referenceCount; i++) {
      long value = readNumber(in, "reference", i, referenceCount);
      long id = value >>> Trace.FLAG_BITS;
      if (id > seen || id >= pageCount) {
        throw in.bad(
            "reference %d is to page %d; expected one of the %d seen, or the next of %d"
                .formatted(i, id, seen, pageCount));
      }
      seen += id == seen ? 1 : 0;
      references.add((int) value);
    }
    if (seen != pageCount) {
      throw in.bad("only " + seen + " of the header's " + pageCount + " pages are referenced");
    }
    return references;
  }

  private static long readNumber(TraceInput in, String what, long index, long count)
      throws IOException {
    long value = 0;
    for (int shift = 0; ; shift += 7) {
      int octet = in.read();
      if (octet == TraceInput.END) {
        throw in.bad("truncated in " + what + " " + index + " of " + count);
      }
      if (shift > 63 || (shift == 63 && octet > 1)) {
        throw in.bad(what + " " + index + " is longer than 64 bits");
      }
      value |= (octet & 0x7fL) << shift;
      if (octet < 0x80) {
        return value;
      }
    }
  }
}
