package org.pondhawk.replay;

import java.util.List;
import org.jspecify.annotations.Nullable;

/// What one process of a replay did.
///
/// @param name the trace, and which copy of it
/// @param footprintBytes the memory that it touches, in pages of the machine
/// @param references the references replayed
/// @param writes those of them that wrote
/// @param passes how often it came to the end of its trace
/// @param readCheckedBytes the bytes checked by reads of the replay
/// @param finalCheckedBytes the bytes checked at the end
/// @param wrongBytes the bytes found wrong, at a read or at the end
/// @param uncheckedBytes the bytes that the final check did not come to
/// @param wrongPlaces the first few of the wrong places
/// @param failure what ended the process early, or null
public record ProcessReport(
    String name,
    long footprintBytes,
    long references,
    long writes,
    long passes,
    long readCheckedBytes,
    long finalCheckedBytes,
    long wrongBytes,
    long uncheckedBytes,
    List<WrongPlace> wrongPlaces,
    @Nullable String failure) {

  /// Keeps a copy of the list.
  public ProcessReport {
    wrongPlaces = List.copyOf(wrongPlaces);
  }

  /// All bytes checked; one that was checked twice counts twice.
  public long checkedBytes() {
    return readCheckedBytes + finalCheckedBytes;
  }
}
