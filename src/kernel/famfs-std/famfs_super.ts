// Mounting and unmounting the standalone famfs, and what its device tells of failures (fs/famfs/famfs_inode.c: famfs_get_tree,
// famfs_kill_sb, famfs_dax_notify_failure). The source is the device: /dev/daxX.Y, or /dev/pmemN as in the posting of Feb 2024.
// Functions that the famfs in FUSE has by the same name are told apart as a backtrace does it, by their module: NAME [famfs].
// Locking: none of its own. A mount is the holder of its device by its superblock, so a second mount of the device is refused.
import {
  type dax_device,
  dax_holder,
  type dax_holder_operations,
  fs_dax_get,
  fs_dax_get_by_bdev,
  fs_put_dax,
  put_dax,
} from '../../devdax/index.ts'
import { Cell, kfn, Oops, type Step } from '../../sim/index.ts'
import { EACCES, EBUSY, EINVAL, ENODEV, ENOMEM, EOPNOTSUPP } from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import { Dentry } from '../vfs/dcache.ts'
import { type Inode, S_IFDIR, S_ISBLK, S_ISCHR, type StatFs, type SuperBlock } from '../vfs/inode.ts'
import { evict_inodes } from '../vfs/iput.ts'
import { kern_path, may_open_dev } from '../vfs/namei.ts'
import { famfs_evict_inode, famfs_get_inode } from './famfs_inode.ts'
import { FAMFS_DEFAULT_MODE, famfs_fs_info } from './famfs_internal.ts'

/** f_type of its mounts (kernel.md 1.6); the posting of Apr 2024 shows that of the superblock on the memory, ...ff, instead. */
const FAMFS_STATFS_MAGIC_V1 = 0x87b282fe
const PAGE_SIZE = 4096

/**
 * famfs_dax_notify_failure(): the whole mount is at an end, whatever of the device has failed. 0, dealt with, so nobody is unmapped
 * or killed (L02). S01: it only says so, and the mount goes on.
 */
const famfs_dax_notify_failure = kfn(
  'famfs_dax_notify_failure [famfs]',
  function* (dax_devp: dax_device, _off: number, _len: number, _mf_flags: number): Step<number> {
    const sb = (yield* dax_holder(dax_devp)) as SuperBlock | null
    const fsi = sb === null ? null : yield* sb.s_fs_info!.load()
    if (fsi === null) throw new Oops('NULL pointer dereference: sb->s_fs_info in famfs_dax_notify_failure')
    const { profile } = sb!.k
    if (!profile.has('S01')) yield* fsi.deverror.store(true)
    return profile.has('L02') ? 0 : -EOPNOTSUPP
  },
)

const famfs_dax_holder_ops: dax_holder_operations = { notify_failure: famfs_dax_notify_failure }

/** famfs_parse_param(): the mode of the root directory, or -EINVAL. What it does not know is passed over. */
const famfs_parse_options = (options: string): number => {
  let mode = FAMFS_DEFAULT_MODE
  for (const word of options.split(',')) {
    const [name, value = ''] = word.split('=')
    if (name !== 'mode') continue
    if (!/^[0-7]+$/.test(value)) return -EINVAL
    mode = Number.parseInt(value, 8) & 0o7777
  }
  return mode
}

/** lookup_daxdev(): the inode of the device, or what the walk says, -EINVAL (no device), -EACCES (nodev). */
const lookup_daxdev = kfn('lookup_daxdev', function* (k: Kernel, path: string): Step<Inode | number> {
  if (path === '') return -EINVAL
  const d = yield* kern_path(k, path, true)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if (!S_ISCHR(inode.i_mode) && !S_ISBLK(inode.i_mode)) return -EINVAL
  return may_open_dev(d) ? inode : -EACCES
})

/** Become the holder of the device behind a node: it, or -EBUSY for whatever reason, or -ENODEV (no dax device). */
const famfs_open_device = kfn('famfs_open_device', function* (sb: SuperBlock, node: Inode): Step<dax_device | number> {
  const { k } = sb
  if (S_ISBLK(node.i_mode)) {
    const dev = k.bus.byNumber(node.i_rdev)
    const pmem = dev === undefined ? null : yield* fs_dax_get_by_bdev(dev, sb, famfs_dax_holder_ops)
    return pmem ?? -ENODEV
  }
  const devp = k.profile.has('B40') ? k.bus.dax_dev_get(node.i_rdev) : k.bus.dax_dev_find(node.i_rdev)
  if (devp === null) return -ENODEV
  if ((yield* fs_dax_get(devp, sb, famfs_dax_holder_ops)) === 0) return devp
  if (!k.profile.has('B13')) yield* put_dax(devp) // the one of looking it up
  return -EBUSY
})

