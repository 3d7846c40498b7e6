/// What tests of the library are made with.
module org.pondhawk.testkit {
  requires transitive org.pondhawk.vm;
}
