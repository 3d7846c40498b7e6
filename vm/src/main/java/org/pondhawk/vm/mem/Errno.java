package org.pondhawk.vm.mem;

import java.util.Map;

/// The error numbers of the kernel that we meet, with their names and what they mean.
///
/// The numbers are those of the generic Linux table, which x86-64 and aarch64 share.
final class Errno {
  static final int EPERM = 1;
  static final int ENOENT = 2;
  static final int EINTR = 4;
  static final int EIO = 5;
  static final int EBADF = 9;
  static final int EAGAIN = 11;
  static final int ENOMEM = 12;
  static final int EACCES = 13;
  static final int EFAULT = 14;
  static final int EBUSY = 16;
  static final int EEXIST = 17;
  static final int ENODEV = 19;
  static final int ENOTDIR = 20;
  static final int EISDIR = 21;
  static final int EINVAL = 22;
  static final int ENFILE = 23;
  static final int EMFILE = 24;
  static final int ETXTBSY = 26;
  static final int EFBIG = 27;
  static final int ENOSPC = 28;
  static final int ESPIPE = 29;
  static final int EROFS = 30;
  static final int ENAMETOOLONG = 36;
  static final int ENOLCK = 37;
  static final int ENOSYS = 38;
  static final int ELOOP = 40;
  static final int EOPNOTSUPP = 95;
  static final int EDQUOT = 122;

  private static final Map<Integer, String> TEXTS =
      Map.ofEntries(
          Map.entry(EPERM, "EPERM, operation not permitted"),
          Map.entry(ENOENT, "ENOENT, no such file or directory"),
          Map.entry(EINTR, "EINTR, interrupted system call"),
          Map.entry(EIO, "EIO, input/output error"),
          Map.entry(EBADF, "EBADF, bad file descriptor"),
          Map.entry(EAGAIN, "EAGAIN, resource temporarily unavailable"),
          Map.entry(ENOMEM, "ENOMEM, cannot allocate memory"),
          Map.entry(EACCES, "EACCES, permission denied"),
          Map.entry(EFAULT, "EFAULT, bad address"),
          Map.entry(EBUSY, "EBUSY, device or resource busy"),
          Map.entry(EEXIST, "EEXIST, file exists"),
          Map.entry(ENODEV, "ENODEV, no such device"),
          Map.entry(ENOTDIR, "ENOTDIR, not a directory"),
          Map.entry(EISDIR, "EISDIR, is a directory"),
          Map.entry(EINVAL, "EINVAL, invalid argument"),
          Map.entry(ENFILE, "ENFILE, too many open files in the system"),
          Map.entry(EMFILE, "EMFILE, too many open files"),
          Map.entry(ETXTBSY, "ETXTBSY, text file busy"),
          Map.entry(EFBIG, "EFBIG, file too large"),
          Map.entry(ENOSPC, "ENOSPC, no space left on device"),
          Map.entry(ESPIPE, "ESPIPE, illegal seek"),
          Map.entry(EROFS, "EROFS, read-only file system"),
          Map.entry(ENAMETOOLONG, "ENAMETOOLONG, file name too long"),
          Map.entry(ENOLCK, "ENOLCK, no locks available"),
          Map.entry(ENOSYS, "ENOSYS, function not implemented"),
          Map.entry(ELOOP, "ELOOP, a symbolic link where none is followed"),
          Map.entry(EOPNOTSUPP, "EOPNOTSUPP, operation not supported"),
          Map.entry(EDQUOT, "EDQUOT, disk quota exceeded"));

  private Errno() {}

  /// The name and the meaning of an error number, for messages.
  static String describe(int errno) {
    return TEXTS.getOrDefault(errno, "errno " + errno);
  }
}