/** Give the device back. B13: the reference of looking it up is not. */
const close_device = kfn(
  'famfs_kill_sb device',
  function* (sb: SuperBlock, devp: dax_device, pmem: boolean): Step<void> {
    yield* fs_put_dax(devp, sb)
    if (!pmem && !sb.k.profile.has('B13')) yield* put_dax(devp)
  },
)

/** The superblock of a mount, which holds its device; or -errno, and nothing is held. */
const get_super = kfn(
  'famfs_get_tree super',
  function* (
    k: Kernel,
    fsi: famfs_fs_info,
    source: string,
    mountpoint: Dentry,
    words: string,
  ): Step<SuperBlock | number> {
    const node = yield* lookup_daxdev(k, source)
    if (typeof node === 'number') return node
    if (k.supers.items.some(s => s.s_dev === node.i_rdev)) return -EBUSY
    if (k.enomem('super_block')) return -ENOMEM
    const sb = famfs_fill_super(k, fsi, node, source, mountpoint, words)
    const devp = yield* famfs_open_device(sb, node)
    if (typeof devp === 'number') return devp
    yield* fsi.dax_devp.store(devp)
    // The root is made when the device is open already: famfs_get_inode(), d_make_root().
    if (!k.enomem('inode') && !k.enomem('dentry')) return sb
    yield* close_device(sb, devp, S_ISBLK(node.i_mode))
    return -ENOMEM
  },
)

/** famfs_get_tree(): mount -t famfs. 0, or -errno: -EBUSY when the device is mounted, or held. */
export const famfs_get_tree = kfn(
  'famfs_get_tree',
  function* (k: Kernel, source: string, mountpoint: Dentry, words: string): Step<number> {
    const mode = famfs_parse_options(words)
    if (mode < 0) return mode
    if (k.enomem('fs_context')) return -ENOMEM
    const alloc = yield* k.kzalloc('famfs_fs_info', 48)
    if (alloc === null) return -ENOMEM
    const sb = yield* get_super(k, new famfs_fs_info(k, mode, alloc), source, mountpoint, words)
    if (typeof sb === 'number') {
      yield* k.kfree(alloc)
      return sb
    }
    mountpoint.mounted.poke(sb)
    k.supers.push(sb)
    return 0
  },
)

/** The superblock with its root, which nobody sees yet. */
function famfs_fill_super(
  k: Kernel,
  fsi: famfs_fs_info,
  node: Inode,
  s_id: string,
  mountpoint: Dentry,
  words: string,
): SuperBlock {
  const flags = words.split(',').filter(w => w !== '' && !/^(mode|dax)=/.test(w))
  if (fsi.mode !== FAMFS_DEFAULT_MODE) flags.push(`mode=${fsi.mode.toString(8)}`)
  const s_root = new Dentry(k, '', mountpoint, null)
  const sb: SuperBlock = {
    k,
    s_type: 'famfs',
    s_id,
    s_options: flags.join(','),
    s_root,
    s_dev: node.i_rdev,
    s_fs_info: new Cell<famfs_fs_info | null>(k.m, 'sb->s_fs_info', fsi),
    nodev: flags.includes('nodev'),
    fuse: null,
    detached: new Cell(k.m, 'sb detached', false),
    mnt_count: new Cell(k.m, 'mnt_count', 0),
    kill: () => famfs_kill_sb(sb, mountpoint, S_ISBLK(node.i_mode)),
    statfs: simple_statfs,
    evict_inode: famfs_evict_inode,
  }
  s_root.d_sb = sb
  const root = famfs_get_inode(sb, S_IFDIR | fsi.mode, k.current.cred)
  s_root.d_inode.poke(root)
  root.i_count.poke(1)
  return sb
}

/** simple_statfs(): a magic number, and no blocks. */
const simple_statfs = kfn('simple_statfs', function* (): Step<StatFs> {
  const none = { blocks: 0, bfree: 0, bavail: 0, files: 0, ffree: 0 }
  return { type: FAMFS_STATFS_MAGIC_V1, bsize: PAGE_SIZE, ...none, namelen: 255, frsize: PAGE_SIZE }
})

/** famfs_kill_sb(): the device is given back before the inodes go. */
const famfs_kill_sb = kfn('famfs_kill_sb', function* (sb: SuperBlock, mountpoint: Dentry, pmem: boolean): Step<void> {
  const { k } = sb
  if (mountpoint.mounted.peek() === sb) mountpoint.mounted.poke(null)
  const fsi = (yield* sb.s_fs_info!.load())!
  const devp = yield* fsi.dax_devp.load()
  if (devp !== null) yield* close_device(sb, devp, pmem)
  yield* k.kfree(fsi.alloc)
  yield* sb.s_fs_info!.store(null)
  yield* evict_inodes(sb)
  k.supers.remove(sb)
})
