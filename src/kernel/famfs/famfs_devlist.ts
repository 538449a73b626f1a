// The device table of a connection: filling it by GET_DAXDEV, failure notification, teardown (kernel.md 2.6, 2.8, 2.13).
// Locking: famfs_devlist_sem for writing around filling a slot and marking it failed, for reading around looking for empty
// slots. The resolver takes no lock at all. A slot's `valid` is set last, after a wmb (R5w: without) that has no partner in the resolver (R5).
import {
  type dax_device,
  dax_holder,
  type dax_holder_operations,
  fs_dax_get,
  fs_put_dax,
  MAJOR,
  put_dax,
} from '../../devdax/index.ts'
import { down_read, down_write, kfn, Oops, type Step, smp_wmb, up_read, up_write } from '../../sim/index.ts'
import { EACCES, EINVAL, ENODEV, ENOMEM, fuse_daxdev_out, viewOf } from '../../wire/index.ts'
import { fuse_simple_request } from '../fuse/dev.ts'
import type { fuse_args, fuse_conn, fuse_mount } from '../fuse/fuse_i.ts'
import { mark } from '../marks.ts'
import { S_ISCHR } from '../vfs/inode.ts'
import { kern_path, may_open_dev } from '../vfs/namei.ts'
import { famfs_dax_devlist, type famfs_daxdev, type famfs_file_meta } from './famfs_kfmap.ts'

/** The table, made by the first opener; the loser of a race frees its own (R2). Null: no memory. */
const famfs_dax_devlist_get = kfn('famfs_dax_devlist_get', function* (fc: fuse_conn): Step<famfs_dax_devlist | null> {
  const { k } = fc
  const have = yield* fc.dax_devlist.load()
  if (have !== null) {
    mark(k.m, 'famfs_dax_devlist_get', 'table there already')
    return have
  }
  const nslots = k.profile.t.max_daxdevs
  const head = yield* k.kzalloc('famfs_dax_devlist', 16)
  const slots = head === null ? null : yield* k.kzalloc('famfs_daxdev[]', nslots * 32)
  if (head === null || slots === null) {
    mark(k.m, 'famfs_dax_devlist_get', 'no memory')
    if (head !== null) yield* k.kfree(head)
    return null
  }
  const mine = new famfs_dax_devlist(k, fc.famfs_devlist_sem, nslots, [head, slots])
  const other = yield* fc.dax_devlist.cmpxchg(null, mine)
  if (other === null) return mine
  mark(k.m, 'famfs_dax_devlist_get', 'lost the cmpxchg (R2)')
  yield* k.kfree(head)
  yield* k.kfree(slots)
  return other
})

/** Ask for every device the map names and the table has not. Always 0 but for -ENOMEM: failures show at access. */
export const famfs_update_daxdev_table = kfn(
  'famfs_update_daxdev_table',
  function* (fm: fuse_mount, meta: famfs_file_meta): Step<number> {
    const { fc } = fm
    const table = yield* famfs_dax_devlist_get(fc)
    if (table === null) return -ENOMEM
    const missing: number[] = []
    yield* down_read(fc.famfs_devlist_sem)
    for (const index of meta.dev_bitmap) if (!(yield* table.slot(index).valid.load())) missing.push(index)
    yield* up_read(fc.famfs_devlist_sem)
    for (const index of missing) yield* famfs_fuse_get_daxdev(fm, index)
    return 0
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
  yield* down_write(fc.famfs_devlist_sem)
  const rc = yield* install_daxdev(fc, table.slot(index), args.out!)
  yield* up_write(fc.famfs_devlist_sem)
  return rc
})

/** The part of famfs_fuse_get_daxdev() under the semaphore; path walk included (R10). */
const install_daxdev = kfn(
  'famfs_install_daxdev',
  function* (fc: fuse_conn, dd: famfs_daxdev, reply: Uint8Array): Step<number> {
    const { k } = fc
    if (yield* dd.valid.load()) {
      mark(k.m, 'famfs_install_daxdev', 'slot filled meanwhile (R3)')
      return 0
    }
    const { name } = fuse_daxdev_out.read(viewOf(reply), reply.byteOffset)
    const devno = yield* famfs_verify_daxdev(fc, name)
    if (devno < 0) {
      mark(k.m, 'famfs_install_daxdev', 'path refused')
      return devno
    }
    yield* dd.devno.store(devno)
    const dd_name = yield* k.kzalloc('daxdev name', name.length + 1)
    if (dd_name === null) {
      mark(k.m, 'famfs_install_daxdev', 'no memory')
      return -ENOMEM
    }
    yield* dd.dd_name.store(dd_name)
    const devp = k.bus.dax_dev_get(devno)
    yield* dd.devp.store(devp)
    if ((yield* fs_dax_get(devp, fc, famfs_fuse_dax_holder_ops)) !== 0) {
      mark(k.m, 'famfs_install_daxdev', 'held by another')
      yield* dd.dax_err.store(true)
    }
    if (!k.profile.has('R5w')) yield* smp_wmb()
    yield* dd.valid.store(true)
    return 0
  },
)

