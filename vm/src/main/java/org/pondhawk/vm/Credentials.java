package org.pondhawk.vm;

import java.util.Set;
import org.pondhawk.vm.shm.Caller;

/// Who somebody is, for what asks about permission.
///
/// @param user a number; 0 is the owner of the machine, who may do everything
/// @param group the number of the group that what they make belongs to
/// @param groups the numbers of all groups that they are in
public record Credentials(long user, long group, Set<Long> groups) {
  /// The owner of the machine.
  public static final Credentials OWNER = new Credentials(0, 0, Set.of());

  /// Makes the set unmodifiable.
  public Credentials {
    groups = Set.copyOf(groups);
  }

  /// Somebody who is in one group.
  public static Credentials of(long user, long group) {
    return new Credentials(user, group, Set.of(group));
  }

  Caller internal() {
    return new Caller(user, group, groups);
  }
}
