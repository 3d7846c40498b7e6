package org.pondhawk.vm;

import static java.util.stream.Collectors.joining;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/// Whether the documents of the project are true where a test can tell.
class DocumentsTest {
  private static final Path PROJECT = Path.of("..");

  private static String read(String name) throws IOException {
    return Files.readString(PROJECT.resolve(name));
  }

  @Nested
  class TheReadme {
    /// The program of the README, as it stands there between its fences.
    private String program() {
      long size = 32L << 20; // four times the memory there is
      try (var vm =
              VirtualMemory.boot(
                  VmConfig.builder().physicalMemory(8L << 20).swap(64L << 20).build());
          var space = vm.newAddressSpace();
          var view = space.view()) {
        long heap = space.map(size, Protection.READ_WRITE);
        for (long i = 0; i < size; i += 8) view.putLong(heap + i, i);
        long sum = 0;
        for (long i = 0; i < size; i += 8) sum += view.getLong(heap + i);
        return sum + ", " + vm.statistics().pagesOut() + " pages went to swap";
      }
    }

    @Test
    void showsAProgramThatWorks() {
      long words = (32L << 20) / 8;
      String printed = program();

      assertThat(printed).startsWith(words * (words - 1) / 2 * 8 + ", ");
      int pagesOut = Integer.parseInt(printed.replaceAll(".*, (\\d+) pages.*", "$1"));
      assertThat(pagesOut).isGreaterThan(4096); // at least what does not fit
    }

    @Test
    void showsTheProgramThatIsTestedHere() throws IOException {
      assertThat(squeezed(fenced(read("README.md"))))
          .isEqualTo(squeezed(body(read("vm/src/test/java/org/pondhawk/vm/DocumentsTest.java"))));
    }

    private static String fenced(String markdown) {
      int from = markdown.indexOf("```java") + "```java".length();
      return markdown
          .substring(from, markdown.indexOf("```", from))
          .replace("System.out.println(", "return ")
          .replace("swap\");", "swap\";");
    }

    private static String body(String source) {
      int from = source.indexOf("long size = ");
      return source
          .substring(from, source.indexOf("    @Test", from))
          .strip()
          .replaceFirst("}$", "");
    }

    private static String squeezed(String code) {
      return code.replaceAll("\\s+", "");
    }
  }

  @Nested
  class TheArchitecture {
    @Test
    void namesEveryPackageOfTheLibraryAndNoOther() throws IOException {
      List<String> named =
          read("ARCHITECTURE.md")
              .lines()
              .filter(line -> line.startsWith(" │ "))
              .map(line -> line.substring(3).replaceFirst(" .*", ""))
              .filter(word -> word.matches("[a-z]+"))
              .toList();

      assertThat(named).containsExactlyInAnyOrderElementsOf(packages());
    }

    private static List<String> packages() throws IOException {
      try (Stream<Path> folders = Files.list(Path.of("src/main/java/org/pondhawk/vm"))) {
        return folders.filter(Files::isDirectory).map(f -> f.getFileName().toString()).toList();
      }
    }

    @Test
    void linksToWhatIsThere() throws IOException {
      for (String document : List.of("README.md", "ARCHITECTURE.md", "docs/adr/README.md")) {
        Path file = PROJECT.resolve(document);
        String text = read(document);
        var links = java.util.regex.Pattern.compile("\\]\\(([^)#:]+)\\)").matcher(text);
        String dead =
            links
                .results()
                .map(link -> link.group(1))
                .filter(target -> !Files.exists(file.resolveSibling(target)))
                .collect(joining(", "));
        assertThat(dead).as(document).isEmpty();
      }
    }
  }
}
