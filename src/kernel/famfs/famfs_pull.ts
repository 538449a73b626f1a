// Devices that the kernel asks for: GET_DAXDEV for each index a map names and the table has not (kernel.md 2.6, V10).
// Locking: see famfs_devlist.ts; nothing is held while the server is asked. The path it names is walked with
// famfs_devlist_sem held (L16), and so is the device claimed, under its device_lock (L15).
import { type dax_device, dax_holder, fs_dax_get, fs_put_dax, MAJOR, put_dax } from '../../devdax/index.ts'
import { down_read, down_write, kfn, type Op, type Step, smp_wmb, up_read, up_write } from '../../sim/index.ts'
import {
  DAXDEV_NAME_MAX,
  EACCES,
  EALREADY,
  EBUSY,
  EINVAL,
  ENODEV,
  ENOMEM,
  fuse_daxdev_out,
  textLength,
  viewOf,
} from '../../wire/index.ts'
import type { fuse_args, fuse_conn, fuse_mount } from '../fuse/fuse_i.ts'
import { fuse_simple_request } from '../fuse/request.ts'
import type { Kernel } from '../kernel.ts'
import { mark } from '../marks.ts'
import { S_ISCHR } from '../vfs/inode.ts'
import { kern_path, may_open_dev } from '../vfs/namei.ts'
import { devlist_sem, famfs_dax_devlist_get, famfs_fuse_dax_holder_ops } from './famfs_devlist.ts'
import type { famfs_daxdev, famfs_file_meta } from './famfs_kfmap.ts'

/** Ask for every device the map names and the table has not. 0, or the first of the errors: each is printed, no more. */
export const famfs_update_daxdev_table = kfn(
  'famfs_update_daxdev_table',
  function* (fm: fuse_mount, meta: famfs_file_meta): Step<number> {
    const { fc } = fm
    const table = yield* famfs_dax_devlist_get(fc)
    if (table === null) return -ENOMEM
    const { dev_bitmap } = meta
    let err = 0
    const looks = fc.k.profile.t.devlist_lock === 'each' ? dev_bitmap.map(index => [index]) : [dev_bitmap]
    for (const look of looks) {
      const missing: number[] = []
      yield* down_read(devlist_sem(fc))
      for (const index of look) if (!(yield* table.slot(index).valid.load())) missing.push(index)
      yield* up_read(fc.famfs_devlist_sem)
      for (const index of missing) {
        const rc = yield* famfs_fuse_get_daxdev(fm, index)
        if (err === 0) err = rc
      }
    }
    return err
  },
)

/** Fetch one device by index and install it. 0 also when we could not become its holder; else -errno, slot untouched. */
const famfs_fuse_get_daxdev = kfn('famfs_fuse_get_daxdev', function* (fm: fuse_mount, index: number): Step<number> {
  const { fc } = fm
  const { k } = fc
  const table = (yield* fc.dax_devlist.load())!
  if (index >= table.nslots) return -EINVAL
  const args: fuse_args = { op: k.opcodes.op.GET_DAXDEV, nodeid: index }
  const n = yield* fuse_simple_request(fm, args)
  if (n < 0) {
    mark(k.m, 'famfs_fuse_get_daxdev', 'server refused')
    return n
  }
  const { name } = fuse_daxdev_out.read(viewOf(args.out!), args.out!.byteOffset)
  const early = yield* before_the_lock(fc, name)
  yield* down_write(devlist_sem(fc))
  const rc = yield* fill_daxdev(fc, table.slot(index), name, early)
  yield* up_write(fc.famfs_devlist_sem)
  return rc
})

/** What was done before the semaphore: the device number or -errno; and the device, with what claiming it said. */
interface Early {
  readonly devno: number
  readonly claim: { readonly devp: dax_device | null; readonly rc: number } | null
}

/** Without L16 the path is walked before the semaphore is taken, without L15 the device is claimed then, too. */
const before_the_lock = kfn('famfs_before_the_lock', function* (fc: fuse_conn, name: string): Step<Early | null> {
  const { profile } = fc.k
  if (profile.has('L15') && profile.has('L16')) return null
  const devno = yield* famfs_verify_daxdev(fc, name)
  if (devno < 0 || profile.has('L15')) return { devno, claim: null }
  const devp = find_daxdev(fc.k, devno)
  return { devno, claim: { devp, rc: devp === null ? -ENODEV : yield* famfs_claim(fc, devp) } }
})

