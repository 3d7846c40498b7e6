package org.pondhawk.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.TunableTable;
import org.pondhawk.vm.stats.TunableInfo;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Lists the numbers of a machine that can be chosen, or read.
@Command(
    name = "tunables",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    usageHelpWidth = 100,
    description = {
      "Lists the numbers of a machine by name.",
      "With each comes its default, its range, and when it may be chosen: live, before boot",
      "(`pondhawk run --set NAME=VALUE`), or not at all (read).%n"
    },
    exitCodeListHeading = "%nStatus:%n",
    exitCodeList = {"0:printed or written", "2:bad usage, or no such name"},
    footerHeading = "%nExamples:%n",
    footer = {
      "  pondhawk tunables                            all of them",
      "  pondhawk tunables paging                     those with this in their name",
      "  pondhawk tunables --write docs/tunables.md   prints the page of the documentation anew%n"
    })
final class TunablesCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "PATTERN",
      arity = "0..1",
      description = "A part of the name; case does not count")
  private String pattern = "";

  @Option(
      names = "--write",
      paramLabel = "FILE",
      description = "Write all of them to this file, as Markdown for docs/")
  private @Nullable Path file;

  private final PrintWriter out;

  TunablesCommand(PrintWriter out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    Path target = file;
    if (target == null) {
      out.print(TunablesDocument.table(chosen()));
      out.flush();
      return ExitStatus.GOOD;
    }
    if (!pattern.isEmpty()) {
      throw new BadUsageException("--write has all of them: no PATTERN goes with it");
    }
    try {
      Files.writeString(target, TunablesDocument.page(ReferenceTable.load()));
    } catch (IOException e) {
      throw new BadUsageException("cannot write " + target + ": " + e, e);
    }
    return ExitStatus.GOOD;
  }

  private List<TunableInfo> chosen() {
    String wanted = pattern.toLowerCase(Locale.ROOT);
    List<TunableInfo> chosen =
        TunableTable.known().stream()
            .filter(info -> info.name().toLowerCase(Locale.ROOT).contains(wanted))
            .toList();
    if (chosen.isEmpty()) {
      throw new BadUsageException("no tunable has '" + pattern + "' in its name");
    }
    return chosen;
  }
}
