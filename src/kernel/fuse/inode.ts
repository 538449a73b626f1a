// fs/fuse/inode.c: INIT, mounting, inodes and their attributes (kernel.md 2.1, 2.12, 2.13).
import { Cell, down_write, kfn, max, min, type Step, step, up_write, wake_up_all } from '../../sim/index.ts'
import {
  EINVAL,
  ENOMEM,
  ENOTCONN,
  FUSE_KERNEL_VERSION,
  FUSE_ROOT_ID,
  fuse_init_out,
  hasInitFlag,
  type InitFlags,
  initFlagsInForce,
  type Values,
  viewOf,
} from '../../wire/index.ts'
import { dax_break_layout_final } from '../dax/layout.ts'
import { famfs_meta_free } from '../famfs/famfs_meta.ts'
import type { Kernel } from '../kernel.ts'
import { Dentry } from '../vfs/dcache.ts'
import { Inode, new_attr, S_IFDIR, type SuperBlock } from '../vfs/inode.ts'
import { evict_inodes } from '../vfs/iput.ts'
import { fuse_abort_conn } from './abort.ts'
import { FuseDev, fuse_conn_put } from './conn.ts'
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
import { fuse_has } from './iget.ts'
import { fuse_dir_operations } from './readdir.ts'
import { fuse_queue_forget, fuse_simple_background, fuse_simple_request } from './request.ts'
import { fuse_check_timeout, init_server_timeout } from './timeout.ts'

const MAX_READAHEAD = 0x20000
/** Most pages of one READ or WRITE. */
const FUSE_MAX_MAX_PAGES = 256

/** fuse_new_init() + fuse_send_init(): runs in the task that mounts; its capability is what counts (kernel.md 2.1). */
const fuse_send_init = kfn('fuse_send_init', function* (fm: fuse_mount): Step<void> {
  const { fc } = fm
  const { t } = fc.k.profile
  let { flags, flags2 } = t.init_flags
  const { profile } = fc.k
  // Nobody has famfs in FUSE where it is a file system of its own.
  const offered = profile.has('B24') || profile.has('B51') || fc.k.current.capable('CAP_SYS_RAWIO')
  if (t.kabi === null && offered) {
    if (t.dax_fmap_bit < 32) flags |= 1 << t.dax_fmap_bit
    else flags2 |= 1 << (t.dax_fmap_bit - 32)
  }
  fc.offered.poke({ flags, flags2 })
  yield* fuse_simple_background(fm, {
    op: fc.k.opcodes.op.INIT,
    nodeid: 0,
    arg: { major: FUSE_KERNEL_VERSION, minor: t.minor, max_readahead: MAX_READAHEAD, flags, flags2 },
    nocreds: true,
    force: true,
    end: process_init_reply,
  })
})

/** process_init_limits(): how many background requests there may be. */
const process_init_limits = (fc: fuse_conn, out: Values<typeof fuse_init_out>): void => {
  if (out.minor < 13) return
  if (out.max_background !== 0) fc.max_background.poke(out.max_background)
  if (out.congestion_threshold !== 0) fc.congestion_threshold.poke(out.congestion_threshold)
}

/** What the server granted. Nothing is asked of what was offered, but for DAX_FMAP. */
const process_init_flags = (fc: fuse_conn, out: Values<typeof fuse_init_out>): void => {
  // flags2 counts only with INIT_EXT; before 7.6 there are no flags.
  const granted: InitFlags = out.minor < 6 ? { flags: 0, flags2: 0 } : initFlagsInForce(out)
  fc.granted.poke(granted)
  fc.ra_bytes.poke(out.minor < 6 ? 0 : min(MAX_READAHEAD, out.max_readahead))
  if (fuse_has(fc, 'MAX_PAGES')) fc.max_pages.poke(min(FUSE_MAX_MAX_PAGES, max(out.max_pages, 1)))
  if (fuse_has(fc, 'REQUEST_TIMEOUT')) init_server_timeout(fc, out.request_timeout)
}

/** famfs is on: its semaphore is made, then the flag says so; with B55 the other way round. B51: the bit is another's. */
const famfs_init = kfn('famfs_init', function* (fc: fuse_conn): Step<void> {
  const { profile } = fc.k
  if (profile.has('B51')) return
  if (!profile.has('B55')) fc.made.set('famfs_devlist_sem', true)
  yield* fc.famfs_iomap.store(1)
  if (fc.made.has('famfs_devlist_sem')) return
  yield* step()
  fc.made.set('famfs_devlist_sem', true)
})

/** process_init_reply(): runs in whatever task writes the reply. A reply that is cut short counts as zeros from there on. */
const process_init_reply = kfn(
  'process_init_reply',
  function* (fm: fuse_mount, args: fuse_args, error: number): Step<void> {
    const { fc } = fm
    const { t } = fc.k.profile
    const body = new Uint8Array(fuse_init_out.size)
    if (error === 0) body.set(args.out!)
    const out = fuse_init_out.read(viewOf(body), 0)
    if (out.major === FUSE_KERNEL_VERSION) {
      process_init_limits(fc, out)
      process_init_flags(fc, out)
      fc.max_write.poke(max(4096, out.minor < 5 ? 0 : out.max_write))
      fc.minor.poke(out.minor)
      // The server cannot switch on what was not offered.
      if (
        hasInitFlag(fc.granted.peek(), t.dax_fmap_bit) &&
        hasInitFlag(initFlagsInForce(fc.offered.peek()), t.dax_fmap_bit)
      )
        yield* famfs_init(fc)
      fc.life.send('INIT_REPLY')
    } else fc.life.send('INIT_ERROR')
    yield* fc.initialized.smp_store_release(true)
    yield* wake_up_all(fc.blocked_waitq)
  },
)

