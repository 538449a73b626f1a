// Files of a standalone famfs: made empty in the mount itself, then given their map by an ioctl (userspace.md i.5); and the two meta
// files, which stand for the superblock and the log.
import { O_CREAT, O_RDONLY, O_RDWR, S_ISREG, type Sys } from '../../kernel/index.ts'
import { type Fmap, LOG_OFFSET, SB_AREA } from '../../media/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import {
  decodeGetFmap,
  EEXIST,
  EINVAL,
  ENOTDIR,
  encodeMapCreate,
  encodeMapCreateV2,
  errnoName,
  FAMFS_LOG,
  FAMFS_REG,
  FAMFS_SUPERBLOCK,
  type FileMap,
  famfs_ioc_get_fmap_size,
  famfs_ioc_map,
} from '../../wire/index.ts'
import type { Proc } from '../proc.ts'
import { LOG_PATH, SUPERBLOCK_PATH } from './by-path.ts'
import type { NewAttr } from './mkfile.ts'
import { ioctls_of } from './mode.ts'

const NOTHING = new Uint8Array(0)

/** famfs_file_create(): an empty file, open for reading and writing, its owner set when neither id is root's; or -errno. */
export const famfs_file_create = kfn(
  'famfs_file_create',
  function* (sys: Sys, path: string, attr: NewAttr): Step<number> {
    const fd = yield* sys.open(path, O_RDWR | O_CREAT, attr.mode)
    if (fd >= 0 && attr.uid !== 0 && attr.gid !== 0) yield* sys.chown(path, attr.uid, attr.gid)
    return fd
  },
)

/** A logged map as the kernel takes it: the one group of a striped file covers the file. */
const file_map = (size: number, fmap: Fmap): FileMap =>
  fmap.kind === 'simple'
    ? { fileSize: size, fileType: FAMFS_REG, kind: 'simple', extents: fmap.extents }
    : {
        fileSize: size,
        fileType: FAMFS_REG,
        kind: 'interleaved',
        groups: [{ chunkSize: fmap.chunkSize, nbytes: size, strips: fmap.strips }],
      }

/** famfs_v2_set_file_map(): MAP_CREATE_V2, 0 or -errno. */
export const set_file_map = kfn(
  'famfs_v2_set_file_map',
  function* (p: Proc, fd: number, size: number, fmap: Fmap): Step<number> {
    const { arg, user } = encodeMapCreateV2(file_map(size, fmap))
    return yield* p.sys.ioctl(fd, ioctls_of(p.sys).MAP_CREATE_V2, arg, user)
  },
)

/** A file with its map, open; or -errno after a line, and then no file is left. */
export const create_mapped = kfn(
  'famfs_create_mapped',
  function* (p: Proc, path: string, size: number, fmap: Fmap, attr: NewAttr): Step<number> {
    const { sys } = p
    const fd = yield* famfs_file_create(sys, path, attr)
    if (fd < 0) {
      p.err(`${path}: cannot be made (${errnoName(-fd)})`)
      return fd
    }
    const rc = yield* set_file_map(p, fd, size, fmap)
    if (rc === 0) return fd
    p.err(`${path}: failed MAP_CREATE (${rc < 0 ? errnoName(-rc) : `${rc} bytes not read`})`)
    yield* sys.close(fd)
    yield* sys.unlink(path)
    return rc < 0 ? rc : -EINVAL
  },
)

/** The map of a file, as a log would hold it; null when it has none. */
export const mapped_fmap = kfn('famfs_mapped_fmap', function* (sys: Sys, path: string): Step<Fmap | null> {
  const got = yield* get_file_map(sys, path)
  const map = typeof got === 'number' || !got.famfs ? null : got.map
  if (map === null || map.kind === 'simple') return map && { kind: 'simple', extents: map.extents }
  const [g] = map.groups
  return { kind: 'interleaved', chunkSize: g!.chunkSize, strips: g!.strips }
})

/** How a file stands to the standalone famfs: of it and with a map, without one, or none of it. -errno when it cannot be opened. */
export type V1Map = { readonly famfs: false } | { readonly famfs: true; readonly map: FileMap | null }

/** What MAP_GET_V2 says of a file, asked when MAP_GET says that there is a map. */
export const get_file_map = kfn('famfs_get_file_map', function* (sys: Sys, path: string): Step<V1Map | number> {
  const ioc = ioctls_of(sys)
  const fd = yield* sys.open(path, O_RDONLY)
  if (fd < 0) return fd
  const famfs = (yield* sys.ioctl(fd, ioc.NOP, NOTHING)) === 0
  const there = famfs && (yield* sys.ioctl(fd, ioc.MAP_GET, new Uint8Array(famfs_ioc_map.size))) === 0
  const b = new Uint8Array(famfs_ioc_get_fmap_size)
  const got = there && (yield* sys.ioctl(fd, ioc.MAP_GET_V2, b)) === 0
  yield* sys.close(fd)
  return famfs ? { famfs, map: got ? decodeGetFmap(b) : null } : { famfs }
})

/** A meta file, mapped with MAP_CREATE as its maker always did: 0 or -errno after a line. One that is there stays. */
const meta_file = kfn(
  '__famfs_mkmeta',
  function* (p: Proc, path: string, mode: number, type: number, offset: number, len: number): Step<number> {
    const { sys } = p
    const st = yield* sys.stat(path)
    if (typeof st !== 'number' && S_ISREG(st.mode) && st.size === len) return 0
    const fd = yield* famfs_file_create(sys, path, { mode, uid: 0, gid: 0 })
    if (fd < 0) {
      p.err(`${path}: cannot be made (${errnoName(-fd)})`)
      return fd
    }
    const arg = encodeMapCreate(len, [{ dev: 0, offset, len }], type)
    const rc = yield* sys.ioctl(fd, ioctls_of(sys).MAP_CREATE, arg)
    yield* sys.close(fd)
    if (rc < 0) p.err(`${path}: failed MAP_CREATE (${errnoName(-rc)})`)
    return rc
  },
)

/** __famfs_mkmeta_superblock() */
export const mkmeta_superblock = kfn('__famfs_mkmeta_superblock', function* (p: Proc, mpt: string): Step<number> {
  const made = yield* p.sys.mkdir(`${mpt}/.meta`, 0o755)
  if (made < 0 && made !== -EEXIST) {
    p.err(`${mpt}/.meta: cannot be made (${errnoName(made === -ENOTDIR ? ENOTDIR : -made)})`)
    return made
  }
  return yield* meta_file(p, `${mpt}/${SUPERBLOCK_PATH}`, 0o444, FAMFS_SUPERBLOCK, 0, SB_AREA)
})

/** __famfs_mkmeta_log() */
export const mkmeta_log = kfn(
  '__famfs_mkmeta_log',
  function* (p: Proc, mpt: string, len: number, owner: boolean): Step<number> {
    return yield* meta_file(p, `${mpt}/${LOG_PATH}`, owner ? 0o644 : 0o444, FAMFS_LOG, LOG_OFFSET, len)
  },
)
