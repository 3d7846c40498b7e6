package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RunCommandTest {
  private static final int PAGES = 1_600;
  private static final String LACKEY = lackey(PAGES);

  @TempDir private Path directory = Path.of("");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private InputStream in = InputStream.nullInputStream();

  /// A program that walks over its pages twice, reading some and writing others.
  private static String lackey(int pages) {
    var text = new StringBuilder("==1== Lackey, an example Valgrind tool\n");
    for (int step = 0; step < 2 * pages; step++) {
      int page = 0x4000 + step % pages;
      text.append("I  03fff000,4\n");
      text.append(step % 3 == 0 ? " S " : " L ")
          .append(Integer.toHexString(page))
          .append("010,8\n");
    }
    return text.toString();
  }

  private int pondhawk(String... arguments) {
    return Main.run(in, new PrintWriter(out, true), new PrintWriter(err, true), arguments);
  }

  private Path trace() throws IOException {
    return Files.writeString(directory.resolve("walk.txt"), LACKEY);
  }

  /// Exactly one line on standard error, nothing on standard output, nothing left behind.
  private void assertRefused(int status, String... words) throws IOException {
    assertThat(status).as(out + "\n" + err).isEqualTo(2);
    assertThat(out.toString()).isEmpty();
    assertThat(err.toString().lines()).hasSize(1);
    assertThat(err.toString()).startsWith("pondhawk").contains(words).doesNotContain("Exception");
    try (var files = Files.list(directory)) {
      assertThat(files.filter(file -> file.toString().contains("swap"))).isEmpty();
    }
  }

  @Nested
  class Refuses {
    @ParameterizedTest
    @CsvSource({
      "--memory, 0, not a positive size",
      "--memory, -4m, not a positive size",
      "--memory, lots, not a size",
      "--memory, 1/0, not a positive share",
      "--memory, half/2, not a share",
      "--memory, 1, needs at least",
      "--memory, 64k, needs at least",
      "--memory, 1/999999, needs at least",
      "--swap, 0, not a positive size",
      "--swap, -1g, not a positive size",
      "--swap, many, not a size",
      "--swap, 4k, is too small",
      "--swap, 4000000t, is more than the",
      "--swap, 99999999t, more bytes than",
      "--page-size, 0, not a positive size",
      "--page-size, 2k, not a power of two from 4k to 64k",
      "--page-size, 5000, not a power of two from 4k to 64k",
      "--page-size, 128k, not a power of two from 4k to 64k",
      "--copies, 0, is not from 1 to",
      "--copies, -1, is not from 1 to",
      "--copies, 1001, is not from 1 to",
      "--copies, two, is not an int",
      "--seconds, 0, is not from 1 to",
      "--seconds, -5, is not from 1 to",
      "--seconds, 1.5, is not a long",
      "--seconds, 99999999999, is not from 1 to",
      "--cpus, 0, is not from 1 to",
      "--cpus, 99999, is not from 1 to",
      "--topology, 2x8, is not of the form sockets x cores x threads",
      "--topology, 0x1x1, is not of 1 to",
      "--topology, 32x32x2, is not of 1 to 1024 processors",
      "--seed, x, is not a long",
      "--set, vm.v_free_min, is not NAME=VALUE",
      "--set, =3, is not NAME=VALUE",
      "--set, vm.v_free_mni=3, near it: vm.v_free_min",
      "--set, vm.v_free_min=0, is not one of: 1 to 1073741824 pages",
      "--set, vm.nice_policy=evil, 'is not one of: monotone, faithful'",
      "--set, vm.stats.vm.v_free_count=3, can only be read",
      "--show, pages, 'is not one of: page, pageq, map, zone'",
    })
    void aBadValue(String option, String value, String complaint) throws IOException {
      assertRefused(
          pondhawk("run", "--trace", trace().toString(), option, value), option, complaint);
    }

    @ParameterizedTest
    @ValueSource(strings = {"--memory", "--swap", "--swap-file", "--trace", "--copies", "--seed"})
    void anOptionWithoutItsValue(String option) throws IOException {
      assertRefused(pondhawk("run", option), "pondhawk run: ", option);
    }

    @Test
    void anUnknownOptionOrCommand() throws IOException {
      assertRefused(pondhawk("run", "--bogus"), "Unknown option: '--bogus'");
    }

    @Test
    void anUnknownCommand() throws IOException {
      assertRefused(pondhawk("fly"), "fly", "pondhawk --help");
    }

    @Test
    void noCommand() throws IOException {
      assertRefused(pondhawk(), "no command given; try one of run");
    }

    @Test
    void levelsOutOfOrder() throws IOException {
      assertRefused(
          pondhawk("run", "--trace", trace().toString(), "--set", "vm.v_free_min=1000000"),
          "cannot boot the machine",
          "v_free_min=1000000 would be above");
    }

    @Test
    void aTraceThatIsNotThere() throws IOException {
      String file = directory.resolve("nothing.vmt.gz").toString();
      assertRefused(pondhawk("run", "--trace", file), file, "no such file");
    }

    @Test
    void aDirectoryAsATrace() throws IOException {
      assertRefused(pondhawk("run", "--trace", directory.toString()), "is a directory");
    }

    @Test
    void aFileThatIsNoTrace() throws IOException {
      Path file = Files.writeString(directory.resolve("novel.txt"), "It was a dark night.\n");
      assertRefused(pondhawk("run", "--trace", file.toString()), file.toString(), "not a trace");
    }

    @Test
    void aTruncatedTrace() throws IOException {
      Path file = directory.resolve("cut.vmt");
      Files.writeString(file, "#VMTRACE1 page_shift=12 pages=2 refs=9\n\u0002");
      assertRefused(
          pondhawk("run", "--trace", file.toString()), "at byte 40", "truncated in page number 1");
    }

    @Test
    void anEmptyStandardInput() throws IOException {
      assertRefused(pondhawk("run", "--trace", "-"), "stdin: empty");
    }

    @Test
    void standardInputTwice() throws IOException {
      assertRefused(pondhawk("run", "--trace", "-", "--trace", "-"), "given twice");
    }

    @Test
    void aSwapFileInNoDirectory() throws IOException {
      String file = directory.resolve("none").resolve("swap").toString();
      assertRefused(
          pondhawk("run", "--trace", trace().toString(), "--swap-file", file), "does not exist");
    }

    @Test
    void toOverwriteAFileThatIsNoSwapFile() throws IOException {
      Path file = Files.writeString(directory.resolve("thesis.txt"), "four years of work");
      assertRefused(
          pondhawk("run", "--trace", trace().toString(), "--swap-file", file.toString()),
          "thesis.txt");
      assertThat(file).hasContent("four years of work");
    }

    @Test
    void aDirectoryAsSwapFile() throws IOException {
      assertRefused(
          pondhawk("run", "--trace", trace().toString(), "--swap-file", directory.toString()),
          "is a directory");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"help", "help run", "--help", "run --help", "--version", "run --version"})
  void helpsAndTellsItsVersion(String arguments) {
    assertThat(pondhawk(arguments.split(" "))).isZero();
    assertThat(out.toString()).contains("pondhawk");
    assertThat(err.toString()).isEmpty();
  }

  @Test
  void saysOfEachCommandWhatItDoesInWholeSentences() {
    assertThat(pondhawk("help")).isZero();
    String words = out.toString().replaceAll("\\s+", " ");
    assertThat(words)
        .contains(
            "run Replays memory traces of real programs on a machine that is short of memory. ")
        .contains("reference Says what a name of DragonFly BSD's virtual memory is here. ")
        .contains("tunables Lists the numbers of a machine by name. ")
        .contains("help Display help ");
    assertThat(out.toString()).contains("./pondhawk also has test, races, mutate");
  }

  @Nested
  class EndToEnd {
    private Map<String, Object> json(String... more) throws IOException {
      String[] first = {"run", "--trace", trace().toString(), "--json"};
      String[] all = Arrays.copyOf(first, first.length + more.length);
      System.arraycopy(more, 0, all, first.length, more.length);
      int status = pondhawk(all);
      assertThat(status).as(err + "\n" + out).isZero();
      return Json.parse(out.toString());
    }

    @Test
    void reportsInWords() throws IOException {
      int status = pondhawk("run", "--trace", trace().toString());

      assertThat(status).as(out + "\n" + err).isZero();
      assertThat(out.toString().lines().toList().getLast()).startsWith("GOOD: 0 of");
      assertThat(out.toString()).contains(VmstatLine.header()).contains("walk");
      assertThat(err.toString()).isEmpty();
    }

    @Test
    void quietlyPrintsOnlyTheReport() throws IOException {
      int status = pondhawk("run", "--trace", trace().toString(), "--quiet");

      assertThat(status).isZero();
      assertThat(out.toString()).doesNotContain(VmstatLine.header()).contains("GOOD");
    }

    @Test
    void showsTheMachineAtTheEnd() throws IOException {
      int status =
          pondhawk(
              "run",
              "--trace",
              trace().toString(),
              "--set",
              "vm.v_free_min=30",
              "--set",
              "vm.nice_policy=faithful",
              "--show",
              "page,pageq,map");

      assertThat(status).as(out + "\n" + err).isZero();
      assertThat(out.toString()).contains("GOOD", "vmstats.v_free_min: 30\n");
      assertThat(out.toString())
          .as("the processes have their memory yet")
          .containsPattern("vmstats.v_active_count: [1-9]");
      assertThat(out.toString().lines().filter(line -> line.startsWith("PQ_"))).hasSize(4);
      assertThat(out.toString()).containsPattern("space 1: \\d+ mappings, \\d+ bytes of \\d+");
      assertThat(out.toString())
          .containsPattern("0x[0-9a-f]+-0x[0-9a-f]+ rw-/rwx COPY NORMAL none");
      assertThat(out.toString().indexOf("vmstats.")).isGreaterThan(out.toString().indexOf("GOOD"));
    }

    @Test
    void showsTheMachineBesideAJsonObject() throws IOException {
      assertThat(json("--show", "page", "--quiet")).containsEntry("good", true);
      assertThat(err.toString().lines())
          .hasSize(13)
          .allMatch(line -> line.startsWith("vmstats.v_"));
    }

    @Test
    void reportsAsOneJsonObject() throws IOException {
      Map<String, Object> json = json("--seed", "7", "--cpus", "2");

      assertThat(json)
          .containsEntry("good", true)
          .containsEntry("check", "clean")
          .containsEntry("wrong_bytes", 0L)
          .containsEntry("seed", 7L)
          .containsEntry("cpus", 2L)
          .containsEntry("footprint_bytes", 4096L * (PAGES + 1))
          .containsEntry("memory_bytes", 4096L * (PAGES + 1) / 2);
      assertThat(err.toString()).contains(VmstatLine.header());
    }

    @Test
    void runsOnASimulatedTopologyAndSaysSo() throws IOException {
      assertThat(json("--topology", "2x8x2", "--memory", "8m"))
          .containsEntry("good", true)
          .containsEntry("check", "clean")
          .containsEntry("cpus", 32L)
          .containsEntry("topology", "2x8x2");
    }

    @Test
    void runsOnAsManyProcessorsAsAskedForWithoutATopology() throws IOException {
      assertThat(json("--cpus", "3")).containsEntry("cpus", 3L).containsEntry("topology", "3");
      int status = pondhawk("run", "--trace", trace().toString(), "--quiet", "--cpus", "3");
      assertThat(status).isZero();
      assertThat(out.toString()).contains(" 3 cpus, seed");
    }

    @Test
    void refusesTwoKindsOfProcessors() throws IOException {
      assertRefused(
          pondhawk("run", "--trace", trace().toString(), "--topology", "1x2x1", "--cpus", "2"),
          "--topology",
          "one of them is enough");
    }

    @Test
    void runsCopies() throws IOException {
      assertThat(json("--copies", "3")).containsEntry("footprint_bytes", 3 * 4096L * (PAGES + 1));
    }

    @ParameterizedTest
    @CsvSource({"4k, 1601", "16k, 1604", "64k, 1616"})
    void runsWithPagesOf(String pageSize, long pagesOf4k) throws IOException {
      assertThat(json("--page-size", pageSize))
          .containsEntry("wrong_bytes", 0L)
          .containsEntry("footprint_bytes", pagesOf4k * 4096);
    }

    @Test
    void repeatsForSomeSeconds() throws IOException {
      assertThat(json("--seconds", "1").get("replay_seconds"))
          .asInstanceOf(InstanceOfAssertFactories.DOUBLE)
          .isBetween(1.0, 3.0);
    }

    @Test
    void replaysStandardInput() {
      in = new ByteArrayInputStream(LACKEY.getBytes(StandardCharsets.UTF_8));

      assertThat(pondhawk("run", "--trace", "-")).isZero();
      assertThat(out.toString()).contains("stdin").contains("GOOD");
    }

    @Test
    void keepsASwapFileOnlyWhileRunning() throws IOException {
      Path file = directory.resolve("swap.img");

      assertThat(json("--swap-file", file.toString())).containsEntry("wrong_bytes", 0L);

      assertThat(file).doesNotExist();
    }

    @Test
    @Timeout(120)
    void endsWithAReportWhenSwapIsTooSmall() throws IOException {
      int status =
          pondhawk("run", "--trace", trace().toString(), "--json", "--copies", "3", "--swap", "2m");

      assertThat(status).as(err + "\n" + out).isEqualTo(1);
      Map<String, Object> json = Json.parse(out.toString());
      assertThat(json)
          .containsEntry("good", false)
          .containsEntry("wrong_bytes", 0L)
          .containsEntry("check", "clean");
      assertThat(String.valueOf(json.get("failure"))).contains("out of memory and swap");
    }

    @ParameterizedTest
    @ValueSource(strings = {"1/2", "1/4", "1/8"})
    @Timeout(120)
    void runsTheBundledTracesInLittleMemory(String share) {
      int status = pondhawk("run", "--memory", share, "--json", "--quiet");

      assertThat(status).as(err + "\n" + out).isZero();
      Map<String, Object> json = Json.parse(out.toString());
      assertThat(json)
          .containsEntry("wrong_bytes", 0L)
          .containsEntry("unchecked_bytes", 0L)
          .containsEntry("check", "clean")
          .containsEntry("references", 4_709_232L);
      assertThat(json.get("pages_out"))
          .asInstanceOf(InstanceOfAssertFactories.LONG)
          .isGreaterThanOrEqualTo(1_000);
      assertThat(json.get("pages_in"))
          .asInstanceOf(InstanceOfAssertFactories.LONG)
          .isGreaterThanOrEqualTo(1_000);
      assertThat(err.toString()).isEmpty();
    }
  }
}
