// From open (B11: LOOKUP) to an installed map: fuse_get_fmap() and famfs_file_init_dax() (kernel.md 2.3, 2.5).
// Where the buffer's size is in the request, a map that does not fit is asked for once more in one that it fits (B46: never).
// Nothing of ours is held while the server is asked; the race of two openers is settled by the cmpxchg under inode_lock.
import { kfn, Oops, type Op, type Step } from '../../sim/index.ts'
import { EEXIST, EFBIG, EINVAL, EIO, ENOMEM, fuse_famfs_fmap_header, viewOf } from '../../wire/index.ts'
import type { fuse_args, fuse_mount } from '../fuse/fuse_i.ts'
import { fuse_simple_request } from '../fuse/request.ts'
import type { Kernel } from '../kernel.ts'
import { mark } from '../marks.ts'
import { type Inode, inode_lock, inode_unlock, S_DAX, S_ISREG } from '../vfs/inode.ts'
import type { famfs_file_meta } from './famfs_kfmap.ts'
import { famfs_fuse_meta_alloc, famfs_meta_free } from './famfs_meta.ts'
import { famfs_update_daxdev_table } from './famfs_pull.ts'
import { famfs_check_daxdev_table } from './famfs_push.ts'

/** Ask the server for the file's map and install it. 0 or -errno: the server's, or that of a map the kernel refuses. */
export const fuse_get_fmap = kfn('fuse_get_fmap', function* (fm: fuse_mount, inode: Inode): Step<number> {
  const fi = inode.fuse!
  const { k } = fm.fc
  // Plain read: two openers may both find nothing and both ask (R1).
  const have = yield* fi.famfs_meta.load()
  if (have !== null) {
    mark(k.m, 'fuse_get_fmap', 'map there already')
    if (!k.profile.has('L13')) yield* famfs_revive(fm, have)
    return 0
  }
  const { profile } = k
  // The number that stat(2) shows is the server's node id only by chance (B56).
  const nodeid = profile.has('B56') ? inode.i_ino : fi.nodeid
  let room = profile.t.fmap_bufsize
  for (let again = false; ; again = true) {
    const buf = yield* k.kzalloc('fmap reply', room)
    if (buf === null) {
      mark(k.m, 'fuse_get_fmap', 'no memory')
      if (profile.has('B59')) throw new Oops('NULL pointer dereference: the buffer in fuse_get_fmap (B59)')
      return profile.has('B09') ? -EIO : -ENOMEM
    }
    const arg = profile.has('B46') ? undefined : { size: room }
    const args: fuse_args = { op: k.opcodes.op.GET_FMAP, nodeid, arg, room }
    const n = yield* fuse_simple_request(fm, args)
    if (n < 0) mark(k.m, 'fuse_get_fmap', 'server refused')
    const need = n < 0 ? n : fmap_room(k, args.out!)
    const whole = need >= 0 && need <= room
    const rc = whole ? yield* famfs_file_init_dax(fm, inode, args.out!) : need
    if (n >= 0 || !(profile.has('B08') || profile.has('B59'))) yield* k.kfree(buf)
    if (need <= room) return rc
    mark(k.m, 'fuse_get_fmap', 'map larger than the buffer')
    if (again) return -EINVAL
    room = need
  }
})

/** Bytes of buffer that this reply says its map wants; 0 when nobody asks. -EIO: no whole header; -EFBIG. */
const fmap_room = ({ profile }: Kernel, reply: Uint8Array): number => {
  if (profile.has('B46')) return 0
  const { fmap_size_in, fmap_max } = profile.t
  let size = 0
  if (fmap_size_in === 'header') {
    if (reply.length < fuse_famfs_fmap_header.size) return -EIO
    size = fuse_famfs_fmap_header.read(viewOf(reply), reply.byteOffset).fmap_size
  } else if (reply.length === 4) size = viewOf(reply).getUint32(reply.byteOffset, true)
  return size > fmap_max ? -EFBIG : size
}

/** The map comes with the name, whoever asked for it, and why it did not come is nobody's business (B11). */
export const fuse_lookup_fmap = kfn('fuse_lookup_fmap', function* (fm: fuse_mount, inode: Inode): Step<void> {
  if ((yield* fm.fc.famfs_iomap.load()) && S_ISREG(inode.i_mode)) yield* fuse_get_fmap(fm, inode)
})

/** See that the devices of a map are there: by asking for them, or by looking whether they were pushed. 0 or -errno. */
const famfs_devices = (fm: fuse_mount, meta: famfs_file_meta): Op<number> =>
  fm.fc.k.profile.t.daxdev === 'pull' ? famfs_update_daxdev_table(fm, meta) : famfs_check_daxdev_table(fm.fc, meta)

/** What a kernel without L13 does for a map it has: a device that was missing is looked for again at each open. */
const famfs_revive = kfn('famfs_revive', function* (fm: fuse_mount, meta: famfs_file_meta): Step<void> {
  if ((yield* famfs_devices(fm, meta)) === 0) yield* meta.error.store(false)
})

/**
 * Make this map the inode's, with i_rwsem held: false when it has one. The map goes in before size, flag and operations, so
 * that a reader without the lock may see it half done (R4, L27); without L27 it goes in last.
 */
const famfs_meta_set = kfn('famfs_meta_set', function* (inode: Inode, meta: famfs_file_meta): Step<boolean> {
  const { famfs_meta } = inode.fuse!
  const { profile } = inode.k
  const last = !profile.has('L27')
  const there = last ? yield* famfs_meta.load() : yield* famfs_meta.cmpxchg(null, meta)
  if (there !== null) return false
  yield* inode.i_size.store(meta.file_size)
  const flags = yield* inode.i_flags.load()
  yield* inode.i_flags.store(flags | S_DAX)
  if (profile.t.famfs_aops) yield* inode.i_mapping.a_ops.store('famfs_dax_aops')
  if (last) yield* famfs_meta.smp_store_release(meta)
  return true
})

/**
 * Parse the map, see to its devices, publish it on the inode. The loser of a race frees its own and succeeds; with B16 it
 * fails with -EEXIST, with B06 it does and keeps the lock.
 */
export const famfs_file_init_dax = kfn(
  'famfs_file_init_dax',
  function* (fm: fuse_mount, inode: Inode, reply: Uint8Array): Step<number> {
    const fi = inode.fuse!
    const { k } = fm.fc
    if ((yield* fi.famfs_meta.load()) !== null) {
      mark(k.m, 'famfs_file_init_dax', 'map there meanwhile (R1)')
      return k.profile.has('B16') ? -EEXIST : 0
    }
    const meta = yield* famfs_fuse_meta_alloc(k, reply)
    if (typeof meta === 'number') {
      mark(k.m, 'famfs_file_init_dax', 'map refused')
      return meta
    }
    // What goes wrong with the devices shows at access, never at open (oracle daxdev.bad.*); with B15 nobody is told.
    if ((yield* famfs_devices(fm, meta)) !== 0 && !k.profile.has('B15')) yield* meta.error.store(true)
    yield* inode_lock(inode)
    const won = yield* famfs_meta_set(inode, meta)
    if (won || !k.profile.has('B06')) yield* inode_unlock(inode)
    if (won) return 0
    mark(k.m, 'famfs_file_init_dax', 'lost the cmpxchg (R1)')
    yield* famfs_meta_free(k, meta)
    return k.profile.has('B06') || k.profile.has('B16') ? -EEXIST : 0
  },
)
