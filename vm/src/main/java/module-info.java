/// A virtual memory system for the JVM: physical pages, queues, objects, address spaces, faults,
/// pageout and swap, on memory outside the heap.
module org.pondhawk.vm {
  requires static transitive org.jspecify;

  exports org.pondhawk.vm;
  exports org.pondhawk.vm.error;
  exports org.pondhawk.vm.stats;
  exports org.pondhawk.vm.boot to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.check to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.fault to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.kmem to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.map to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.mem to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.object to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.page to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.pageout to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.pager to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.pmap to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.queue to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.swap to
      org.pondhawk.testkit;
  exports org.pondhawk.vm.sync to
      org.pondhawk.testkit;
}
