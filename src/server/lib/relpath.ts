// The path of a file to be, relative to the mount point, as the log will have it.
import { S_ISDIR } from '../../kernel/index.ts'
import { textBytes } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { ENOTDIR } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { basename, dirname, realpath } from './path.ts'

/** A path that starts at the root. */
export const absolute = (p: Proc, path: string): string =>
  path.startsWith('/') ? path : `${p.sys.getcwd().replace(/\/$/, '')}/${path}`

/**
 * The path below `mpt`, or null after a line. The real one takes what follows the mount point in the text it was given (Q15), so
 * doubled slashes and dots stay in it; the other resolves the directory first.
 */
export const relpath_of = kfn('famfs_relpath_from_fullpath', function* (p: Proc, mpt: string, path: string): Step<
  string | null
> {
  let full = absolute(p, path)
  if (!p.site.server.has('Q15')) {
    const dir = yield* realpath(p.sys, dirname(full))
    if (dir.rc !== 0) {
      p.err(`${path}: its directory is not there`)
      return null
    }
    full = `${dir.path === '/' ? '' : dir.path}/${basename(full)}`
  }
  if (full.startsWith(`${mpt}/`)) return full.slice(mpt.length + 1)
  p.err(`${path}: not below the mount point ${mpt}`)
  return null
})

/** 0 when the directory of this path is one, else -errno after a line: whoever logs first must be able to make it then. */
export const in_directory = kfn('directory of a new file', function* (p: Proc, path: string): Step<number> {
  const st = yield* p.sys.stat(dirname(path))
  if (typeof st !== 'number' && S_ISDIR(st.mode)) return 0
  p.err(`${path}: its directory is ${typeof st === 'number' ? 'not there' : 'a file'}`)
  return typeof st === 'number' ? st : -ENOTDIR
})

/** Longest path the log holds, bytes. */
export const RELPATH_MAX = 79

/** Does the log hold this path whole? */
export const fits_log = (relpath: string): boolean => textBytes(relpath) <= RELPATH_MAX

/** What of it the log holds: its first 79 bytes. */
export function cut_for_log(relpath: string): string {
  let cut = relpath
  while (!fits_log(cut)) cut = cut.slice(0, -1)
  return cut
}

/** Names that belong to the file system itself; files among them break every new shadow tree. */
export const is_meta = (relpath: string): boolean => relpath === '.meta' || relpath.startsWith('.meta/')