/** fuse_evict_inode() and fuse_free_inode(): the map goes with the inode, and the server may forget the node. */
const fuse_evict_inode = kfn('fuse_evict_inode', function* (inode: Inode, forget: boolean): Step<void> {
  const fi = inode.fuse!
  const { fc } = fi
  const meta = fi.famfs_meta.peek()
  if (fc.inodes.get(fi.nodeid) === inode) fc.inodes.delete(fi.nodeid)
  if (fc.regular.size > 0) fc.regular.delete(inode.id)
  if (meta !== null) yield* dax_break_layout_final(inode)
  if (forget) yield* fuse_queue_forget(fc, fi.nodeid, fi.nlookup.peek())
  if (meta !== null) yield* famfs_meta_free(fc.k, meta)
})

/** open("/dev/fuse") */
export function fuse_dev_open(k: Kernel, o: { default_permissions?: boolean; destroy?: boolean } = {}): FuseDev {
  const ops = {
    dir: { i_op: fuse_dir_inode_operations, i_fop: fuse_dir_operations },
    file: { i_op: fuse_file_inode_operations, i_fop: fuse_file_operations },
    symlink: { i_op: fuse_symlink_inode_operations, i_fop: {} },
  }
  return new FuseDev(
    new fuse_conn(k, {
      default_permissions: o.default_permissions ?? true,
      destroy: o.destroy ?? false,
      ops,
      check_timeout: fuse_check_timeout,
    }),
  )
}

/** fuse_parse_param() of shadow=DIR, which the kernel keeps and shows and does not use: 0, -EINVAL (no such option), -ENOMEM. */
const fuse_parse_shadow = kfn('fuse_parse_shadow', function* (fc: fuse_conn, options: string): Step<number> {
  const given = options.split(',').find(o => o.startsWith('shadow='))
  if (given === undefined) return 0
  if (!fc.k.profile.t.shadow_option) return -EINVAL
  const shadow = yield* fc.k.kzalloc('fuse_conn shadow', given.length - 'shadow='.length + 1)
  if (shadow === null) return -ENOMEM
  fc.kept_options.set('shadow', shadow)
  return 0
})

/** mount -t fuse over `mountpoint` with the connection of `dev`. 0 or -errno. INIT goes out; nobody waits for its reply. */
export const fuse_mount_fs = kfn(
  'fuse_fill_super',
  function* (k: Kernel, dev: FuseDev, mountpoint: Dentry, s_id: string, s_options: string): Step<number> {
    const { fc, fm } = dev
    if (fm.sb !== null) return -EINVAL
    if (!fc.connected) return -ENOTCONN
    const rc = yield* fuse_parse_shadow(fc, s_options)
    if (rc < 0) return rc
    // fs_context_for_mount(), sget_fc(), fuse_get_root_inode(), d_make_root()
    for (const name of ['fs_context', 'super_block', 'fuse_inode', 'dentry']) if (k.enomem(name)) return -ENOMEM
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
      s_type: fc.destroy ? 'fuseblk' : 'fuse',
      s_id,
      s_options,
      s_root: d_root,
      nodev: true,
      fuse: fc,
      mnt_count: new Cell(k.m, 'mnt_count', 0),
      detached: new Cell(k.m, 'sb detached', false),
      kill: () => fuse_kill_sb(fm, mountpoint),
      umount_begin: () => fuse_abort_conn(fc),
      revalidate: d => fuse_revalidate(fm, d),
      still_valid: fuse_dentry_valid,
      statfs: () => fuse_statfs(fm),
      evict_inode: fuse_evict_inode,
    }
    d_root.d_sb = sb
    root.i_sb = sb
    fm.sb = sb
    mountpoint.mounted.poke(sb)
    // get_anon_bdev(): the lowest number that is free.
    const taken = k.supers.items.map(other => other.fuse?.dev.peek())
    let minor = 1
    while (taken.includes(minor)) minor++
    fc.dev.poke(minor)
    k.supers.push(sb)
    yield* fuse_send_init(fm)
    return 0
  },
)

/** fuse_send_destroy(): the server may tidy up, and the unmounter waits for it. */
const fuse_send_destroy = kfn('fuse_send_destroy', function* (fm: fuse_mount): Step<void> {
  const { fc } = fm
  if (fc.life.state !== 'connected') return
  yield* fuse_simple_request(fm, { op: fc.k.opcodes.op.DESTROY, nodeid: 0, nocreds: true, force: true })
})

/** umount(2): every inode goes without a FORGET, DESTROY is sent for fuseblk only, the connection closes (kernel.md 1.8). */
const fuse_kill_sb = kfn('fuse_kill_sb_anon', function* (fm: fuse_mount, mountpoint: Dentry): Step<void> {
  const { fc } = fm
  const sb = fm.sb!
  if (mountpoint.mounted.peek() === sb) mountpoint.mounted.poke(null)
  // fuse_mount_remove(): notifications under way are waited for, later ones find no inode. A lock that nobody has is not taken.
  if (fc.killsb.holders().length > 0) yield* down_write(fc.killsb)
  fc.dev.poke(0)
  if (fc.killsb.writer !== null) yield* up_write(fc.killsb)
  if (fc.destroy) yield* fuse_send_destroy(fm)
  yield* evict_inodes(sb)
  fc.k.supers.remove(sb)
  yield* fuse_abort_conn(fc)
  yield* fuse_conn_put(fc)
})
