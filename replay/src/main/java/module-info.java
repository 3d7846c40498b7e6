/// Replays memory traces on a virtual machine.
module org.pondhawk.replay {
  requires transitive org.pondhawk.vm;
}