/** famfs_verify_daxdev(): the device number behind a path: -ENOENT..., -EINVAL (no character device), -EACCES (nodev). */
const famfs_verify_daxdev = kfn('famfs_verify_daxdev', function* (fc: fuse_conn, path: string): Step<number> {
  if (path === '') return -EINVAL
  const d = yield* kern_path(fc.k, path, true)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if (!S_ISCHR(inode.i_mode)) return -EINVAL
  if (!may_open_dev(d)) return -EACCES
  return MAJOR(inode.i_rdev) >= 0 ? inode.i_rdev : -ENODEV
})

/** famfs_set_daxdev_err(): mark the slot of this device failed, the whole of it (kernel.md 2.8). */
const famfs_set_daxdev_err = kfn('famfs_set_daxdev_err', function* (fc: fuse_conn, dax_devp: dax_device): Step<void> {
  const reading = fc.k.profile.has('B14')
  yield* reading ? down_read(fc.famfs_devlist_sem) : down_write(fc.famfs_devlist_sem)
  const table = yield* fc.dax_devlist.load()
  if (table === null) {
    mark(fc.k.m, 'famfs_set_daxdev_err', 'table gone (R8)')
    throw new Oops('NULL pointer dereference: fc->dax_devlist in famfs_set_daxdev_err (R8)')
  }
  for (let i = 0; i < table.nslots; i++) {
    const dd = table.slot(i)
    if (!(yield* dd.valid.load())) continue
    if ((yield* dd.devp.load()) !== dax_devp) continue
    mark(fc.k.m, 'famfs_set_daxdev_err', 'slot marked')
    yield* dd.error.store(true)
    break
  }
  yield* reading ? up_read(fc.famfs_devlist_sem) : up_write(fc.famfs_devlist_sem)
})

/** famfs_dax_notify_failure(): range and flags are ignored; 0 ("handled") whatever happened (L02, L03). */
const famfs_dax_notify_failure = kfn(
  'famfs_dax_notify_failure',
  function* (dax_devp: dax_device, _offset: number, _len: number, _mf_flags: number): Step<number> {
    const fc = (yield* dax_holder(dax_devp)) as fuse_conn | null
    if (fc === null) {
      mark(dax_devp.m, 'famfs_dax_notify_failure', 'connection gone (R8)')
      throw new Oops('NULL pointer dereference: fc in famfs_dax_notify_failure (R8)')
    }
    yield* famfs_set_daxdev_err(fc, dax_devp)
    return 0
  },
)

export const famfs_fuse_dax_holder_ops: dax_holder_operations = { notify_failure: famfs_dax_notify_failure }

/** famfs_teardown(): the last reference to the connection went; the devices are given back. No lock (R8). */
export const famfs_teardown = kfn('famfs_teardown', function* (fc: fuse_conn): Step<void> {
  const { k } = fc
  const table = yield* fc.dax_devlist.load()
  yield* fc.dax_devlist.store(null)
  if (table === null) {
    mark(k.m, 'famfs_teardown', 'no table')
    return
  }
  for (let i = 0; i < table.nslots; i++) {
    const dd = table.slot(i)
    const name = yield* dd.dd_name.load()
    if (yield* dd.valid.load()) {
      const devp = yield* dd.devp.load()
      if (devp !== null) {
        mark(k.m, 'famfs_teardown', 'device given back')
        if (!(yield* dd.dax_err.load())) yield* fs_put_dax(devp, fc)
        if (!k.profile.has('B13')) yield* put_dax(devp) // the one of dax_dev_get()
      }
    }
    if (name !== null) yield* k.kfree(name)
  }
  for (const a of table.allocs) yield* k.kfree(a)
})
