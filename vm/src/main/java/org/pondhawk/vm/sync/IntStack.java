package org.pondhawk.vm.sync;

import java.util.Arrays;
import java.util.Objects;

/// A small stack of ints for one thread.
public final class IntStack {
  private int[] values = new int[16];
  private int size;

  /// Makes an empty stack.
  public IntStack() {}

  /// How many values it holds.
  ///
  /// @return the count
  public int size() {
    return size;
  }

  /// Puts a value on top.
  ///
  /// @param value the value
  public void push(int value) {
    if (size == values.length) {
      values = Arrays.copyOf(values, 2 * size);
    }
    values[size++] = value;
  }

  /// The value at a place, counted from the bottom.
  ///
  /// @param place from 0
  /// @return the value
  public int get(int place) {
    return values[Objects.checkIndex(place, size)];
  }

  /// Takes the value on top.
  ///
  /// @return the value
  public int pop() {
    if (size == 0) {
      throw new IllegalStateException("pop of an empty stack");
    }
    return values[--size];
  }
}
