/// Traces of real programs' memory references, and the processes that replay them on a machine and
/// check every byte they read.
module org.pondhawk.replay {
  requires transitive org.pondhawk.vm;
  requires static transitive org.jspecify;

  exports org.pondhawk.replay;
}
