package org.pondhawk.vm.shm;

import java.util.Set;

/// Who asks for something, as the rules of permission see them.
///
/// @param user 0 for who may do everything
/// @param group the group that what they make belongs to
/// @param groups all groups that they are in, that one included or not
public record Caller(long user, long group, Set<Long> groups) {
  boolean isIn(long someGroup) {
    return group == someGroup || groups.contains(someGroup);
  }
}
