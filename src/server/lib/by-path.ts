// Superblock and log of the file system that a path lies in: found by going up to the directory with the meta file, mapped, checked
// as the library does (userspace.md c.2, c.5). Stale data: the log is invalidated, the superblock is not (Q36).
import { O_RDONLY, S_ISDIR, S_ISREG, type Sys } from '../../kernel/index.ts'
import {
  decodeLogHeader,
  decodeSuperblock,
  LOG_HEADER_SIZE,
  type LogHeader,
  SB_SIZE,
  type Superblock,
  type SuperblockCheck,
} from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { ENOENT } from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { invalidate_processor_cache } from './cache.ts'
import { type Mapped, mmap_fd } from './map-file.ts'
import { dirname, realpath } from './path.ts'

export const SUPERBLOCK_PATH = '.meta/.superblock'
export const LOG_PATH = '.meta/.log'

/** A meta file that was found: open, its size in bytes, and the directory that holds .meta, which is the mount point. */
export interface MetaFile {
  readonly fd: number
  readonly size: number
  readonly mpt: string
}

/** find_real_parent_path(): the part of a path that exists, resolved. */
const real_parent = kfn('find_real_parent_path', function* (sys: Sys, path: string): Step<string> {
  for (let p = path; ; p = dirname(p)) {
    const real = yield* realpath(sys, p)
    if (real.rc === 0) return real.path!
  }
})

/** Open `relpath` of the file system that `path` lies in; the path need not exist. -ENOENT: it lies in none. */
export const open_relpath = kfn(
  '__open_relpath',
  function* (sys: Sys, path: string, relpath: string, flags: number): Step<MetaFile | number> {
    for (let dir = yield* real_parent(sys, path); dir !== '/'; dir = dirname(dir)) {
      const here = yield* sys.stat(dir)
      if (typeof here === 'number') return here
      if (!S_ISDIR(here.mode)) continue
      const st = yield* sys.stat(`${dir}/${relpath}`)
      if (typeof st === 'number' || !S_ISREG(st.mode)) continue
      const fd = yield* sys.open(`${dir}/${relpath}`, flags)
      return fd < 0 ? fd : { fd, size: st.size, mpt: dir }
    }
    return -ENOENT
  },
)

/** A meta file of the file system that `path` lies in, mapped to be read; null after a line. `what` is what it holds. */
const map_meta = kfn('famfs_map_meta', function* (p: Proc, path: string, relpath: string, what: string): Step<
  (Mapped & { readonly mpt: string }) | null
> {
  const found = yield* open_relpath(p.sys, path, relpath, O_RDONLY)
  if (typeof found === 'number') {
    p.err(`cannot open the ${what} of the famfs that ${path} lies in; is it on a mounted famfs?`)
    return null
  }
  const { fd, mpt } = found
  const map = yield* mmap_fd(p.sys, fd, false)
  if (typeof map !== 'number') return { ...map, mpt }
  p.err(`${mpt}/${relpath}: cannot be mapped`)
  return null
})

/** What is wrong with a superblock, in a line. */
export const superblock_why = (check: SuperblockCheck & { ok: false }): string =>
  check.code === 1 ? `${check.why}: the file system is not of this library's format` : check.why

/** A mapped superblock that was checked, and the mount point it was found at. */
export interface SuperblockMap extends Mapped {
  readonly sb: Superblock
  readonly mpt: string
}

/** famfs_map_superblock_by_path(): null after a line on what is wrong. It is invalidated first unless Q36 is there. */
export const map_superblock_by_path = kfn(
  'famfs_map_superblock_by_path',
  function* (p: Proc, path: string): Step<SuperblockMap | null> {
    const { sys } = p
    const map = yield* map_meta(p, path, SUPERBLOCK_PATH, 'superblock')
    if (map === null) return null
    if (!p.site.server.has('Q36')) yield* invalidate_processor_cache(sys, map.addr, map.len)
    const bytes = new Uint8Array(SB_SIZE)
    yield* sys.load(map.addr, bytes)
    const check = decodeSuperblock(bytes)
    if (check.ok) return { ...map, sb: check.sb }
    p.err(`${map.mpt}/${SUPERBLOCK_PATH}: invalid superblock: ${superblock_why(check)}`)
    yield* sys.munmap(map.addr, map.len)
    return null
  },
)

/** A mapped log with a header that was checked, and the mount point it was found at. */
export interface LogMap extends Mapped {
  readonly header: LogHeader
  readonly mpt: string
}

/** famfs_map_log_by_path(): null after a line on what is wrong. The whole file is invalidated first. */
export const map_log_by_path = kfn('famfs_map_log_by_path', function* (p: Proc, path: string): Step<LogMap | null> {
  const { sys } = p
  const map = yield* map_meta(p, path, LOG_PATH, 'log')
  if (map === null) return null
  yield* invalidate_processor_cache(sys, map.addr, map.len)
  const bytes = new Uint8Array(LOG_HEADER_SIZE)
  yield* sys.load(map.addr, bytes)
  const check = decodeLogHeader(bytes)
  if (check.ok && check.header.logLen === map.len) return { ...map, header: check.header }
  p.err(
    check.ok
      ? `${map.mpt}/${LOG_PATH}: its length ${map.len} is not that of its header, ${check.header.logLen}`
      : check.why,
  )
  yield* sys.munmap(map.addr, map.len)
  return null
})
