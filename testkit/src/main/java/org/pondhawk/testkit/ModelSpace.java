package org.pondhawk.testkit;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.pondhawk.vm.Protection;

/// What a range of an address space should hold, in ordinary arrays: page number to bytes.
///
/// A page that was never stored into shares one array of zeros.
public final class ModelSpace {
  private final int pageSize;
  private final byte[] zeros;
  private final TreeMap<Long, byte[]> content = new TreeMap<>();
  private final TreeMap<Long, Protection> protection = new TreeMap<>();
  private final TreeSet<Long> wired = new TreeSet<>();

  /// A model without any page.
  public ModelSpace(int pageSize) {
    this.pageSize = pageSize;
    this.zeros = new byte[pageSize];
  }

  /// The same at this moment, as a fork makes it.
  public ModelSpace copy() {
    ModelSpace copy = new ModelSpace(pageSize);
    content.forEach((page, bytes) -> copy.content.put(page, bytes.clone()));
    copy.protection.putAll(protection);
    return copy;
  }

  /// How many pages are mapped.
  public int pageCount() {
    return content.size();
  }

  /// The first mapped page at or after a number, or null for none.
  public @Nullable Long ceiling(long page) {
    return content.ceilingKey(page);
  }

  /// Whether a page is mapped.
  public boolean isMapped(long page) {
    return content.containsKey(page);
  }

  /// Whether a page of a range is mapped.
  public boolean anyMapped(long page, long count) {
    Long next = content.ceilingKey(page);
    return next != null && next < page + count;
  }

  /// Maps pages of zeros.
  public void map(long page, long count, Protection with) {
    for (long p = page; p < page + count; p++) {
      content.put(p, zeros);
      protection.put(p, with);
    }
  }

  /// Unmaps pages, mapped or not.
  public void unmap(long page, long count) {
    content.subMap(page, page + count).clear();
    protection.subMap(page, page + count).clear();
    wired.subSet(page, page + count).clear();
  }

  /// Changes what may be done with pages; those that are not mapped are skipped.
  public void protect(long page, long count, Protection with) {
    protection.subMap(page, page + count).replaceAll((_, _) -> with);
  }

  /// Whether every page of a range is mapped.
  public boolean allMapped(long page, long count) {
    return content.subMap(page, page + count).size() == count;
  }

  /// Keeps pages in memory; a fork does not.
  public void wire(long page, long count) {
    for (long p = page; p < page + count; p++) {
      wired.add(p);
    }
  }

  /// No longer keeps pages in memory.
  public void unwire(long page, long count) {
    wired.subSet(page, page + count).clear();
  }

  /// Whether every page of a range is kept in memory.
  public boolean allWired(long page, long count) {
    return wired.subSet(page, page + count).size() == count;
  }

  /// The mapped pages of a range.
  public List<Long> mapped(long page, long count) {
    return List.copyOf(content.subMap(page, page + count).keySet());
  }

  /// Whether loads are allowed from all mapped pages of a range.
  public boolean isReadable(long page, long count) {
    return !protection.subMap(page, page + count).containsValue(Protection.NONE);
  }

  /// Makes a page zeros.
  public void zero(long page) {
    content.put(page, zeros);
  }

  /// Unmaps everything.
  public void clear() {
    content.clear();
    protection.clear();
    wired.clear();
  }

  /// Whether loads are allowed from the page of an address.
  public boolean isReadable(long address) {
    Protection with = protection.get(address / pageSize);
    return with != null && with != Protection.NONE;
  }

  /// Whether stores are allowed to the page of an address.
  public boolean isWritable(long address) {
    return protection.get(address / pageSize) == Protection.READ_WRITE;
  }

  /// How many bytes from an address on can be loaded.
  public int readable(long address, int length) {
    int done = 0;
    while (done < length && isReadable(address + done)) {
      done += restOfPage(address + done);
    }
    return Math.min(done, length);
  }

  /// How many bytes from an address on can be stored.
  public int writable(long address, int length) {
    int done = 0;
    while (done < length && isWritable(address + done)) {
      done += restOfPage(address + done);
    }
    return Math.min(done, length);
  }

  private int restOfPage(long address) {
    return pageSize - (int) (address % pageSize);
  }

  /// Stores bytes that are all writable.
  public void store(long address, byte[] bytes, int length) {
    for (int done = 0; done < length; ) {
      long at = address + done;
      int chunk = Math.min(length - done, restOfPage(at));
      byte[] page = content.get(at / pageSize);
      if (page == null) {
        throw new IllegalArgumentException("the model has no page at " + at);
      }
      if (Arrays.equals(page, zeros)) {
        page = page.clone(); // the shared zeros, or as good as them
        content.put(at / pageSize, page);
      }
      System.arraycopy(bytes, done, page, (int) (at % pageSize), chunk);
      done += chunk;
    }
  }

  /// Loads bytes that are all readable.
  public byte[] load(long address, int length) {
    byte[] bytes = new byte[length];
    for (int done = 0; done < length; ) {
      long at = address + done;
      int chunk = Math.min(length - done, restOfPage(at));
      byte[] page = content.getOrDefault(at / pageSize, zeros);
      System.arraycopy(page, (int) (at % pageSize), bytes, done, chunk);
      done += chunk;
    }
    return bytes;
  }

  /// The pages and their bytes, in order.
  public Map<Long, byte[]> pages() {
    return content;
  }
}
