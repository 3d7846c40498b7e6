package org.pondhawk.cli;

import java.util.List;
import java.util.Set;

/// One entry of the index of the reference's names.
///
/// @param line where it stands in the source, from 1
/// @param group the part of the system that it belongs to, a heading of the document
/// @param name as the reference writes it
/// @param kind one of [#KINDS]
/// @param answer what stands here for it
/// @param test the test class that speaks for it: of `vm`, without `org.pondhawk.vm.`, or of the
///   testkit, as `testkit.MachineModelTest`; empty unless it is here
/// @param contract what it promises, in one line
/// @param parts fields, flags and constants that belong to it
record ReferenceRow(
    int line,
    String group,
    String name,
    String kind,
    ReferenceAnswer answer,
    String test,
    String contract,
    List<ReferencePart> parts) {
  /// What a name can be.
  static final Set<String> KINDS = Set.of("operation", "type", "tunable", "counter");

  ReferenceRow {
    if (!KINDS.contains(kind)) {
      throw new IllegalArgumentException("'" + kind + "' is none of " + KINDS);
    }
    if (name.isEmpty() || contract.isEmpty()) {
      throw new IllegalArgumentException("no name or no contract");
    }
    if (test.isEmpty() == (answer.state() == ReferenceState.HERE)) {
      throw new IllegalArgumentException("a test belongs to what is here, and only to that");
    }
  }

  /// The source file of the test, from the root of the project.
  String testFile() {
    String path = test.replace('.', '/') + ".java";
    String folder = test.startsWith("testkit.") ? "testkit/src/test/java/org/pondhawk/" : VM_TESTS;
    return folder + path;
  }

  private static final String VM_TESTS = "vm/src/test/java/org/pondhawk/vm/";
}
