package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Consumer;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReferenceTest {
  private static final Path PROJECT = Path.of("..");
  private static final String COMMAND = "./pondhawk reference --write docs/reference.md";
  private static final String AT = ReferenceAudit.SOURCE + ":";

  private static final String GOOD_ROW =
      "vm_page_alloc | operation | here | queue.PageAllocator#allocate | queue.PageAllocatorTest"
          + " | Hands out a page\n";

  private static List<String> required() throws IOException {
    String file = "reference-names.txt";
    try (InputStream in = ReferenceTest.class.getResourceAsStream(file)) {
      String text = new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
      return text.lines().filter(line -> !line.startsWith("#")).toList();
    }
  }

  private static String differenceTo(String committed) {
    String printed = new ReferenceDocument(ReferenceTable.load()).page();
    return committed.equals(printed) ? "" : "docs/reference.md is old: run " + COMMAND;
  }

  @Nested
  class TheIndex {
    @Test
    void isTrueOfTheCode() throws IOException {
      var audit = new ReferenceAudit(PROJECT, ReferenceAudit.documentedIn(PROJECT));

      assertThat(audit.findings(ReferenceTable.load(), required()))
          .as("change these lines, then run " + COMMAND)
          .isEmpty();
    }

    @Test
    void isPrintedInTheDocuments() throws IOException {
      String committed = Files.readString(PROJECT.resolve("docs/reference.md"));

      assertThat(differenceTo(committed)).isEmpty();
    }

    @Test
    void linksToWhatIsThere() throws IOException {
      String committed = Files.readString(PROJECT.resolve("docs/reference.md"));
      var audit = new ReferenceAudit(PROJECT, Map.of());

      assertThat(audit.deadLinks(committed)).isEmpty();
    }

    @Test
    void hasWhatTheExamplesMissAsPlanned() throws IOException {
      String examples = Files.readString(PROJECT.resolve("docs/examples.md"));

      assertThat(ReferenceAudit.builtByNow(ReferenceTable.load(), examples))
          .as("docs/examples.md: write the example, or another sentence")
          .isEmpty();
      assertThat(new ReferenceAudit(PROJECT, Map.of()).deadLinks(examples)).isEmpty();
    }

    @Test
    void hasMoreThanAHandfulOfNames() throws IOException {
      assertThat(required()).hasSizeGreaterThan(600).contains("vm_page_grab", "VM_FAULT_DIRTY");
    }
  }

  /// Every check is seen to fail.
  @Nested
  class TheAudit {
    private List<String> findings(String text) {
      String file = "vm/src/main/java/org/pondhawk/vm/object/PageGrab.java";
      var place = new ReferenceAudit.Place(file, 7, "grab");
      var audit = new ReferenceAudit(PROJECT, Map.of("vm_page_grab", place, "PG_RAM", place));
      return audit.findings(ReferenceTable.parse(text), List.of("vm_page_alloc"));
    }

    @Test
    void acceptsAGoodRow() {
      assertThat(findings(GOOD_ROW + "+ VM_ALLOC_QUICK | here | queue.AllocClass#QUICK\n"))
          .isEmpty();
    }

    @Test
    void missesAName() {
      assertThat(findings("mmap | operation | planned | | | Maps memory\n"))
          .containsExactly(
              ReferenceAudit.SOURCE + ": no row has vm_page_alloc; the head says how to add one");
    }

    @Test
    void noticesANameTwice() {
      assertThat(findings(GOOD_ROW + GOOD_ROW))
          .containsExactly(AT + "2: vm_page_alloc has two entries: drop one");
      assertThat(findings(GOOD_ROW + "+ vm_page_alloc | planned |\n"))
          .containsExactly(AT + "2: vm_page_alloc has two entries: drop one");
    }

    @ParameterizedTest
    @CsvSource({
      "queue.PageDispenser, there is no class queue.PageDispenser",
      "PageAllocator, there is no class PageAllocator",
      "queue.PageAllocator#allocat, queue.PageAllocator has no member allocat",
    })
    void noticesACounterpartThatDoesNotExist(String counterpart, String lacking) {
      String rest = "here as " + counterpart + ", but " + lacking + ": name what stands for it now";

      assertThat(findings(GOOD_ROW.replace("queue.PageAllocator#allocate", counterpart)))
          .containsExactly(AT + "1: vm_page_alloc: " + rest);
      assertThat(findings(GOOD_ROW + "+ PG_ZERO PG_FREE | here | " + counterpart + "\n"))
          .containsExactly(AT + "2: PG_ZERO, PG_FREE: " + rest);
    }

    @ParameterizedTest
    @CsvSource({
      "queue.PageAllocatorTests, vm/src/test/java/org/pondhawk/vm/queue/PageAllocatorTests.java",
      "testkit.NoTest, testkit/src/test/java/org/pondhawk/testkit/NoTest.java",
    })
    void noticesATestThatDoesNotExist(String test, String file) {
      assertThat(findings(GOOD_ROW.replace("queue.PageAllocatorTest", test)))
          .singleElement()
          .asString()
          .startsWith(AT + "1: vm_page_alloc is tested by " + test + ", but there is no " + file);
    }

    @ParameterizedTest
    @ValueSource(strings = {"queue.PageAllocator", "queue.PageAllocator#free"})
    void noticesAPlannedCounterpartThatExists(String counterpart) {
      String planned = "mmap | operation | planned | " + counterpart + " | | Maps memory\n";

      assertThat(findings(GOOD_ROW + planned))
          .singleElement()
          .asString()
          .startsWith(AT + "2: mmap: planned as " + counterpart + ", which exists by now: ");
      assertThat(findings(GOOD_ROW + planned.replace(counterpart, "queue.PageAllocator#grab")))
          .isEmpty();
    }

    @Test
    void noticesAPlannedNameThatTheCodeDocuments() {
      String planned = "vm_page_grab | operation | planned | | | Finds a page\n";
      String why =
          " is planned, but vm/src/main/java/org/pondhawk/vm/object/PageGrab.java:7 names it. ";

      assertThat(findings(GOOD_ROW + planned + "+ PG_RAM PG_ZERO | planned |\n"))
          .containsExactly(
              AT
                  + "2: vm_page_grab"
                  + why
                  + "If it is built, write `vm_page_grab | operation | here |"
                  + " object.PageGrab#grab | object.PageGrabTest | Finds a page`;"
                  + " else drop its backticks",
              AT
                  + "3: PG_RAM"
                  + why
                  + "If it is built, write `+ PG_RAM | here | object.PageGrab#grab`;"
                  + " else drop its backticks");
    }

    private static Consumer<ReferenceAudit.Place> is(String answer) {
      return place -> assertThat(place.answer()).isEqualTo(answer);
    }

    @Test
    void readsWhatTheCodeDocuments() throws IOException {
      assertThat(ReferenceAudit.documentedIn(PROJECT))
          .hasEntrySatisfying("PG_MAPPED", is("page.PageFlags#MAPPED"))
          .hasEntrySatisfying("vm_page_zero_idle", is("queue.PageZeroer"))
          .hasEntrySatisfying("vm_page_undirty", is("page.PageArray#clearDirty"))
          .hasEntrySatisfying("PQ_CACHE", is("queue.PageQueue#CACHE"))
          .doesNotContainKeys("PageAllocator", "no_such_name");
    }

    @Test
    void noticesAnOldPage() throws IOException {
      String committed = Files.readString(PROJECT.resolve("docs/reference.md"));

      assertThat(differenceTo(committed + "\n")).contains(COMMAND);
    }

    @Test
    void noticesThatAnExampleIsMissingNoMore() {
      var table =
          ReferenceTable.parse(
              GOOD_ROW
                  + "+ VM_ALLOC_QUICK | here | queue.AllocClass#QUICK\n"
                  + "mmap | operation | planned | | | Maps memory\n");

      assertThat(ReferenceAudit.builtByNow(table, "Not yet: `mmap`, so there is no program.\n"))
          .isEmpty();
      assertThat(
              ReferenceAudit.builtByNow(
                  table, "Not yet: `vm_page_alloc`.\nNot yet: `VM_ALLOC_QUICK`.\nNot yet: `x`.\n"))
          .hasSize(3);
    }

    @Test
    void noticesADeadLink() {
      var audit = new ReferenceAudit(PROJECT, Map.of());

      assertThat(audit.deadLinks("[a](glossary.md) [b](../vm/Nothing.java) [c](nothing.md)"))
          .containsExactly("../vm/Nothing.java", "nothing.md");
    }
  }

  @Nested
  class TheTable {
    @ParameterizedTest
    @CsvSource(
        delimiter = ';',
        quoteCharacter = '"',
        value = {
          "a | operation | here | queue.VmStats | queue.VmStatsTest; 5 cells, not 6",
          "a | method | none | why | | what; 'method' is none of",
          "a | operation | done | queue.VmStats | | what; 'done' is not here, planned or none",
          "a | operation | here | | queue.VmStatsTest | what; 'here' without a counterpart",
          "a | operation | none | | | what; 'none' without a counterpart or a reason",
          "a | operation | here | queue.VmStats | | what; a test belongs to what is here",
          "a | operation | planned | | queue.VmStatsTest | what; a test belongs to what is here",
          "a | operation | planned | | | ; no name or no contract",
          "+ a | planned | b | c; 4 cells, not 3",
        })
    void refusesABadLine(String line, String complaint) {
      assertThatThrownBy(() -> ReferenceTable.parse("# head\n" + GOOD_ROW + line))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("reference.txt:3: ")
          .hasMessageContaining(complaint);
    }

    @Test
    void refusesAPartWithoutARow() {
      assertThatThrownBy(() -> ReferenceTable.parse("+ PG_RAM | planned |"))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("reference.txt:1: ");
    }
  }
}
