// fs/fuse/inode.c: INIT, mounting, inodes and their attributes (kernel.md 2.1, 2.12, 2.13).
import { Cell, kfn, max, type Step, wake_up_all } from '../../sim/index.ts'
import {
  EINVAL,
  ENOTCONN,
  FUSE_KERNEL_VERSION,
  FUSE_ROOT_ID,
  fuse_init_out,
  hasInitFlag,
  type InitFlags,
  initFlagsInForce,
  viewOf,
} from '../../wire/index.ts'
import { dax_delete_mapping_entries } from '../dax/dax.ts'
import { famfs_meta_free } from '../famfs/famfs_meta.ts'
import type { Kernel } from '../kernel.ts'
import { Dentry } from '../vfs/dcache.ts'
import { Inode, new_attr, S_IFDIR, type SuperBlock } from '../vfs/inode.ts'
import { evict_inodes } from '../vfs/iput.ts'
import { FuseDev, fuse_conn_put } from './conn.ts'
import { fuse_abort_conn, fuse_queue_forget, fuse_simple_background } from './dev.ts'
import {
  fuse_dentry_valid,
  fuse_dir_inode_operations,
  fuse_file_inode_operations,
  fuse_revalidate,
  fuse_statfs,
  fuse_symlink_inode_operations,
} from './dir.ts'
import { fuse_file_operations } from './file.ts'
import { type fuse_args, fuse_conn, type fuse_mount } from './fuse_i.ts'
import { fuse_inode } from './fuse_inode.ts'
import { fuse_dir_operations } from './readdir.ts'

const MAX_READAHEAD = 0x20000
/** fuse_new_init() + fuse_send_init(): runs in the task that mounts; its capability is what counts (kernel.md 2.1). */
const fuse_send_init = kfn('fuse_send_init', function* (fm: fuse_mount): Step<void> {
  const { fc } = fm
  const { t } = fc.k.profile
  let { flags, flags2 } = t.init_flags
  if (fc.k.profile.has('B24') || fc.k.current.capable('CAP_SYS_RAWIO')) {
    if (t.dax_fmap_bit < 32) flags |= 1 << t.dax_fmap_bit
    else flags2 |= 1 << (t.dax_fmap_bit - 32)
  }
  fc.offered.poke({ flags, flags2 })
  yield* fuse_simple_background(fm, {
    op: fc.k.opcodes.op.INIT,
    nodeid: 0,
    arg: { major: FUSE_KERNEL_VERSION, minor: t.minor, max_readahead: MAX_READAHEAD, flags, flags2 },
    nocreds: true,
    end: process_init_reply,
  })
})

/** process_init_reply(): runs in whatever task writes the reply. */
const process_init_reply = kfn(
  'process_init_reply',
  function* (fm: fuse_mount, args: fuse_args, error: number): Step<void> {
    const { fc } = fm
    const { t } = fc.k.profile
    const body = args.out
    if (error === 0 && body !== undefined && body.length >= fuse_init_out.size) {
      const out = fuse_init_out.read(viewOf(body), body.byteOffset)
      if (out.major === FUSE_KERNEL_VERSION) {
        // flags2 counts only with INIT_EXT; the server cannot switch on what was not offered.
        const granted: InitFlags = initFlagsInForce(out)
        fc.granted.poke(granted)
        fc.max_write.poke(max(4096, out.max_write))
        fc.minor.poke(out.minor)
        if (hasInitFlag(granted, t.dax_fmap_bit) && hasInitFlag(initFlagsInForce(fc.offered.peek()), t.dax_fmap_bit))
          yield* fc.famfs_iomap.store(1)
        fc.life.send('INIT_REPLY')
      }
    }
    if (fc.life.state !== 'connected') yield* fuse_abort_conn(fc)
    yield* fc.initialized.smp_store_release(true)
    yield* wake_up_all(fc.blocked_waitq)
  },
)

/** fuse_evict_inode() and fuse_free_inode(): the map goes with the inode, and the server may forget the node. */
const fuse_evict_inode = kfn('fuse_evict_inode', function* (inode: Inode, forget: boolean): Step<void> {
  const fi = inode.fuse!
  const { fc } = fi
  const meta = fi.famfs_meta.peek()
  if (meta !== null) dax_delete_mapping_entries(inode.i_mapping)
  fc.inodes.delete(fi.nodeid)
  if (forget) yield* fuse_queue_forget(fc, fi.nodeid, fi.nlookup.peek())
  if (meta !== null) yield* famfs_meta_free(fc.k, meta)
})

/** open("/dev/fuse") */
export function fuse_dev_open(k: Kernel, o: { default_permissions?: boolean } = {}): FuseDev {
  const ops = {
    dir: { i_op: fuse_dir_inode_operations, i_fop: fuse_dir_operations },
    file: { i_op: fuse_file_inode_operations, i_fop: fuse_file_operations },
    symlink: { i_op: fuse_symlink_inode_operations, i_fop: {} },
  }
  return new FuseDev(new fuse_conn(k, { default_permissions: o.default_permissions ?? true, ops }))
}

/** mount -t fuse over `mountpoint` with the connection of `dev`. 0 or -errno. INIT goes out; nobody waits for its reply. */
export const fuse_mount_fs = kfn(
  'fuse_fill_super',
  function* (k: Kernel, dev: FuseDev, mountpoint: Dentry, s_id: string, s_options: string): Step<number> {
    const { fc, fm } = dev
    if (fm.sb !== null) return -EINVAL
    if (!fc.connected) return -ENOTCONN
    const root = new Inode(k, 1, new_attr(S_IFDIR | 0o755, 2, k.m.clock()), {
      i_op: fuse_dir_inode_operations,
      i_fop: fuse_dir_operations,
    })
    root.fuse = new fuse_inode(k, fm, FUSE_ROOT_ID)
    root.fuse.nlookup.poke(1)
    fc.inodes.set(FUSE_ROOT_ID, root)
    const d_root = new Dentry(k, '', mountpoint, root)
    const sb: SuperBlock = {
      k,
      s_type: 'fuse',
      s_id,
      s_options,
      s_root: d_root,
      nodev: true,
      fuse: fc,
      detached: new Cell(k.m, 'sb detached', false),
      kill: () => fuse_kill_sb(fm, mountpoint),
      revalidate: d => fuse_revalidate(fm, d),
      still_valid: fuse_dentry_valid,
      statfs: () => fuse_statfs(fm),
      evict_inode: fuse_evict_inode,
    }
    d_root.d_sb = sb
    root.i_sb = sb
    fm.sb = sb
    mountpoint.mounted.poke(sb)
    k.supers.push(sb)
    yield* fuse_send_init(fm)
    return 0
  },
)

/** umount(2): every inode goes without a FORGET, no DESTROY is sent, the connection closes (kernel.md 1.8). */
const fuse_kill_sb = kfn('fuse_kill_sb_anon', function* (fm: fuse_mount, mountpoint: Dentry): Step<void> {
  const { fc } = fm
  const sb = fm.sb!
  if (mountpoint.mounted.peek() === sb) mountpoint.mounted.poke(null)
  yield* evict_inodes(sb)
  fc.k.supers.remove(sb)
  yield* fuse_abort_conn(fc)
  yield* fuse_conn_put(fc)
})
