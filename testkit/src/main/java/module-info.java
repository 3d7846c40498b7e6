/// What tests of the library are made with.
module org.pondhawk.testkit {
  requires static org.jspecify;
  requires transitive org.pondhawk.vm;
}
