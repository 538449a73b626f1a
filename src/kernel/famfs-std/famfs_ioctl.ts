// ioctl(2) on a file of the standalone famfs (fs/famfs/famfs_file.c, famfs_file_ioctl): giving it its map, and reading the map back.
// Locking: a map is published under inode_lock, i_private first; whoever reads without the lock may see it without the size (as R4).
import { kfn, Oops, type Step } from '../../sim/index.ts'
import {
  EEXIST,
  EINVAL,
  ENODEV,
  ENOTTY,
  encodeGetFmap,
  FAMFSIOC_FIRST,
  FAMFSIOC_FIRST_B01,
  type FileMap,
  famfs_extent,
  famfs_ioc_map,
  famfsioc,
  type UserMemory,
  viewOf,
} from '../../wire/index.ts'
import { type famfs_file_meta, SIMPLE_DAX_EXTENT } from '../famfs/famfs_kfmap.ts'
import { famfs_meta_free } from '../famfs/famfs_meta.ts'
import type { File } from '../vfs/file.ts'
import { type Inode, inode_lock, inode_unlock, S_DAX } from '../vfs/inode.ts'
import { fsi_of } from './famfs_internal.ts'
import { famfs_meta_alloc_v1, famfs_meta_alloc_v2 } from './famfs_meta.ts'

const IOC = famfsioc(FAMFSIOC_FIRST)
const IOC_B01 = famfsioc(FAMFSIOC_FIRST_B01)

/** copy_to_user(): 0, or how many bytes there is no room for. */
const copy_to_user = (arg: Uint8Array, bytes: Uint8Array): number => {
  arg.set(bytes.subarray(0, arg.length))
  return bytes.length > arg.length ? bytes.length - arg.length : 0
}

/** Put a map on its inode: 0, or -EEXIST when it has one meanwhile; the map is freed then. */
const publish = kfn('famfs_file_init_dax publish', function* (inode: Inode, meta: famfs_file_meta): Step<number> {
  const i_private = inode.i_private!
  yield* inode_lock(inode)
  const there = (yield* i_private.load()) !== null
  if (!there) {
    yield* i_private.store(meta)
    yield* inode.i_size.store(meta.file_size)
    const flags = yield* inode.i_flags.load()
    yield* inode.i_flags.store(flags | S_DAX)
  }
  yield* inode_unlock(inode)
  if (!there) return 0
  yield* famfs_meta_free(inode.k, meta)
  return -EEXIST
})

/** MAP_CREATE */
const famfs_file_init_dax_v1 = kfn('famfs_file_init_dax_v1', function* (inode: Inode, arg: Uint8Array): Step<number> {
  if (yield* fsi_of(inode).deverror.load()) return -ENODEV
  const meta = yield* famfs_meta_alloc_v1(inode.k, arg)
  return typeof meta === 'number' ? meta : yield* publish(inode, meta)
})

/** MAP_CREATE_V2 */
const famfs_file_init_dax_v2 = kfn(
  'famfs_file_init_dax_v2',
  function* (inode: Inode, arg: Uint8Array, user: UserMemory): Step<number> {
    if ((yield* inode.i_private!.load()) !== null) return -EEXIST
    if (yield* fsi_of(inode).deverror.load()) return -ENODEV
    const meta = yield* famfs_meta_alloc_v2(inode.k, arg, user)
    return typeof meta === 'number' ? meta : yield* publish(inode, meta)
  },
)

/** MAP_GET: sizes and counts; the extents themselves are MAP_GETEXT's. */
const map_get = kfn('FAMFSIOC_MAP_GET', function* (inode: Inode, arg: Uint8Array): Step<number> {
  const meta = yield* inode.i_private!.load()
  if (meta === null) return -EINVAL
  const b = new Uint8Array(famfs_ioc_map.size)
  const file_size = yield* inode.i_size.load()
  const ext_list_count = meta.fm_extent_type === SIMPLE_DAX_EXTENT ? meta.se.length : meta.ie.length
  famfs_ioc_map.write(viewOf(b), 0, { extent_type: meta.fm_extent_type, file_size, ext_list_count })
  return copy_to_user(arg, b)
})

/** What MAP_GETEXT and MAP_GET_V2 make of a file without a map: -EINVAL; S03: they do not look. */
const no_meta = (inode: Inode, fn: string): number => {
  if (inode.k.profile.has('S03')) throw new Oops(`NULL pointer dereference: meta in ${fn} (S03)`)
  return -EINVAL
}

/** MAP_GETEXT: of a simple map only. */
const map_getext = kfn('FAMFSIOC_MAP_GETEXT', function* (inode: Inode, arg: Uint8Array): Step<number> {
  const meta = yield* inode.i_private!.load()
  if (meta === null) return no_meta(inode, 'famfs_file_ioctl')
  if (meta.fm_extent_type !== SIMPLE_DAX_EXTENT) return -EINVAL
  const b = new Uint8Array(meta.se.length * famfs_extent.size)
  meta.se.forEach((e, i) => {
    famfs_extent.write(viewOf(b), i * famfs_extent.size, { offset: e.ext_offset, len: e.ext_len })
  })
  return copy_to_user(arg, b)
})

const extents_of = (se: famfs_file_meta['se']) =>
  se.map(e => ({ dev: e.dev_index, offset: e.ext_offset, len: e.ext_len }))

/** A map as it travels. */
const file_map_of = (meta: famfs_file_meta): FileMap => {
  const head = { fileSize: meta.file_size, fileType: meta.file_type }
  if (meta.fm_extent_type === SIMPLE_DAX_EXTENT) return { ...head, kind: 'simple', extents: extents_of(meta.se) }
  const groups = meta.ie.map(g => ({
    chunkSize: g.fie_chunk_size,
    nbytes: g.fie_nbytes,
    strips: extents_of(g.ie_strips),
  }))
  return { ...head, kind: 'interleaved', groups }
}

/** MAP_GET_V2: -EINVAL for more than one group of strips. */
const map_get_v2 = kfn('famfs_prepare_getmap_v2', function* (inode: Inode, arg: Uint8Array): Step<number> {
  const meta = yield* inode.i_private!.load()
  if (meta === null) return no_meta(inode, 'famfs_prepare_getmap_v2')
  if (meta.ie.length > 1) return -EINVAL
  return copy_to_user(arg, encodeGetFmap(file_map_of(meta)))
})

/** famfs_file_ioctl(): 0 or -errno: -ENODEV on a mount whose device failed, -ENOTTY for a number that is none of ours. */
export const famfs_file_ioctl = kfn(
  'famfs_file_ioctl',
  function* (file: File, cmd: number, arg: Uint8Array, user: UserMemory): Step<number> {
    const inode = file.f_inode
    const ioc = inode.k.profile.has('B01') ? IOC_B01 : IOC
    if (cmd === ioc.NOP) return 0
    if (yield* fsi_of(inode).deverror.load()) return -ENODEV
    if (cmd === ioc.MAP_CREATE) return yield* famfs_file_init_dax_v1(inode, arg)
    if (cmd === ioc.MAP_GET) return yield* map_get(inode, arg)
    if (cmd === ioc.MAP_GETEXT) return yield* map_getext(inode, arg)
    if (cmd === ioc.MAP_CREATE_V2) return yield* famfs_file_init_dax_v2(inode, arg, user)
    if (cmd === ioc.MAP_GET_V2) return yield* map_get_v2(inode, arg)
    return -ENOTTY
  },
)
