// From open to an installed map: fuse_get_fmap() and famfs_file_init_dax() (kernel.md 2.3, 2.5).
// Where the buffer's size is in the request, a map that does not fit is asked for once more in one that it fits.
// Nothing of ours is held while the server is asked; the race of two openers is settled by the cmpxchg under inode_lock.
import type { KernelTable } from '../../profile/index.ts'
import { kfn, type Step } from '../../sim/index.ts'
import { EFBIG, EINVAL, EIO, ENOMEM, fuse_famfs_fmap_header, viewOf } from '../../wire/index.ts'
import { fuse_simple_request } from '../fuse/dev.ts'
import type { fuse_args, fuse_mount } from '../fuse/fuse_i.ts'
import { mark } from '../marks.ts'
import { type Inode, inode_lock, inode_unlock, S_DAX } from '../vfs/inode.ts'
import { famfs_fuse_meta_alloc, famfs_meta_free } from './famfs_meta.ts'
import { famfs_update_daxdev_table } from './famfs_pull.ts'
import { famfs_check_daxdev_table } from './famfs_push.ts'

/** Ask the server for the file's map and install it. 0 or -errno: the server's, or that of a map the kernel refuses. */
export const fuse_get_fmap = kfn('fuse_get_fmap', function* (fm: fuse_mount, inode: Inode): Step<number> {
  const fi = inode.fuse!
  const { k } = fm.fc
  // Plain read: two openers may both find nothing and both ask (R1).
  if ((yield* fi.famfs_meta.load()) !== null) {
    mark(k.m, 'fuse_get_fmap', 'map there already')
    return 0
  }
  const { t } = k.profile
  let room = t.fmap_bufsize
  for (let again = false; ; again = true) {
    const buf = yield* k.kzalloc('fmap reply', room)
    if (buf === null) {
      mark(k.m, 'fuse_get_fmap', 'no memory')
      return -ENOMEM
    }
    const arg = t.fmap_sized === null ? undefined : { size: room }
    const args: fuse_args = { op: k.opcodes.op.GET_FMAP, nodeid: fi.nodeid, arg, room }
    const n = yield* fuse_simple_request(fm, args)
    if (n < 0) mark(k.m, 'fuse_get_fmap', 'server refused')
    const need = n < 0 ? n : fmap_room(t, args.out!)
    const whole = need >= 0 && need <= room
    const rc = whole ? yield* famfs_file_init_dax(fm, inode, args.out!) : need
    if (n >= 0 || !k.profile.has('B08')) yield* k.kfree(buf)
    if (need <= room) return rc
    mark(k.m, 'fuse_get_fmap', 'map larger than the buffer')
    if (again) return -EINVAL
    room = need
  }
})

/** Bytes of buffer that this reply says its map wants; 0 when nobody asks. -EIO: no whole header; -EFBIG. */
const fmap_room = ({ fmap_sized }: KernelTable, reply: Uint8Array): number => {
  if (fmap_sized === null) return 0
  if (reply.length < fuse_famfs_fmap_header.size) return -EIO
  const { fmap_size } = fuse_famfs_fmap_header.read(viewOf(reply), reply.byteOffset)
  return fmap_size > fmap_sized ? -EFBIG : fmap_size
}

/** Parse the map, see to its devices, publish it on the inode. The loser of a race frees its own and succeeds. */
export const famfs_file_init_dax = kfn(
  'famfs_file_init_dax',
  function* (fm: fuse_mount, inode: Inode, reply: Uint8Array): Step<number> {
    const fi = inode.fuse!
    const { k } = fm.fc
    if ((yield* fi.famfs_meta.load()) !== null) {
      mark(k.m, 'famfs_file_init_dax', 'map there meanwhile (R1)')
      return 0
    }
    const meta = yield* famfs_fuse_meta_alloc(k, reply)
    if (typeof meta === 'number') {
      mark(k.m, 'famfs_file_init_dax', 'map refused')
      return meta
    }
    // What goes wrong with the devices shows at access, never at open (oracle daxdev.bad.*).
    if (k.profile.t.daxdev === 'pull') yield* famfs_update_daxdev_table(fm, meta)
    else if ((yield* famfs_check_daxdev_table(fm.fc, meta)) !== 0) yield* meta.error.store(true)
    yield* inode_lock(inode)
    const won = (yield* fi.famfs_meta.cmpxchg(null, meta)) === null
    if (won) {
      // Published before size, flag and operations: a reader without the lock may see it half done (R4).
      yield* inode.i_size.store(meta.file_size)
      const flags = yield* inode.i_flags.load()
      yield* inode.i_flags.store(flags | S_DAX)
      if (k.profile.t.famfs_aops) yield* inode.i_mapping.a_ops.store('famfs_dax_aops')
    }
    yield* inode_unlock(inode)
    if (!won) {
      mark(k.m, 'famfs_file_init_dax', 'lost the cmpxchg (R1)')
      yield* famfs_meta_free(k, meta)
    }
    return 0
  },
)