/** The device of a number: one there is, or one made up on the spot (B40). */
const find_daxdev = (k: Kernel, devno: number): dax_device | null =>
  k.profile.has('B40') ? k.bus.dax_dev_get(devno) : k.bus.dax_dev_find(devno)

const famfs_claim = (fc: fuse_conn, devp: dax_device): Op<number> => fs_dax_get(devp, fc, famfs_fuse_dax_holder_ops)

/** A device that was claimed too early goes back. */
const unclaim = kfn('famfs_unclaim', function* (fc: fuse_conn, claim: Early['claim']): Step<void> {
  if (claim === null || claim.devp === null) return
  if (claim.rc === 0) yield* fs_put_dax(claim.devp, fc)
  yield* put_dax(claim.devp)
})

/** The part of famfs_fuse_get_daxdev() under the semaphore; path walk included (R10), unless it was done early. */
const fill_daxdev = kfn(
  'famfs_fill_daxdev',
  function* (fc: fuse_conn, dd: famfs_daxdev, name: string, early: Early | null): Step<number> {
    const { k } = fc
    if (yield* dd.valid.load()) {
      mark(k.m, 'famfs_fill_daxdev', 'slot filled meanwhile (R3)')
      yield* unclaim(fc, early?.claim ?? null)
      return k.profile.has('B16') ? -EALREADY : 0
    }
    const devno = early?.devno ?? (yield* famfs_verify_daxdev(fc, name))
    if (devno < 0) {
      mark(k.m, 'famfs_fill_daxdev', 'path refused')
      return devno
    }
    yield* dd.devno.store(devno)
    const dd_name = yield* k.kzalloc('daxdev name', name.length + 1)
    if (dd_name === null) {
      mark(k.m, 'famfs_fill_daxdev', 'no memory')
      if (!k.profile.has('B12')) {
        yield* unclaim(fc, early?.claim ?? null)
        return -ENOMEM
      }
    }
    yield* dd.dd_name.store(dd_name)
    const claim = early?.claim ?? null
    const devp = claim === null ? find_daxdev(k, devno) : claim.devp
    if (devp === null) return yield* unfill_daxdev(k, dd, -ENODEV)
    yield* dd.devp.store(devp)
    const rc = claim === null ? yield* famfs_claim(fc, devp) : claim.rc
    if (rc !== 0) {
      mark(k.m, 'famfs_fill_daxdev', 'held by another')
      // Claimed early, and held by us: whoever did that is about to fill this slot, or has filled another.
      const ours = claim !== null && rc === -EBUSY && (yield* dax_holder(devp)) === fc
      if (ours || !k.profile.has('B43')) {
        yield* put_dax(devp)
        return yield* unfill_daxdev(k, dd, rc)
      }
      yield* dd.dax_err.store(true)
    }
    if (!k.profile.has('R5w')) yield* smp_wmb()
    yield* dd.valid.store(true)
    return 0
  },
)

/** A slot that was not filled after all is empty again: the next map that names it asks anew. Gives `rc`. */
const unfill_daxdev = kfn('famfs_unfill_daxdev', function* (k: Kernel, dd: famfs_daxdev, rc: number): Step<number> {
  const name = yield* dd.dd_name.load()
  yield* dd.dd_name.store(null)
  yield* dd.devp.store(null)
  if (name !== null) yield* k.kfree(name)
  return rc
})

/** famfs_verify_daxdev(): the device number behind a path: -ENOENT..., -EINVAL (no character device), -EACCES (nodev). */
const famfs_verify_daxdev = kfn('famfs_verify_daxdev', function* (fc: fuse_conn, path: string): Step<number> {
  if (path === '') return -EINVAL
  if (textLength(path) >= DAXDEV_NAME_MAX) {
    if (!fc.k.profile.has('L20')) return -EINVAL
    fc.k.m.problem('out of bounds', 'stack-out-of-bounds: the name in famfs_verify_daxdev has no NUL (L20)')
  }
  const d = yield* kern_path(fc.k, path, true)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if (!S_ISCHR(inode.i_mode)) return -EINVAL
  if (!may_open_dev(d)) return -EACCES
  return MAJOR(inode.i_rdev) >= 0 ? inode.i_rdev : -ENODEV
})
