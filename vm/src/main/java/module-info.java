/// A virtual memory system for the JVM: physical pages, queues, objects, address spaces, faults,
/// pageout and swap, on memory outside the heap.
module org.pondhawk.vm {
  requires static transitive org.jspecify;
}
