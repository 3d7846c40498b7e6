package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ReferenceTest {
  private static final Path PROJECT = Path.of("..");
  private static final String COMMAND = "./pondhawk reference --write docs/reference.md";

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

      assertThat(audit.findings(ReferenceTable.load(), required())).isEmpty();
    }

    @Test
    void isPrintedInTheDocuments() throws IOException {
      String committed = Files.readString(PROJECT.resolve("docs/reference.md"));

      assertThat(differenceTo(committed)).isEmpty();
    }

    @Test
    void linksToWhatIsThere() throws IOException {
      String committed = Files.readString(PROJECT.resolve("docs/reference.md"));
      var audit = new ReferenceAudit(PROJECT, Set.of());

      assertThat(audit.deadLinks(committed)).isEmpty();
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
      var audit = new ReferenceAudit(PROJECT, Set.of("vm_page_grab", "PG_RAM"));
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
          .containsExactly("vm_page_alloc is missing");
    }

    @Test
    void noticesANameTwice() {
      assertThat(findings(GOOD_ROW + GOOD_ROW)).containsExactly("vm_page_alloc stands there twice");
      assertThat(findings(GOOD_ROW + "+ vm_page_alloc | planned |\n"))
          .containsExactly("vm_page_alloc stands there twice");
    }

    @ParameterizedTest
    @ValueSource(strings = {"queue.PageDispenser", "PageAllocator", "queue.PageAllocator#allocat"})
    void noticesACounterpartThatDoesNotExist(String counterpart) {
      assertThat(findings(GOOD_ROW.replace("queue.PageAllocator#allocate", counterpart)))
          .containsExactly("[vm_page_alloc] is here as " + counterpart + ", which does not exist");
      assertThat(findings(GOOD_ROW + "+ PG_ZERO | here | " + counterpart + "\n"))
          .containsExactly("[PG_ZERO] is here as " + counterpart + ", which does not exist");
    }

    @ParameterizedTest
    @ValueSource(strings = {"queue.PageAllocatorTests", "testkit.PageAllocatorTest"})
    void noticesATestThatDoesNotExist(String test) {
      assertThat(findings(GOOD_ROW.replace("queue.PageAllocatorTest", test)))
          .singleElement()
          .asString()
          .contains("vm_page_alloc is tested by", "which does not exist");
    }

    @ParameterizedTest
    @ValueSource(strings = {"queue.PageAllocator", "queue.PageAllocator#free"})
    void noticesAPlannedCounterpartThatExists(String counterpart) {
      String planned = "mmap | operation | planned | " + counterpart + " | | Maps memory\n";

      assertThat(findings(GOOD_ROW + planned))
          .containsExactly("[mmap] is planned as " + counterpart + ", which exists by now");
      assertThat(findings(GOOD_ROW + planned.replace(counterpart, "queue.PageAllocator#grab")))
          .isEmpty();
    }

    @Test
    void noticesAPlannedNameThatTheCodeDocuments() {
      String planned = "vm_page_grab | operation | planned | | | Finds a page\n";

      assertThat(findings(GOOD_ROW + planned + "+ PG_RAM PG_ZERO | planned |\n"))
          .containsExactly(
              "vm_page_grab is planned, but a doc comment of vm names it: look again",
              "PG_RAM is planned, but a doc comment of vm names it: look again");
    }

    @Test
    void readsWhatTheCodeDocuments() throws IOException {
      assertThat(ReferenceAudit.documentedIn(PROJECT))
          .contains("vm_page_alloc", "PG_MAPPED")
          .doesNotContain("PageAllocator", "no_such_name");
    }

    @Test
    void noticesAnOldPage() throws IOException {
      String committed = Files.readString(PROJECT.resolve("docs/reference.md"));

      assertThat(differenceTo(committed + "\n")).contains(COMMAND);
    }

    @Test
    void noticesADeadLink() {
      var audit = new ReferenceAudit(PROJECT, Set.of());

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
