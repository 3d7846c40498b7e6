package org.pondhawk.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.tuple;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CompactTraceReaderTest {
  private static final String HEADER = "#VMTRACE1 page_shift=12 pages=3 refs=5";

  /// Page numbers that need one byte, several, and a step back.
  private static CompactTraces small() {
    return new CompactTraces()
        .pages(0x1fff000, 4, 0x10_0000_0000L)
        .read(0)
        .write(1)
        .read(0)
        .write(2)
        .read(1);
  }

  private static Trace read(byte[] bytes) throws IOException {
    return Traces.read("t", new ByteArrayInputStream(bytes));
  }

  @Test
  void readsPagesAndReferences() throws IOException {
    Trace trace = read(small().bytes());

    assertThat(trace.pageCount()).isEqualTo(3);
    assertThat(trace.pageNumber(0)).isEqualTo(0x1fff000);
    assertThat(trace.pageNumber(1)).isEqualTo(4);
    assertThat(trace.pageNumber(2)).isEqualTo(0x10_0000_0000L);
    assertThat(trace.referenceCount()).isEqualTo(5);
    assertThat(Trace.pageOf(trace.reference(3))).isEqualTo(2);
    assertThat(Trace.isWrite(trace.reference(3))).isTrue();
    assertThat(Trace.isWrite(trace.reference(4))).isFalse();
    assertThat(trace.footprintBytes()).isEqualTo(3 * 4096);
  }

  @Test
  void readsTheSameFromGzip() throws IOException {
    Trace trace = read(CompactTraces.gzip(small().bytes()));

    assertThat(trace.referenceCount()).isEqualTo(5);
  }

  @Test
  void readsTheBundledTraces() throws IOException {
    assertThat(Traces.bundled())
        .extracting(Trace::name, Trace::pageCount, Trace::referenceCount, Trace::writtenPages)
        .containsExactly(
            tuple("cc1-O2", 5662, 899_273L, 2135),
            tuple("gzip2m", 286, 37_563L, 143),
            tuple("python-dict", 1325, 3_377_355L, 650),
            tuple("sort50k", 995, 395_041L, 822));
  }

  @Test
  void noticesEveryTruncation() {
    byte[] whole = small().bytes();
    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> read(part))
          .as("%d of %d bytes", length, whole.length)
          .isInstanceOf(BadTraceException.class)
          .hasMessageStartingWith("t: ");
    }
  }

  @Test
  void noticesEveryTruncationOfGzip() {
    byte[] whole = CompactTraces.gzip(small().bytes());
    for (int length = 0; length < whole.length; length++) {
      byte[] part = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> read(part))
          .as("%d of %d bytes", length, whole.length)
          .isInstanceOf(BadTraceException.class);
    }
  }

  @Test
  void noticesDamagedGzip() {
    byte[] gzip = CompactTraces.gzip(small().bytes());
    gzip[gzip.length - 6] ^= 1; // in the checksum

    assertThatThrownBy(() -> read(gzip))
        .isInstanceOf(BadTraceException.class)
        .hasMessageContaining("damaged");
  }

  @Test
  void saysWhereATruncationIs() {
    byte[] whole = small().bytes();
    byte[] part = Arrays.copyOf(whole, whole.length - 1);

    assertThatThrownBy(() -> read(part))
        .hasMessage("t: at byte %d: truncated in reference 4 of 5", part.length);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "#VMTRACE1 page_shift=12 pages=3",
        "#VMTRACE1 page_shift=12 pages=3 refs=",
        "#VMTRACE1 page_shift=12 pages=3 refs=five",
        "#VMTRACE1 page_shift=12 pages=3 refs=-5",
        "#VMTRACE1 page_shift=12 pages=3 refs=0",
        "#VMTRACE1 page_shift=12 pages=0 refs=5",
        "#VMTRACE1 page_shift=12 pages=3 refs=99999999999999999",
        "#VMTRACE1 page_shift=12 pages=3 refs=99999999999999999999999",
        "#VMTRACE1 page_shift=12 pages=67108865 refs=5",
        "#VMTRACE1 page_shift=13 pages=3 refs=5",
        "#VMTRACE2 page_shift=12 pages=3 refs=5",
        "#VMTRACE1",
        "#VMTRACE1 \u0007 pages=3 refs=5",
      })
  void refusesTheHeader(String header) {
    assertThatThrownBy(() -> read(small().bytes(header))).isInstanceOf(BadTraceException.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"pages=2 refs=5", "pages=4 refs=5", "pages=3 refs=4", "pages=3 refs=6"})
  void noticesAHeaderThatDoesNotFitTheBody(String counts) {
    assertThatThrownBy(() -> read(small().bytes("#VMTRACE1 page_shift=12 " + counts)))
        .isInstanceOf(BadTraceException.class);
  }

  @Test
  void noticesAPageThatIsNeverReferenced() {
    byte[] bytes = new CompactTraces().pages(1, 2).read(0).read(0).bytes();

    assertThatThrownBy(() -> read(bytes)).hasMessageContaining("only 1 of the header's 2 pages");
  }

  @Test
  void noticesAReferenceOutOfOrder() {
    byte[] bytes = new CompactTraces().pages(1, 2, 3).read(0).read(2).read(1).bytes();

    assertThatThrownBy(() -> read(bytes)).hasMessageContaining("reference 1 is to page 2");
  }

  @Test
  void noticesTheSamePageTwice() {
    byte[] bytes = new CompactTraces().pages(7, 8, 7).read(0).read(1).read(2).bytes();

    assertThatThrownBy(() -> read(bytes)).hasMessageContaining("page 2 has the number of page 0");
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, 1L << 52, Long.MIN_VALUE, Long.MAX_VALUE})
  void noticesAnImpossiblePageNumber(long number) {
    byte[] bytes = new CompactTraces().pages(number).read(0).bytes();

    assertThatThrownBy(() -> read(bytes)).hasMessageContaining("impossible number");
  }

  @Test
  void noticesANumberWithoutEnd() {
    byte[] bytes = Arrays.copyOf((HEADER + "\n").getBytes(StandardCharsets.US_ASCII), 100);
    Arrays.fill(bytes, HEADER.length() + 1, 100, (byte) 0xff);

    assertThatThrownBy(() -> read(bytes)).hasMessageContaining("longer than 64 bits");
  }

  @Test
  void answersEveryFlippedBitWithATraceOrAComplaint() {
    byte[] good = small().bytes();
    for (int bit = 0; bit < 8 * good.length; bit++) {
      byte[] bad = good.clone();
      bad[bit / 8] ^= (byte) (1 << bit % 8);
      try {
        assertThat(read(bad).referenceCount()).isEqualTo(5);
      } catch (IOException e) {
        assertThat(e).isInstanceOf(BadTraceException.class);
      }
    }
  }
}
