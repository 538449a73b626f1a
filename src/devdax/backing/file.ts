/**
 * Bytes in a file on disk. With a path they outlive the process and can be looked at with other tools; without one the
 * file is unlinked as soon as it is open, so that it goes with the backing even when the process dies.
 */
import { closeSync, constants, fstatSync, mkdtempSync, openSync, readSync, rmSync, statfsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SB_SIZE } from '../../media/index.ts'
import { ftruncate, nativeAvailable, nextData, punchHole, SysError, tryLock } from '../../native/index.ts'
import { type Backing, BackingError, bytesText, checkSize, reasonOf, whyText } from './backing.ts'
import { famfsText, wipe } from './contents.ts'
import { MappedBacking } from './mapped.ts'

/**
 * `path`: keep the bytes there (absent: a temporary file). `fresh`: the lent bytes are zeros: refuse a file that holds
 * something there (`empty`) or lose it (`wiped`); absent: they are what they are. `refused`: what kept better kinds away, for
 * the `why` line. `onClose` is called when the bytes are given back.
 */
export type FileOptions = {
  path?: string
  fresh?: 'empty' | 'wiped'
  refused?: readonly string[]
  onClose?: () => void
}

/**
 * Lend the first `size` bytes of a file. One at `path` that is shorter grows by a hole; a longer one keeps what lies behind.
 * It is locked against other runs. Throws BackingError: bad size, no native calls, not a plain file, no permission, taken,
 * not empty.
 */
export const openFile = (size: number, options: FileOptions = {}): Backing => {
  checkSize(size)
  const { path, fresh, onClose } = options
  const where = path === undefined ? 'file backing' : `file backing ${path}`
  const native = nativeAvailable()
  if (!native.ok) throw new BackingError(`${where}: no native calls: ${native.why}`)
  if (path === '') throw new BackingError('file backing: empty path; give file:PATH, or file for a temporary one')
  let fd = -1
  let holes = true
  try {
    fd = path === undefined ? openTemporary() : openPlain(path)
    if (!tryLock(fd)) throw new Error('another famsim runs on it; wait for its end, or give another path')
    const held = nextData(fd, 0)
    if (held !== null && held < size && fresh === 'empty')
      throw new Error(`${heldText(fd)}; add --overwrite to lose it`)
    if (fresh === 'wiped') holes = punch(fd, size)
    if (fstatSync(fd).size < size) ftruncate(fd, size)
  } catch (error) {
    if (fd >= 0) closeSync(fd)
    throw new BackingError(`${where}: ${reasonOf(error)}`)
  }
  const why =
    path === undefined ? `temporary file in ${tmpdir()}${roomText(tmpdir())}, gone on close` : `${path}, kept on close`
  const backing = new MappedBacking('file', fd, size, whyText(why, options.refused), { where, cuttable: true, onClose })
  try {
    if (!holes) wipe(backing)
    return backing
  } catch (error) {
    backing.close()
    throw error
  }
}

/** What the file holds, in words. */
const heldText = (fd: number): string => {
  const first = Buffer.alloc(SB_SIZE)
  return famfsText(first.subarray(0, readSync(fd, first, 0, SB_SIZE, 0))) ?? 'holds data'
}

/** Make the first bytes a hole; false where the file system has none. */
const punch = (fd: number, size: number): boolean => {
  try {
    punchHole(fd, 0, size)
    return true
  } catch (error) {
    if (error instanceof SysError && error.code === 'EOPNOTSUPP') return false
    throw error
  }
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
