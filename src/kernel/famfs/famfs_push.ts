// Devices that the server pushes: an ioctl on /dev/fuse gives an open device an index; a map that names an index nobody
// pushed makes a file that opens and cannot be used (kernel.md 1.3, 2.5, 2.6, the later trees).
// Locking: see famfs_devlist.ts.
import { dax_holder, fs_dax_get, fs_put_dax, put_dax } from '../../devdax/index.ts'
import { down_read, down_write, kfn, type Step, smp_wmb, up_read, up_write } from '../../sim/index.ts'
import { EBADF, EBUSY, EINVAL, EIO, ENODEV, ENOMEM, EOPNOTSUPP, EPERM } from '../../wire/index.ts'
import { PUSHED } from '../events.ts'
import type { fuse_conn } from '../fuse/fuse_i.ts'
import { mark } from '../marks.ts'
import { fdget } from '../vfs/file.ts'
import { type Inode, S_ISCHR } from '../vfs/inode.ts'
import { devlist_sem, famfs_dax_devlist_get, famfs_fuse_dax_holder_ops } from './famfs_devlist.ts'
import type { famfs_daxdev, famfs_file_meta } from './famfs_kfmap.ts'

/**
 * Has every device the map names been pushed? 0, -ENODEV (one has not), -ENOMEM. One that was pushed and could not be had
 * counts as there: its file opens like any other and fails at access.
 */
export const famfs_check_daxdev_table = kfn(
  'famfs_check_daxdev_table',
  function* (fc: fuse_conn, meta: famfs_file_meta): Step<number> {
    const table = yield* famfs_dax_devlist_get(fc)
    if (table === null) return -ENOMEM
    let missing = 0
    yield* down_read(devlist_sem(fc))
    for (const index of meta.dev_bitmap) {
      const dd = table.slot(index)
      if (!(yield* dd.valid.load()) && !(yield* dd.dax_err.load())) missing++
    }
    yield* up_read(fc.famfs_devlist_sem)
    if (missing > 0) mark(fc.k.m, 'famfs_check_daxdev_table', 'device missing')
    return missing > 0 ? -ENODEV : 0
  },
)

/**
 * FUSE_DEV_IOC_DAXDEV_OPEN: the device behind descriptor `fd` of the caller becomes number `index`. 0, or -EOPNOTSUPP (no
 * famfs here), -EBADF, -EINVAL (no character device, no such index), -ENOMEM, or what installing it said. The descriptor
 * tells the device number and is not kept. No capability is looked at (L24; without it -EPERM).
 */
export const famfs_daxdev_open = kfn(
  'famfs_daxdev_open',
  function* (fc: fuse_conn, fd: number, index: number): Step<number> {
    if (!(yield* fc.famfs_iomap.load())) return -EOPNOTSUPP
    if (!fc.k.profile.has('L24') && !fc.k.current.capable('CAP_SYS_RAWIO')) return -EPERM
    const file = fdget(fc.k.current, fd)
    if (typeof file === 'number') return -EBADF
    const inode = file.f_inode
    if (!S_ISCHR(inode.i_mode)) return -EINVAL
    const table = yield* famfs_dax_devlist_get(fc)
    if (table === null) return -ENOMEM
    if (index >= table.nslots) return -EINVAL
    yield* down_write(devlist_sem(fc))
    const rc = yield* famfs_install_daxdev(fc, table.slot(index), inode)
    yield* up_write(fc.famfs_devlist_sem)
    fc.k.m.emit(PUSHED, file.f_dentry.d_name, fc, index, rc, null)
    return rc
  },
)

/**
 * Fill a slot, under the semaphore. 0 (also when it is filled already), -EIO (it failed before: nobody tries again),
 * -ENODEV (no such dax device: the slot stays empty), -ENOMEM, or why we could not become the holder.
 */
const famfs_install_daxdev = kfn(
  'famfs_install_daxdev',
  function* (fc: fuse_conn, dd: famfs_daxdev, node: Inode): Step<number> {
    const { k } = fc
    if (yield* dd.valid.load()) {
      mark(k.m, 'famfs_install_daxdev', 'pushed already')
      return 0
    }
    if (yield* dd.dax_err.load()) {
      mark(k.m, 'famfs_install_daxdev', 'failed before')
      return -EIO
    }
    const devp = k.bus.dax_dev_find(node.i_rdev)
    if (devp === null) {
      mark(k.m, 'famfs_install_daxdev', 'no such device')
      return -ENODEV
    }
    yield* dd.devp.store(devp)
    const rc = yield* fs_dax_get(devp, fc, famfs_fuse_dax_holder_ops)
    if (rc !== 0) {
      mark(k.m, 'famfs_install_daxdev', 'not to be had')
      // Ours already, at another index: that may be put right, so it is not remembered (L25).
      const ours = k.profile.has('L25') && rc === -EBUSY && (yield* dax_holder(devp)) === fc
      if (!ours) yield* dd.dax_err.store(true)
      yield* put_dax(devp)
      yield* dd.devp.store(null)
      return rc
    }
    yield* dd.devno.store(node.i_rdev)
    const name = yield* k.kzalloc('daxdev name', 16)
    if (name === null) {
      mark(k.m, 'famfs_install_daxdev', 'no memory for the name')
      yield* fs_put_dax(devp, fc)
      yield* put_dax(devp)
      yield* dd.devp.store(null)
      return -ENOMEM
    }
    yield* dd.dd_name.store(name)
    if (!k.profile.has('R5w')) yield* smp_wmb()
    yield* dd.valid.store(true)
    return 0
  },
)
