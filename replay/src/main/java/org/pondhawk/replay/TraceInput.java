package org.pondhawk.replay;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;

/// The bytes of a trace, unpacked if they were packed, with their position for messages.
final class TraceInput {
  private static final int BUFFER = 1 << 16;
  private static final int GZIP_MAGIC = 0x8b1f;

  /// The end of the input, where a byte was asked for.
  static final int END = -1;

  private final String name;
  private final InputStream in;
  private final byte[] buffer = new byte[BUFFER];
  private int next;
  private int filled;
  private long before;

  private TraceInput(String name, InputStream in) {
    this.name = name;
    this.in = in;
  }

  /// Starts to read. The stream stays the caller's, who closes it.
  static TraceInput of(String name, InputStream raw) throws IOException {
    var in = new BufferedInputStream(raw, BUFFER);
    in.mark(2);
    int magic = in.read() | in.read() << 8;
    in.reset();
    if (magic != GZIP_MAGIC) {
      return new TraceInput(name, in);
    }
    try {
      return new TraceInput(name, new GZIPInputStream(in, BUFFER));
    } catch (EOFException e) {
      throw endsEarly(name, 0, e);
    } catch (ZipException e) {
      throw damaged(name, 0, e);
    }
  }

  String name() {
    return name;
  }

  /// How many bytes were taken, counted after unpacking.
  long position() {
    return before + next;
  }

  /// Takes a byte, 0 to 255, or [#END].
  int read() throws IOException {
    return next < filled || fill() ? buffer[next++] & 0xff : END;
  }

  /// Whether the input begins with these characters; takes nothing.
  boolean beginsWith(String ascii) throws IOException {
    if (position() != 0) {
      throw new IllegalStateException("already read up to " + position());
    }
    byte[] wanted = ascii.getBytes(StandardCharsets.US_ASCII);
    while (filled < wanted.length && fillMore()) {}
    if (filled < wanted.length) {
      return false;
    }
    for (int i = 0; i < wanted.length; i++) {
      if (buffer[i] != wanted[i]) {
        return false;
      }
    }
    return true;
  }

  /// A complaint about the place where the input stands now.
  BadTraceException bad(String problem) {
    return new BadTraceException(name, position(), problem);
  }

  private boolean fill() throws IOException {
    before += filled;
    next = 0;
    filled = 0;
    return fillMore();
  }

  private boolean fillMore() throws IOException {
    try {
      int got = in.read(buffer, filled, buffer.length - filled);
      filled += Math.max(got, 0);
      return got > 0;
    } catch (EOFException e) {
      throw endsEarly(name, before + filled, e);
    } catch (ZipException e) {
      throw damaged(name, before + filled, e);
    }
  }

  private static BadTraceException endsEarly(String name, long position, Exception cause) {
    var bad = new BadTraceException(name, position, "truncated: the gzip data end too early");
    bad.initCause(cause);
    return bad;
  }

  private static BadTraceException damaged(String name, long position, Exception cause) {
    var bad =
        new BadTraceException(
            name, position, "damaged: these are not good gzip data (" + cause.getMessage() + ")");
    bad.initCause(cause);
    return bad;
  }
}
