package org.pondhawk.replay;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.GZIPOutputStream;

/// Writes traces in the compact format, right ones and broken ones.
final class CompactTraces {
  private final List<Long> numbers = new ArrayList<>();
  private final List<Long> references = new ArrayList<>();

  CompactTraces pages(long... pageNumbers) {
    for (long number : pageNumbers) {
      numbers.add(number);
    }
    return this;
  }

  CompactTraces read(long id) {
    references.add(id << Trace.FLAG_BITS);
    return this;
  }

  CompactTraces write(long id) {
    references.add(id << Trace.FLAG_BITS | Trace.WRITE);
    return this;
  }

  byte[] bytes() {
    return bytes("#VMTRACE1 page_shift=12 pages=" + numbers.size() + " refs=" + references.size());
  }

  byte[] bytes(String header) {
    var out = new ByteArrayOutputStream();
    out.writeBytes((header + "\n").getBytes(StandardCharsets.US_ASCII));
    long previous = 0;
    for (long number : numbers) {
      long difference = number - previous;
      number(out, difference << 1 ^ difference >> 63);
      previous = number;
    }
    references.forEach(reference -> number(out, reference));
    return out.toByteArray();
  }

  /// The trace itself.
  Trace trace(String name) {
    try {
      return Traces.read(name, new java.io.ByteArrayInputStream(bytes()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static byte[] gzip(byte[] plain) {
    var out = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(out)) {
      gzip.write(plain);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private static void number(ByteArrayOutputStream out, long value) {
    long rest = value;
    while (rest >>> 7 != 0) {
      out.write((int) ((rest & 0x7f) | 0x80));
      rest >>>= 7;
    }
    out.write((int) rest);
  }
}
