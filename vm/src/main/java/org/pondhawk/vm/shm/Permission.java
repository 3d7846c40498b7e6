package org.pondhawk.vm.shm;

/// Who may do what with a segment (`ipc_perm`).
///
/// ```
///     8   6 5   3 2   0
///   ┌──────┬─────┬─────┐
///   │ rw-  │ rw- │ rw- │   the mode: what the owner and the creator, their groups, and the others may
///   └──────┴─────┴─────┘
/// ```
///
/// @param user the owner's
/// @param group the owner's
/// @param creatingUser that of who made it, who stays an owner
/// @param creatingGroup that of who made it
/// @param mode nine bits
record Permission(long user, long group, long creatingUser, long creatingGroup, int mode) {
  /// The owner's bits for loads, in the place of the owner; for others they are shifted.
  static final int READ = 0400;

  /// The owner's bits for stores.
  static final int WRITE = 0200;

  /// All bits of a mode.
  static final int MODE = 0777;

  private static final int OTHERS = 3;

  static Permission of(Caller maker, int mode) {
    return new Permission(maker.user(), maker.group(), maker.user(), maker.group(), mode);
  }

  /// The same for another owner.
  Permission ownedBy(long otherUser, long otherGroup, int otherMode) {
    return new Permission(otherUser, otherGroup, creatingUser, creatingGroup, otherMode & MODE);
  }

  /// Whether somebody may do all that bits in the owner's place say (`ipcperm`). Only one of the
  /// three parts of the mode counts: an owner who took rights from himself does not have them as a
  /// member of his group.
  boolean allows(Caller who, int bits) {
    int needed = bits >>> shiftFor(who);
    return who.user() == 0 || (needed & ~mode) == 0;
  }

  private int shiftFor(Caller who) {
    if (isOwner(who)) {
      return 0;
    }
    return who.isIn(group) || who.isIn(creatingGroup) ? OTHERS : 2 * OTHERS;
  }

  /// Whether somebody may change or remove it (`IPC_M`).
  boolean isControlledBy(Caller who) {
    return who.user() == 0 || isOwner(who);
  }

  private boolean isOwner(Caller who) {
    return who.user() == user || who.user() == creatingUser;
  }
}
