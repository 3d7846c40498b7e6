package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReferenceCommandTest {
  @TempDir private Path directory = Path.of("");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int reference(String... arguments) {
    String[] all = new String[arguments.length + 1];
    all[0] = "reference";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    InputStream in = InputStream.nullInputStream();
    return Main.run(in, new PrintWriter(out, true), new PrintWriter(err, true), all);
  }

  private void assertRefused(int status, String... words) {
    assertThat(status).as(out + "\n" + err).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(err.toString()).startsWith("pondhawk reference: ").contains(words);
  }

  @Test
  void printsTheEntryOfAName() {
    assertThat(reference("vm_page_alloc")).isEqualTo(0);

    assertThat(out.toString())
        .startsWith("vm_page_alloc: here as PageAllocator.allocate\n")
        .contains(
            "\n  part      Physical pages, operation\n",
            "\n  where     vm/src/main/java/org/pondhawk/vm/queue/PageAllocator.java\n",
            "\n  test      vm/src/test/java/org/pondhawk/vm/queue/PageAllocatorTest.java\n",
            "\n  with      VM_ALLOC_QUICK: here as AllocClass.QUICK\n");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void printsTheEntryThatAFlagBelongsTo() {
    assertThat(reference("PG_REFERENCED")).isEqualTo(0);

    assertThat(out.toString())
        .startsWith(
            """
            PG_REFERENCED: here as PageFlags.REFERENCED
              where     vm/src/main/java/org/pondhawk/vm/page/PageFlags.java
            It belongs to:
            vm_page: here\
            """);
  }

  @Test
  void takesTheTwoWordsOfADebuggersCommandAsOneName() {
    assertThat(reference("show", "pageq")).isEqualTo(0);

    assertThat(out.toString()).startsWith("show pageq: ");
  }

  @Test
  void saysWhyThereIsNoCounterpart() {
    assertThat(reference("vm_page_splay")).isEqualTo(0);

    assertThat(out.toString()).startsWith("vm_page_splay: none, The index is a radix tree");
    assertThat(out.toString()).doesNotContain("where", "test  ");
  }

  @ParameterizedTest
  @CsvSource({
    "vm_page_alocc, vm_page_alloc",
    "VM_PAGE_ALLOC, vm_page_alloc",
    "findspace, vm_map_findspace",
    "'swap pager', swap_pager",
  })
  void suggestsTheNamesNearestToAnUnknownOne(String word, String near) {
    assertRefused(reference(word), "no '" + word + "' in the index; near it: ", near);
  }

  @Test
  void countsTheNamesOfEachPart() {
    assertThat(reference()).isEqualTo(0);

    assertThat(out.toString().lines().findFirst().orElse("").strip().split(" +"))
        .containsExactly("here", "planned", "none");
    assertThat(out.toString())
        .containsPattern("\nPhysical pages +\\d+ +\\d+ +\\d+\n")
        .containsPattern("\nall +\\d+ +\\d+ +\\d+\n$");
  }

  @Test
  void writesThePage() throws IOException {
    Path page = directory.resolve("reference.md");

    assertThat(reference("--write", page.toString())).isEqualTo(0);

    assertThat(out.toString()).isEmpty();
    assertThat(Files.readString(page))
        .isEqualTo(new ReferenceDocument(ReferenceTable.load()).page())
        .contains(
            "| `vm_page_free_wakeup` | `FreeGate.pageFreed` |",
            "[queue](../vm/src/main/java/org/pondhawk/vm/queue/FreeGate.java)",
            "[FreeGateTest](../vm/src/test/java/org/pondhawk/vm/queue/FreeGateTest.java)",
            "testkit/src/test/java/org/pondhawk/testkit/MachineModelTest.java",
            "*Why none:* ");
  }

  @Test
  void refusesAPlaceThatCannotBeWrittenTo() {
    String page = directory.resolve("nothing/reference.md").toString();

    assertRefused(reference("--write", page), "cannot write " + page);
  }

  @Test
  void refusesANameBesideWrite() {
    String page = directory.resolve("reference.md").toString();

    assertRefused(reference("--write", page, "vm_page_alloc"), "no NAME goes with it");
    assertThat(directory.resolve("reference.md")).doesNotExist();
  }

  @Test
  void explainsItself() {
    assertThat(reference("--help")).isEqualTo(0);

    assertThat(out.toString())
        .contains("Usage: pondhawk reference", "--write=FILE", "Status:", "Examples:");
  }
}
