package org.pondhawk.cli;

import java.io.IOException;
import java.lang.reflect.Member;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Whether the index of the reference's names is true of the code. Every finding is a line that
/// says which line of the index to change, and how.
final class ReferenceAudit {
  static final String SOURCE = "cli/src/main/resources/org/pondhawk/cli/reference.txt";

  private static final String VM = "vm/src/main/java/org/pondhawk/vm/";
  private static final String PACKAGE = "org.pondhawk.vm.";
  private static final Pattern CODE_SPAN = Pattern.compile("`([^`]*)`");
  private static final Pattern WORD = Pattern.compile("[\\w.]+");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)#:]+)\\)");
  private static final Pattern NOT_YET = Pattern.compile("(?m)^Not yet: `([^`]+)`");
  private static final Pattern TYPE = Pattern.compile("\\b(class|record|interface|enum) ");
  private static final Pattern MEMBER = Pattern.compile("(\\w+)( =.*)?[;(,]");

  private final Path project;
  private final Map<String, Place> documented;

  /// Where a doc comment names something.
  ///
  /// @param file from the root of the project
  /// @param line from 1
  /// @param member what the comment is of, or empty for a class
  record Place(String file, int line, String member) {
    /// What is documented there, as an answer of the index.
    String answer() {
      String type = file.replaceFirst("^" + VM, "").replace(".java", "").replace('/', '.');
      return member.isEmpty() ? type : type + "#" + member;
    }

    /// Its usual test.
    String test() {
      return answer().replaceFirst("#.*", "") + "Test";
    }

    @Override
    public String toString() {
      return file + ":" + line;
    }
  }

  /// An audit against a checkout.
  ///
  /// @param documented the names that doc comments of the code have in backticks, and where
  ReferenceAudit(Path project, Map<String, Place> documented) {
    this.project = project;
    this.documented = documented;
  }

  /// The words in backticks in the doc comments of `vm`, each with the first place that has it.
  /// Those of `mem` are left out: there a name such as `mmap` is the host's.
  static Map<String, Place> documentedIn(Path project) throws IOException {
    var words = new HashMap<String, Place>();
    try (Stream<Path> files = Files.walk(project.resolve(VM))) {
      for (Path file : files.sorted().toList()) {
        String name = project.relativize(file).toString().replace('\\', '/');
        if (name.endsWith(".java") && !name.startsWith(VM + "mem/")) {
          noteWords(words, name, Files.readAllLines(file));
        }
      }
    }
    return words;
  }

  private static void noteWords(Map<String, Place> words, String file, List<String> lines) {
    for (int i = 0; i < lines.size(); i++) {
      if (lines.get(i).strip().startsWith("///")) {
        Place place = new Place(file, i + 1, memberBelow(lines, i));
        CODE_SPAN
            .matcher(lines.get(i))
            .results()
            .flatMap(span -> WORD.matcher(span.group(1)).results())
            .map(MatchResult::group)
            .forEach(word -> words.putIfAbsent(word, place));
      }
    }
  }

  /// What the doc comment that a line belongs to is of: a guess that saves looking.
  private static String memberBelow(List<String> lines, int comment) {
    String code =
        lines.subList(comment, lines.size()).stream()
            .map(String::strip)
            .filter(line -> !line.isEmpty() && !line.startsWith("///") && !line.startsWith("@"))
            .findFirst()
            .orElse("");
    Matcher member = MEMBER.matcher(code);
    return TYPE.matcher(code).find() || !member.find() ? "" : member.group(1);
  }

  /// All findings about a table.
  ///
  /// @param required the names that it must have
  List<String> findings(ReferenceTable table, List<String> required) {
    var findings = new ArrayList<String>();
    for (String name : new TreeSet<>(required)) {
      if (table.find(name) == null) {
        findings.add(SOURCE + ": no row has " + name + "; the head says how to add one");
      }
    }
    new TreeMap<>(table.repeated())
        .forEach((name, line) -> findings.add(at(line) + name + " has two entries: drop one"));
    for (ReferenceRow row : table.rows()) {
      checkTest(findings, row);
      check(findings, row.line(), List.of(row.name()), row.answer());
      notePlanned(findings, row.line(), row.name(), row.answer(), rowFor(row));
      for (ReferencePart part : row.parts()) {
        check(findings, part.line(), part.names(), part.answer());
        for (String name : part.names()) {
          notePlanned(findings, part.line(), name, part.answer(), partFor(name));
        }
      }
    }
    return findings;
  }

  private static String at(int line) {
    return SOURCE + ":" + line + ": ";
  }

  private void checkTest(List<String> findings, ReferenceRow row) {
    if (!row.test().isEmpty() && !Files.exists(project.resolve(row.testFile()))) {
      findings.add(
          at(row.line())
              + "%s is tested by %s, but there is no %s: name the class that tests it now"
                  .formatted(row.name(), row.test(), row.testFile()));
    }
  }

  private void check(List<String> findings, int line, List<String> names, ReferenceAnswer answer) {
    if (!answer.hasCounterpart()) {
      return;
    }
    String lacking = lacking(answer);
    String what = at(line) + String.join(", ", names) + ": " + answer.state().word();
    if (answer.state() == ReferenceState.HERE && !lacking.isEmpty()) {
      findings.add(
          "%s as %s, but %s: name what stands for it now".formatted(what, answer.text(), lacking));
    } else if (answer.state() == ReferenceState.PLANNED && lacking.isEmpty()) {
      findings.add(
          "%s as %s, which exists by now: make it here, with its test, or empty the cell"
              .formatted(what, answer.text()));
    }
  }

  /// What a row is to be like once it is built.
  private interface Line {
    String with(Place place);
  }

  private static Line rowFor(ReferenceRow row) {
    return place ->
        "%s | %s | here | %s | %s | %s"
            .formatted(row.name(), row.kind(), place.answer(), place.test(), row.contract());
  }

  private static Line partFor(String name) {
    return place -> "+ %s | here | %s".formatted(name, place.answer());
  }

  private void notePlanned(
      List<String> findings, int line, String name, ReferenceAnswer answer, Line written) {
    Place place = documented.get(name);
    if (answer.state() == ReferenceState.PLANNED && place != null) {
      findings.add(
          at(line)
              + "%s is planned, but %s names it. If it is built, write `%s`; else drop its backticks"
                  .formatted(name, place, written.with(place)));
    }
  }

  /// What of a counterpart does not exist, or empty.
  private String lacking(ReferenceAnswer answer) {
    try {
      ClassLoader loader = ReferenceAudit.class.getClassLoader();
      Class<?> type = Class.forName(PACKAGE + answer.className(), false, loader);
      if (!Files.exists(project.resolve(answer.file()))) {
        return "there is no " + answer.file();
      }
      boolean has = answer.member().isEmpty() || hasMember(type, answer.member());
      return has ? "" : answer.className() + " has no member " + answer.member();
    } catch (ClassNotFoundException _) {
      return "there is no class " + answer.className();
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

  /// What a page says is not there yet, in a line that begins with `Not yet:`, though it is.
  static List<String> builtByNow(ReferenceTable table, String page) {
    return NOT_YET
        .matcher(page)
        .results()
        .map(found -> found.group(1))
        .filter(name -> stateOf(table, name) != ReferenceState.PLANNED)
        .map(name -> "it says `Not yet: " + name + "`, which is not planned any more")
        .toList();
  }

  private static @Nullable ReferenceState stateOf(ReferenceTable table, String name) {
    ReferenceRow row = table.find(name);
    if (row == null) {
      return null;
    }
    for (ReferencePart part : row.parts()) {
      if (part.names().contains(name)) {
        return part.answer().state();
      }
    }
    return row.answer().state();
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
