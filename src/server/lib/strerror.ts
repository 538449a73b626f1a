// strerror(3): what the C library says of an error number.
import * as E from '../../wire/index.ts'

const TEXTS: ReadonlyMap<number, string> = new Map([
  [E.EPERM, 'Operation not permitted'],
  [E.ENOENT, 'No such file or directory'],
  [E.ESRCH, 'No such process'],
  [E.EINTR, 'Interrupted system call'],
  [E.EIO, 'Input/output error'],
  [E.ENXIO, 'No such device or address'],
  [E.E2BIG, 'Argument list too long'],
  [E.EBADF, 'Bad file descriptor'],
  [E.EAGAIN, 'Resource temporarily unavailable'],
  [E.ENOMEM, 'Cannot allocate memory'],
  [E.EACCES, 'Permission denied'],
  [E.EFAULT, 'Bad address'],
  [E.EBUSY, 'Device or resource busy'],
  [E.EEXIST, 'File exists'],
  [E.EXDEV, 'Invalid cross-device link'],
  [E.ENODEV, 'No such device'],
  [E.ENOTDIR, 'Not a directory'],
  [E.EISDIR, 'Is a directory'],
  [E.EINVAL, 'Invalid argument'],
  [E.EMFILE, 'Too many open files'],
  [E.ENOTTY, 'Inappropriate ioctl for device'],
  [E.ETXTBSY, 'Text file busy'],
  [E.EFBIG, 'File too large'],
  [E.ENOSPC, 'No space left on device'],
  [E.ESPIPE, 'Illegal seek'],
  [E.EROFS, 'Read-only file system'],
  [E.EMLINK, 'Too many links'],
  [E.EPIPE, 'Broken pipe'],
  [E.ERANGE, 'Numerical result out of range'],
  [E.EDEADLK, 'Resource deadlock avoided'],
  [E.ENAMETOOLONG, 'File name too long'],
  [E.ENOSYS, 'Function not implemented'],
  [E.ENOTEMPTY, 'Directory not empty'],
  [E.ELOOP, 'Too many levels of symbolic links'],
  [E.ENODATA, 'No data available'],
  [E.EPROTO, 'Protocol error'],
  [E.EOVERFLOW, 'Value too large for defined data type'],
  [E.EOPNOTSUPP, 'Operation not supported'],
  [E.ENOTCONN, 'Transport endpoint is not connected'],
  [E.ECONNREFUSED, 'Connection refused'],
  [E.ETIMEDOUT, 'Connection timed out'],
  [E.ESTALE, 'Stale file handle'],
  [E.EHWPOISON, 'Memory page has hardware error'],
])

/** The text of an error number of either sign. */
export function strerror(n: number): string {
  const positive = n < 0 ? -n : n
  return TEXTS.get(positive) ?? `Unknown error ${positive}`
}
