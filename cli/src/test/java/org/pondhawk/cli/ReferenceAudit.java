package org.pondhawk.cli;

import java.io.IOException;
import java.lang.reflect.Member;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Whether the index of the reference's names is true of the code. Every finding is a line that
/// says what to do.
final class ReferenceAudit {
  private static final String PACKAGE = "org.pondhawk.vm.";
  private static final Pattern CODE_SPAN = Pattern.compile("`([^`]*)`");
  private static final Pattern WORD = Pattern.compile("[\\w.]+");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:]+)\\)");

  private final Path project;
  private final Set<String> documented;

  /// An audit against a checkout.
  ///
  /// @param documented the names that doc comments of the code have in backticks
  ReferenceAudit(Path project, Set<String> documented) {
    this.project = project;
    this.documented = documented;
  }

  /// The words in backticks in the doc comments of `vm`. Those of `mem` are left out: there a name
  /// such as `mmap` is the host's.
  static Set<String> documentedIn(Path project) throws IOException {
    var words = new HashSet<String>();
    try (Stream<Path> files = Files.walk(project.resolve("vm/src/main/java/org/pondhawk/vm"))) {
      Predicate<String> ours =
          file -> file.endsWith(".java") && !file.contains("/org/pondhawk/vm/mem/");
      for (Path file : files.filter(f -> ours.test(f.toString())).toList()) {
        Files.readString(file)
            .lines()
            .filter(line -> line.strip().startsWith("///"))
            .flatMap(line -> CODE_SPAN.matcher(line).results())
            .flatMap(span -> WORD.matcher(span.group(1)).results())
            .map(MatchResult::group)
            .forEach(words::add);
      }
    }
    return words;
  }

  /// All findings about a table.
  ///
  /// @param required the names that it must have
  List<String> findings(ReferenceTable table, List<String> required) {
    var findings = new ArrayList<String>();
    for (String name : new TreeSet<>(required)) {
      if (table.find(name) == null) {
        findings.add(name + " is missing");
      }
    }
    table.repeated().forEach(name -> findings.add(name + " stands there twice"));
    for (ReferenceRow row : table.rows()) {
      check(findings, List.of(row.name()), row.answer());
      row.parts().forEach(part -> check(findings, part.names(), part.answer()));
      if (!row.test().isEmpty() && !Files.exists(project.resolve(row.testFile()))) {
        findings.add(row.name() + " is tested by " + row.testFile() + ", which does not exist");
      }
    }
    return findings;
  }

  private void check(List<String> findings, List<String> names, ReferenceAnswer answer) {
    switch (answer.state()) {
      case HERE -> {
        if (!exists(answer)) {
          findings.add(names + " is here as " + answer.text() + ", which does not exist");
        }
      }
      case PLANNED -> {
        if (answer.hasCounterpart() && exists(answer)) {
          findings.add(names + " is planned as " + answer.text() + ", which exists by now");
        }
        for (String name : names) {
          if (documented.contains(name)) {
            findings.add(name + " is planned, but a doc comment of vm names it: look again");
          }
        }
      }
      case NONE -> {}
    }
  }

  private boolean exists(ReferenceAnswer answer) {
    if (!Files.exists(project.resolve(answer.file()))) {
      return false;
    }
    try {
      ClassLoader loader = ReferenceAudit.class.getClassLoader();
      Class<?> type = Class.forName(PACKAGE + answer.className(), false, loader);
      return answer.member().isEmpty() || hasMember(type, answer.member());
    } catch (ClassNotFoundException _) {
      return false;
    }
  }

  private static boolean hasMember(Class<?> type, String name) {
    for (@Nullable Class<?> t = type; t != null; t = t.getSuperclass()) {
      Stream<Member> members =
          Stream.concat(Stream.of(t.getDeclaredMethods()), Stream.of(t.getDeclaredFields()));
      if (members.anyMatch(member -> member.getName().equals(name))) {
        return true;
      }
    }
    return false;
  }

  /// The links of a page in `docs/` that lead nowhere.
  List<String> deadLinks(String page) {
    Path docs = project.resolve("docs");
    return LINK.matcher(page)
        .results()
        .map(link -> link.group(1))
        .filter(target -> !Files.exists(docs.resolve(target)))
        .distinct()
        .toList();
  }
}
