package org.pondhawk.vm.pager;

import java.util.Arrays;

/// Pages of one object with adjacent indexes, to be written together, and what became of each.
public final class PageRun {
  private final int[] pages;
  private final PagerResult[] results;
  private long firstPindex;
  private int count;

  /// Makes an empty run.
  ///
  /// @param capacity how many pages it can hold
  public PageRun(int capacity) {
    this.pages = new int[capacity];
    this.results = new PagerResult[capacity];
    Arrays.fill(results, PagerResult.AGAIN);
  }

  /// Empties the run.
  ///
  /// @param pindex the index of the page that will be added first
  public void start(long pindex) {
    firstPindex = pindex;
    count = 0;
    Arrays.fill(results, PagerResult.AGAIN);
  }

  /// Adds the page with the next index.
  public void append(int page) {
    pages[count++] = page;
  }

  /// Adds the page with the index before the first.
  public void prepend(int page) {
    System.arraycopy(pages, 0, pages, 1, count);
    pages[0] = page;
    firstPindex--;
    count++;
  }

  /// Whether no page can be added.
  public boolean isFull() {
    return count == pages.length;
  }

  /// How many pages the run has.
  public int count() {
    return count;
  }

  /// The index in the object of the first page.
  public long firstPindex() {
    return firstPindex;
  }

  /// A page of the run.
  ///
  /// @param i from 0
  public int page(int i) {
    return pages[i];
  }

  /// What became of a page.
  ///
  /// @param i from 0
  public PagerResult result(int i) {
    return results[i];
  }

  /// Says what became of a page.
  ///
  /// @param i from 0
  public void setResult(int i, PagerResult result) {
    results[i] = result;
  }
}
