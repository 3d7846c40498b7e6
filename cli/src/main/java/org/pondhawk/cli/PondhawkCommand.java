package org.pondhawk.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/// The program without a subcommand, which it needs.
@Command(
    name = "pondhawk",
    description = "A virtual memory system for the JVM.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footerHeading = "%n",
    footer = {
      "In a checkout ./pondhawk also has test, races, mutate, bench, format and build;",
      "CONTRIBUTING.md has what they do."
    })
final class PondhawkCommand implements Runnable {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(),
        "no command given; try one of " + String.join(", ", spec.subcommands().keySet()));
  }
}
