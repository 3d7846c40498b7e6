package org.pondhawk.cli;

import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/// Where the program begins: parses the command line and runs the command in it.
public final class Main {
  private Main() {}

  /// Runs the program and ends the JVM with its status.
  public static void main(String[] arguments) {
    var out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
    var err = new PrintWriter(System.err, true, StandardCharsets.UTF_8);
    System.exit(run(System.in, out, err, arguments));
  }

  /// Runs the program without ending the JVM.
  ///
  /// @return its status, one of [ExitStatus]
  static int run(InputStream in, PrintWriter out, PrintWriter err, String... arguments) {
    var commandLine = new CommandLine(new PondhawkCommand());
    commandLine.addSubcommand(new RunCommand(in, out, err));
    commandLine.addSubcommand(new ReferenceCommand(out));
    commandLine.addSubcommand(new TunablesCommand(out));
    commandLine.addSubcommand(new CommandLine.HelpCommand());
    commandLine.setOut(out);
    commandLine.setErr(err);
    commandLine.setParameterExceptionHandler(Main::complain);
    commandLine.setExecutionExceptionHandler((failure, command, _) -> {
      if (failure instanceof BadUsageException bad) {
        return complain(command, String.valueOf(bad.getMessage()));
      }
      throw failure;
    });
    try {
      return commandLine.execute(arguments);
    } finally {
      out.flush();
      err.flush();
    }
  }

  private static int complain(ParameterException failure, String[] arguments) {
    return complain(failure.getCommandLine(), String.valueOf(failure.getMessage()));
  }

  /// One line, which names the command whose help has more.
  private static int complain(CommandLine command, String problem) {
    String name = command.getCommandSpec().qualifiedName();
    String line = problem.strip().replaceAll("\\s*\\R\\s*", " ");
    command.getErr().println(name + ": " + line + " (see " + name + " --help)");
    return ExitStatus.BAD_USAGE;
  }
}
