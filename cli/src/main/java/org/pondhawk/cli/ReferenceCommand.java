package org.pondhawk.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// Looks a name of the reference up.
@Command(
    name = "reference",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    usageHelpWidth = 100,
    description = {
      "Says what a name of DragonFly BSD's virtual memory is here.",
      "It may be an operation, a type, a field, a flag, a tunable or a counter. Without a name: how",
      "many of each part are here.%n"
    },
    exitCodeListHeading = "%nStatus:%n",
    exitCodeList = {"0:printed or written", "2:bad usage, or no such name"},
    footerHeading = "%nExamples:%n",
    footer = {
      "  pondhawk reference vm_page_alloc",
      "  pondhawk reference PG_REFERENCED                a flag: the entry that it belongs to",
      "  pondhawk reference --write docs/reference.md    prints the index anew%n"
    })
final class ReferenceCommand implements Callable<Integer> {
  @Parameters(
      paramLabel = "NAME",
      arity = "0..*",
      description = "As the reference writes it; case counts")
  private List<String> names = List.of();

  @Option(
      names = "--write",
      paramLabel = "FILE",
      description = "Write the whole index to this file, as Markdown for docs/")
  private @Nullable Path file;

  private final PrintWriter out;

  ReferenceCommand(PrintWriter out) {
    this.out = out;
  }

  @Override
  public Integer call() {
    ReferenceTable table = ReferenceTable.load();
    var document = new ReferenceDocument(table);
    if (file != null) {
      write(document, file);
    } else {
      out.print(names.isEmpty() ? document.summary() : entry(table, document));
    }
    out.flush();
    return ExitStatus.GOOD;
  }

  private void write(ReferenceDocument document, Path target) {
    if (!names.isEmpty()) {
      throw new BadUsageException("--write has the whole index: no NAME goes with it");
    }
    try {
      Files.writeString(target, document.page());
    } catch (IOException e) {
      throw new BadUsageException("cannot write " + target + ": " + e, e);
    }
  }

  private String entry(ReferenceTable table, ReferenceDocument document) {
    String name = String.join(" ", names); // the debugger's commands have two words
    ReferenceRow row = table.find(name);
    if (row == null) {
      throw new BadUsageException(
          "no '" + name + "' in the index; near it: " + String.join(", ", table.nearest(name)));
    }
    return document.entry(row, name);
  }
}
