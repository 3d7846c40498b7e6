/// The command line of Pondhawk.
module org.pondhawk.cli {
  requires info.picocli;
  requires org.pondhawk.replay;
  requires org.pondhawk.vm;
  requires static org.jspecify;
  requires tools.jackson.core;

  opens org.pondhawk.cli to
      info.picocli;
}
