/// The command line of Pondhawk.
module org.pondhawk.cli {
  requires info.picocli;
  requires org.pondhawk.replay;
  requires org.pondhawk.vm;
  requires tools.jackson.core;
}
