// The device table of a connection: making it, failure notification, teardown (kernel.md 2.6, 2.8, 2.13). famfs_pull.ts and
// famfs_push.ts fill it.
// Locking: famfs_devlist_sem for writing around filling a slot, marking it failed and taking the table away (B42: not
// there), for reading around looking for empty slots. The resolver takes no lock at all. A slot's `valid` is set last, after
// a wmb (R5w: without) that has no partner in the resolver (R5). The semaphore is made when famfs is turned on: whoever takes
// it before or without that is reported (B55, L23).
import {
  type dax_device,
  dax_holder,
  type dax_holder_operations,
  fs_put_dax,
  put_dax,
  WHOLE_DEVICE,
} from '../../devdax/index.ts'
import {
  down_read,
  down_write,
  kfn,
  Oops,
  type RwSemaphore,
  type Step,
  synchronize_srcu,
  up_read,
  up_write,
} from '../../sim/index.ts'
import { EOPNOTSUPP } from '../../wire/index.ts'
import type { fuse_conn } from '../fuse/fuse_i.ts'
import { mark } from '../marks.ts'
import { type BadRange, famfs_dax_devlist } from './famfs_kfmap.ts'

/** famfs_devlist_sem, to be taken. One that nobody has made is all zeroes: taking it works by luck, and lockdep says so. */
export const devlist_sem = (fc: fuse_conn): RwSemaphore => {
  const { m } = fc.k
  if (!fc.made.has('famfs_devlist_sem') && m.lockdep !== null)
    m.problem('lock not made', `${m.current!.label} takes ${fc.famfs_devlist_sem.name}, which nobody has initialised`)
  return fc.famfs_devlist_sem
}

/** The table, made by the first opener; the loser of a race frees its own (R2). Null: no memory. */
export const famfs_dax_devlist_get = kfn(
  'famfs_dax_devlist_get',
  function* (fc: fuse_conn): Step<famfs_dax_devlist | null> {
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
  },
)

/** famfs_set_daxdev_err(): mark the slot of this device failed, the whole of it (kernel.md 2.8); without L03 what is bad of it. */
const famfs_set_daxdev_err = kfn(
  'famfs_set_daxdev_err',
  function* (fc: fuse_conn, dax_devp: dax_device, bad: BadRange): Step<void> {
    const reading = fc.k.profile.has('B14')
    yield* reading ? down_read(devlist_sem(fc)) : down_write(devlist_sem(fc))
    const table = yield* fc.dax_devlist.load()
    if (table === null) {
      mark(fc.k.m, 'famfs_set_daxdev_err', 'table gone (R8)')
      if (fc.k.profile.has('B42'))
        throw new Oops('NULL pointer dereference: fc->dax_devlist in famfs_set_daxdev_err (R8)')
    }
    for (let i = 0; table !== null && i < table.nslots; i++) {
      const dd = table.slot(i)
      if (!(yield* dd.valid.load())) continue
      if ((yield* dd.devp.load()) !== dax_devp) continue
      mark(fc.k.m, 'famfs_set_daxdev_err', 'slot marked')
      if (fc.k.profile.has('L03') || bad.len === WHOLE_DEVICE) yield* dd.error.store(true)
      else yield* dd.bad.store([...dd.bad.peek(), bad])
      break
    }
    yield* reading ? up_read(fc.famfs_devlist_sem) : up_write(fc.famfs_devlist_sem)
  },
)

/**
 * famfs_dax_notify_failure(): flags are ignored, and with L03 the range. 0, dealt with, whatever happened (L02); without the defect
 * -EOPNOTSUPP, which lets the generic path unmap and kill who maps the page.
 */
const famfs_dax_notify_failure = kfn(
  'famfs_dax_notify_failure',
  function* (dax_devp: dax_device, offset: number, len: number, _mf_flags: number): Step<number> {
    const fc = (yield* dax_holder(dax_devp)) as fuse_conn | null
    if (fc === null) {
      mark(dax_devp.m, 'famfs_dax_notify_failure', 'connection gone (R8)')
      if (!dax_devp.bus.profile.has('L14')) return -EOPNOTSUPP
      throw new Oops('NULL pointer dereference: fc in famfs_dax_notify_failure (R8)')
    }
    yield* famfs_set_daxdev_err(fc, dax_devp, { off: offset, len })
    return fc.k.profile.has('L02') ? 0 : -EOPNOTSUPP
  },
)

export const famfs_fuse_dax_holder_ops: dax_holder_operations = { notify_failure: famfs_dax_notify_failure }

/**
 * famfs_teardown(): the last reference to the connection went; the devices are given back. B42: with no lock (R8). L23: the
 * lock is taken on connections without famfs too. L14: nobody waits for a notifier that still has the connection in hand.
 */
export const famfs_teardown = kfn('famfs_teardown', function* (fc: fuse_conn): Step<void> {
  const { k } = fc
  const { profile } = k
  if (!profile.has('L23') && !fc.made.has('famfs_devlist_sem')) return
  const locked = !profile.has('B42')
  if (locked) yield* down_write(devlist_sem(fc))
  const table = yield* fc.dax_devlist.load()
  yield* fc.dax_devlist.store(null)
  if (locked) yield* up_write(fc.famfs_devlist_sem)
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
        if (!profile.has('B13')) yield* put_dax(devp) // the one of looking it up
      }
    }
    if (name !== null) yield* k.kfree(name)
  }
  for (const a of table.allocs) yield* k.kfree(a)
  if (!profile.has('L14')) yield* synchronize_srcu(k.bus.dax_srcu)
})
