package org.pondhawk.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.pondhawk.vm.TunableTable;
import org.pondhawk.vm.stats.TunableInfo;

class TunablesCommandTest {
  private static final Path PAGE = Path.of("../docs/tunables.md");
  private static final String COMMAND = "./pondhawk tunables --write docs/tunables.md";

  @TempDir private Path directory = Path.of("");

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  private int tunables(String... arguments) {
    String[] all = new String[arguments.length + 1];
    all[0] = "tunables";
    System.arraycopy(arguments, 0, all, 1, arguments.length);
    InputStream in = InputStream.nullInputStream();
    return Main.run(in, new PrintWriter(out, true), new PrintWriter(err, true), all);
  }

  @Test
  void listsAllThatEveryMachineHas() {
    assertThat(tunables()).isEqualTo(0);
    List<String> lines = out.toString().lines().toList();
    assertThat(lines).hasSize(1 + TunableTable.known().size());
    assertThat(lines.getFirst()).matches("NAME +WHEN +DEFAULT +RANGE +WHAT");
    for (TunableInfo info : TunableTable.known()) {
      assertThat(lines).anyMatch(line -> line.startsWith(info.name() + " "));
    }
  }

  @Test
  void listsThoseWithAPatternInTheirName() {
    assertThat(tunables("NICE")).isEqualTo(0);
    assertThat(out.toString().lines().skip(1).toList())
        .singleElement()
        .asString()
        .matches("vm.nice_policy +live +monotone +monotone, faithful +How niceness .*");
  }

  @Test
  void refusesAPatternThatNothingHas() {
    assertThat(tunables("nothing")).isEqualTo(2);
    assertThat(err.toString()).contains("no tunable has 'nothing' in its name");
    assertThat(out.toString()).isEmpty();
  }

  @Test
  void printsThePageOfTheDocumentation() throws IOException {
    Path written = directory.resolve("tunables.md");
    assertThat(tunables("--write", written.toString())).isEqualTo(0);
    assertThat(Files.readString(PAGE))
        .as("docs/tunables.md is old: run " + COMMAND)
        .isEqualTo(Files.readString(written));
    assertThat(Files.readString(written))
        .contains("| `vm.v_free_min` | base + pages/200 | 1 to 1073741824 pages |")
        .contains("| `v_cache_min` | The paging targets have taken its place")
        .contains("## To be read");
  }

  @Test
  void writesNoPartOfThePageAndNothingWhereItCannot() {
    assertThat(tunables("paging", "--write", "x")).isEqualTo(2);
    assertThat(err.toString()).contains("no PATTERN goes with it");
    Path nowhere = directory.resolve("none/x.md");
    assertThat(tunables("--write", nowhere.toString())).isEqualTo(2);
    assertThat(err.toString()).contains("cannot write");
  }
}
