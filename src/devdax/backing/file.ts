/**
 * Bytes in a file on disk. With a path they outlive the process and can be looked at with other tools; without one the
 * file is unlinked as soon as it is open, so that it goes with the backing even when the process dies.
 */
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ftruncate, nativeAvailable } from '../../native/index.ts'
import { type Backing, BackingError, bytesText, checkSize, reasonOf, whyText } from './backing.ts'
import { MappedBacking } from './mapped.ts'

/** `path`: keep the bytes there (absent: a temporary file). `refused`: what kept better kinds away, for the `why` line. */
export type FileOptions = { path?: string; refused?: readonly string[] }

/**
 * Open a file backing of `size` bytes. A file at `path` that is shorter grows by a hole; a longer one is refused, since
 * cutting it would lose bytes. Throws BackingError: bad size, no native calls, not a plain file, no permission.
 */
export const openFile = (size: number, options: FileOptions = {}): Backing => {
  checkSize(size)
  const { path } = options
  const where = path === undefined ? 'file backing' : `file backing ${path}`
  const native = nativeAvailable()
  if (!native.ok) throw new BackingError(`${where}: no native calls: ${native.why}`)
  if (path === '') throw new BackingError('file backing: empty path; give file:PATH, or file for a temporary one')
  let fd = -1
  try {
    fd = path === undefined ? openTemporary() : openPlain(path)
    const held = fstatSync(fd).size
    if (held > size)
      throw new Error(
        `holds ${held} bytes (${bytesText(held)}), more than the ${size} asked; give that size or another path`,
      )
    if (held < size) ftruncate(fd, size)
  } catch (error) {
    if (fd >= 0) closeSync(fd)
    throw new BackingError(`${where}: ${reasonOf(error)}`)
  }
  const why =
    path === undefined ? `temporary file in ${tmpdir()}${roomText(tmpdir())}, gone on close` : `${path}, kept on close`
  return new MappedBacking('file', fd, size, whyText(why, options.refused))
}

/** How much the disk still holds: a hole that is written when it is full kills the process with SIGBUS. */
const roomText = (dir: string): string => {
  try {
    const { bavail, bsize } = statfsSync(dir)
    return ` (${bytesText(bavail * bsize)} free)`
  } catch {
    return ''
  }
}

/** Not blocking: opening a FIFO must fail below, not wait for its other end. */
const openPlain = (path: string): number => {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK, 0o644)
  if (fstatSync(fd).isFile()) return fd
  closeSync(fd)
  throw new Error('not a plain file; give the path of one, or of none yet')
}

const openTemporary = (): number => {
  const dir = mkdtempSync(join(tmpdir(), 'famsim-'))
  try {
    return openSync(join(dir, 'bytes'), 'wx+', 0o600)
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
}
