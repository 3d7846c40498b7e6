package org.pondhawk.replay;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LackeyTraceReaderTest {
  private static final String RECORDED = "lackey-true-first20000.txt.gz";
  private static final Pattern LINE = Pattern.compile("(I | L| S| M) ([0-9a-f]{8,16}),([0-9]+)");

  private static InputStream recorded() {
    return Objects.requireNonNull(LackeyTraceReaderTest.class.getResourceAsStream(RECORDED));
  }

  private static Trace read(String text) throws IOException {
    return Traces.read("t", new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
  }

  /// References as `page` and `r` or `w`.
  private static List<String> references(Trace trace) {
    var references = new ArrayList<String>();
    for (long i = 0; i < trace.referenceCount(); i++) {
      int reference = trace.reference(i);
      references.add(
          Long.toHexString(trace.pageNumber(Trace.pageOf(reference)))
              + (Trace.isFetch(reference) ? "i" : "")
              + (Trace.isWrite(reference) ? "w" : "r"));
    }
    return references;
  }

  @Test
  void readsARecordedRunLikeASimpleModel() throws IOException {
    var model = new ArrayList<String>();
    Map<String, Integer> kinds = new TreeMap<>();
    try (var lines =
        new BufferedReader(
            new InputStreamReader(new GZIPInputStream(recorded()), StandardCharsets.US_ASCII))) {
      lines.lines().forEach(line -> modelLine(line, model, kinds));
    }
    assertThat(kinds)
        .containsExactlyInAnyOrderEntriesOf(Map.of("I ", 16_655, " L", 3_150, " S", 170, " M", 20));

    Trace trace = Traces.read(RECORDED, recorded());

    assertThat(references(trace)).isEqualTo(model);
  }

  private static void modelLine(String line, List<String> model, Map<String, Integer> kinds) {
    Matcher matcher = LINE.matcher(line);
    if (!matcher.matches()) {
      return;
    }
    kinds.merge(matcher.group(1), 1, Integer::sum);
    long address = Long.parseUnsignedLong(matcher.group(2), 16);
    long last = address + Long.parseLong(matcher.group(3)) - 1;
    String fetch = matcher.group(1).equals("I ") ? "i" : "";
    String write = matcher.group(1).matches(" [SM]") ? "w" : "r";
    for (long page = address >>> 12; page <= last >>> 12; page++) {
      modelReference(Long.toHexString(page), fetch, write, model);
    }
  }

  private static void modelReference(String page, String fetch, String write, List<String> model) {
    String before = model.isEmpty() ? "" : model.getLast();
    String flags = fetch + write;
    if (before.matches(page + "i?[rw]")) {
      model.removeLast();
      flags = (before.contains("i") ? "i" : fetch) + (before.endsWith("w") ? "w" : write);
    }
    model.add(page + flags);
  }

  @Test
  void splitsAnAccessThatStraddlesPages() throws IOException {
    assertThat(references(read(" S 04001ffe,4\n"))).containsExactly("4001w", "4002w");
    assertThat(references(read(" L 04001ffc,4\n"))).containsExactly("4001r");
  }

  @Test
  void collapsesRepeatsWithTheFlagsOfAll() throws IOException {
    String text = "I  04001000,3\n L 04001ff8,8\n S 04001000,1\nI  04002000,1\n M 04001000,4\n";

    assertThat(references(read(text))).containsExactly("4001iw", "4002ir", "4001w");
  }

  @Test
  void leavesOutOtherLines() throws IOException {
    String text =
        "==1== Lackey\nhello\n L 04001000,8\n\n L 04002000\n X 04003000,8\n L zz,8\n L 04004000,0\n"
            + " L 04005000,8 \nI 04006000,8\n L ,8\n L 04007000,99999\n S 04008000,8\r\nbye";

    assertThat(references(read(text))).containsExactly("4001r", "4008w");
  }

  @Test
  void readsTheHighestAddress() throws IOException {
    assertThat(references(read(" L ffffffffff600ff8,8"))).containsExactly("ffffffffff600r");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\n", "hello\n", "I  \n", "==1== Lackey, an example Valgrind tool\n"})
  void complainsWithoutAnyReference(String text) {
    assertThatThrownBy(() -> read(text))
        .isInstanceOf(BadTraceException.class)
        .hasMessageContaining("not a trace; expected a VMTRACE1 file, or the text of valgrind");
  }

  @Test
  void complainsAboutNothingAtAll() {
    assertThatThrownBy(() -> read(""))
        .isInstanceOf(BadTraceException.class)
        .hasMessageStartingWith("t: empty; expected");
  }

  @Test
  void givesUpOnAnEndlessInput() {
    var zeros =
        new InputStream() {
          @Override
          public int read() {
            return 0;
          }
        };

    assertThatThrownBy(() -> Traces.read("t", zeros)).isInstanceOf(BadTraceException.class);
  }

  @Test
  void refusesMoreReferencesThanTheHeapTakes() {
    String text = " L 04001000,8\n S 04002000,8\n".repeat(10);
    var in = new ByteArrayInputStream(text.getBytes(StandardCharsets.US_ASCII));

    assertThatThrownBy(() -> Traces.read("t", in, 12))
        .isInstanceOf(BadTraceException.class)
        .hasMessageContaining("larger than the 12 references");
  }
}
