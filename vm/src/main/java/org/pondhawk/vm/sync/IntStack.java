package org.pondhawk.vm.sync;

import java.util.Arrays;

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
