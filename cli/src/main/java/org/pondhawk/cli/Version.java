package org.pondhawk.cli;

import picocli.CommandLine.IVersionProvider;

/// Knows which version of the program runs: the one that its module was built with.
final class Version implements IVersionProvider {
  @Override
  public String[] getVersion() {
    Module module = Version.class.getModule();
    String version =
        module.isNamed() ? module.getDescriptor().rawVersion().orElse("(unknown)") : "(unknown)";
    return new String[] {"pondhawk " + version + ", Java " + Runtime.version()};
  }
}
