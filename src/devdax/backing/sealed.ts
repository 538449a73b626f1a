/**
 * A memory file that keeps its length: nobody who gets at its descriptor (through /proc) can cut it, which would kill us with
 * SIGBUS at the next touch.
 */
import {
  addSeals,
  close,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  ftruncate,
  MFD_ALLOW_SEALING,
  memfd_create,
} from '../../native/index.ts'
import { BackingError, reasonOf } from './backing.ts'

/** The descriptor of a new memory file of `size` bytes. `flags`: `MFD_*`. Throws BackingError that begins with `where`. */
export const sealedMemfd = (where: string, name: string, flags: number, size: number): number => {
  let fd = -1
  try {
    fd = memfd_create(name, flags | MFD_ALLOW_SEALING)
    ftruncate(fd, size)
    addSeals(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
    return fd
  } catch (error) {
    if (fd >= 0) close(fd)
    throw new BackingError(`${where}: ${reasonOf(error)}`)
  }
}
