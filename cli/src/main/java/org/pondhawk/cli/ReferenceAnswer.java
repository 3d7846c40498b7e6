package org.pondhawk.cli;

/// What stands here for a name of the reference.
///
/// @param state whether it does
/// @param text `here`: a class of `vm` without `org.pondhawk.vm.`, then perhaps `#` and a member;
///   `planned`: the same, if it is known already, or empty; `none`: the reason
record ReferenceAnswer(ReferenceState state, String text) {
  /// An answer as the table has it.
  ///
  /// @throws IllegalArgumentException if what its state needs is missing
  static ReferenceAnswer of(String state, String text) {
    var answer = new ReferenceAnswer(ReferenceState.of(state), text);
    if (text.isEmpty() && answer.state != ReferenceState.PLANNED) {
      throw new IllegalArgumentException("'" + state + "' without a counterpart or a reason");
    }
    return answer;
  }

  /// Whether it names a class.
  boolean hasCounterpart() {
    return state != ReferenceState.NONE && !text.isEmpty();
  }

  /// The class, with its package below `org.pondhawk.vm`: `queue.PageAllocator`.
  String className() {
    int member = text.indexOf('#');
    return member < 0 ? text : text.substring(0, member);
  }

  /// The member of the class, or empty for the class itself.
  String member() {
    int member = text.indexOf('#');
    return member < 0 ? "" : text.substring(member + 1);
  }

  /// The counterpart without its package: `PageAllocator.allocate`.
  String shortName() {
    return text.substring(className().lastIndexOf('.') + 1).replace('#', '.');
  }

  /// The source file of the class, from the root of the project.
  String file() {
    return "vm/src/main/java/org/pondhawk/vm/" + className().replace('.', '/') + ".java";
  }
}
