// Notifications: what a server writes of its own accord, with unique 0 (fs/fuse/dev.c fuse_notify(), fs/fuse/dir.c
// fuse_reverse_inval_entry(), fs/fuse/inode.c fuse_reverse_inval_inode(); kernel.md 1.7, 1.8). They run in the server's task: one
// about a name waits for the directory's i_rwsem, which whoever looks the name up holds until the server has answered.
import { divUp, down_read, kfn, max, min, type Step, spin_section, up_read } from '../../sim/index.ts'
import {
  decodeNotify,
  EBUSY,
  ECONNABORTED,
  EINVAL,
  ENOENT,
  ENOTDIR,
  ENOTEMPTY,
  FUSE_NOTIFY_DELETE,
  FUSE_NOTIFY_INC_EPOCH,
  FUSE_NOTIFY_INVAL_ENTRY,
  FUSE_NOTIFY_INVAL_INODE,
  FUSE_NOTIFY_POLL,
  FUSE_NOTIFY_PRUNE,
  FUSE_NOTIFY_RESEND,
  FUSE_NOTIFY_RETRIEVE,
  FUSE_NOTIFY_STORE,
  FUSE_ROOT_ID,
  getU64,
  type Notification,
  viewOf,
} from '../../wire/index.ts'
import { mark } from '../marks.ts'
import { folio_wait_locked } from '../mm/filemap.ts'
import { PAGE_SIZE } from '../mm/mm_struct.ts'
import { invalidate_inode_pages2_range } from '../mm/truncate.ts'
import { type Dentry, d_aliases } from '../vfs/dcache.ts'
import { type Inode, iget, inode_lock, inode_unlock, kill_dir, S_ISDIR } from '../vfs/inode.ts'
import { iput, shrink_dcache } from '../vfs/iput.ts'
import { fuse_invalidate_attr, fuse_write_update_attr } from './attr.ts'
import { FR_PENDING, FR_RESENT, FR_SENT, type fuse_conn } from './fuse_i.ts'
import { if_regular, regular } from './fuse_inode.ts'
import { fuse_entry_unlinked, fuse_invalidate_entry } from './namespace.ts'
import { fuse_request_end, fuse_simple_notify_reply, queue_again } from './request.ts'
import { fuse_invalidate_pages } from './writeback.ts'

/** FUSE_EXPIRE_ONLY: the name is asked for again, and stays until then. */
const FUSE_EXPIRE_ONLY = 1

/** fuse_ilookup(): nothing is found where nothing is mounted. */
const fuse_ilookup = (fc: fuse_conn, nodeid: number): Inode | undefined =>
  fc.dev.peek() === 0 ? undefined : fc.inodes.get(nodeid)

/** fuse_reverse_inval_inode(): attributes are asked for again, and pages of the range are read again. 0 or -ENOENT. */
const fuse_reverse_inval_inode = kfn(
  'fuse_reverse_inval_inode',
  function* (fc: fuse_conn, nodeid: number, off: number, len: number): Step<number> {
    const inode = fuse_ilookup(fc, nodeid)
    if (inode === undefined) return -ENOENT
    iget(inode)
    fuse_invalidate_attr(inode)
    if (off >= 0) {
      const end = len <= 0 ? Number.MAX_SAFE_INTEGER : off + len
      const start = off - (off % PAGE_SIZE)
      if (if_regular(inode) !== undefined) yield* fuse_invalidate_pages(inode, start / PAGE_SIZE, divUp(end, PAGE_SIZE))
      yield* invalidate_inode_pages2_range(inode.i_mapping, start, end - start)
    }
    yield* iput(inode)
    return 0
  },
)

/** A directory that goes while the server says so: 0, or why not. */
const delete_dir = kfn('fuse_reverse_inval_entry dir', function* (d: Dentry): Step<number> {
  yield* shrink_dcache(d)
  if (d.children.size > 0) return -ENOTEMPTY
  kill_dir(d.d_inode.peek()!)
  return 0
})

/** The name is gone on the server, and its inode was `child`: 0, -ENOENT (another), -EBUSY (a mount is there), -ENOTEMPTY. */
const reverse_delete = kfn('fuse_reverse_inval_entry child', function* (d: Dentry, child: number): Step<number> {
  const inode = d.d_inode.peek()!
  yield* inode_lock(inode)
  let rc = 0
  if (inode.fuse!.nodeid !== child) rc = -ENOENT
  else if (d.mounted.peek() !== null) rc = -EBUSY
  else if (S_ISDIR(inode.i_mode)) rc = yield* delete_dir(d)
  yield* inode_unlock(inode)
  return rc
})

/** fuse_reverse_inval_entry(): a name, with its directory locked. `child` 0: whatever it is. 0 or -errno. */
const fuse_reverse_inval_entry = kfn(
  'fuse_reverse_inval_entry',
  function* (fc: fuse_conn, nodeid: number, child: number, name: string, flags: number): Step<number> {
    const parent = fuse_ilookup(fc, nodeid)
    if (parent === undefined) return -ENOENT
    iget(parent)
    yield* inode_lock(parent)
    const rc = yield* inval_name(parent, child, name, flags)
    yield* inode_unlock(parent)
    yield* iput(parent)
    return rc
  },
)

const inval_name = kfn(
  'fuse_reverse_inval_entry name',
  function* (parent: Inode, child: number, name: string, flags: number): Step<number> {
    if (!S_ISDIR(parent.i_mode)) return -ENOTDIR
    const dir = d_aliases(parent.i_sb!.s_root, parent)[0]
    const d = dir?.children.get(name)
    if (d === undefined || d.in_lookup.peek()) return -ENOENT
    // fuse_dir_changed()
    fuse_invalidate_attr(parent)
    const inode = d.d_inode.peek()
    d.d_time.poke(0)
    if (child !== 0 && inode !== null) {
      const rc = yield* reverse_delete(d, child)
      if (rc < 0) return rc
      fuse_entry_unlinked(d)
    }
    if (child !== 0 || (flags & FUSE_EXPIRE_ONLY) === 0) yield* fuse_invalidate_entry(d)
    return 0
  },
)

/** fuse_resend(): what the server read and did not answer is read once more, before all else; bit 63 says so in its unique. */
const fuse_resend = kfn('fuse_resend', function* (fc: fuse_conn): Step<number> {
  const again = yield* spin_section(fc.fpq_lock, () => {
    const list = [...fc.processing.items]
    for (const r of list) {
      fc.processing.remove(r)
      r.flags.poke((r.flags.peek() & ~FR_SENT) | FR_PENDING | FR_RESENT)
    }
    return list
  })
  if (again.length === 0) return 0
  if (!(yield* spin_section(fc.fiq_lock, () => queue_again(fc, again))))
    for (const r of again) yield* fuse_request_end(r, -ECONNABORTED)
  return 0
})

/** Every name of the file system is asked for before it is used again. */
const fuse_inc_epoch = (fc: fuse_conn): number => {
  fc.epoch.poke(fc.epoch.peek() + 1)
  const root = fuse_ilookup(fc, FUSE_ROOT_ID)?.i_sb?.s_root
  const walk = root === undefined ? [] : [root]
  for (let d = walk.pop(); d !== undefined; d = walk.pop()) {
    d.d_time.poke(0)
    walk.push(...d.children.values())
  }
  return 0
}

/** fuse_try_prune_one_inode(): names of an inode that nobody uses go, and so does the inode. */
const fuse_try_prune_one_inode = kfn('fuse_try_prune_one_inode', function* (fc: fuse_conn, nodeid: number): Step<void> {
  const inode = fuse_ilookup(fc, nodeid)
  if (inode === undefined || nodeid === FUSE_ROOT_ID) return
  const names = d_aliases(inode.i_sb!.s_root, inode)
  if (names.length !== inode.i_count.peek()) return
  for (const d of names)
    if (d.children.size === 0 && d.mounted.peek() === null && !d.in_lookup.peek()) yield* fuse_invalidate_entry(d)
})

const fuse_notify_prune = kfn('fuse_notify_prune', function* (fc: fuse_conn, n: Notification): Step<number> {
  const dv = viewOf(n.data)
  for (let at = 0; at < n.data.length; at += 8) yield* fuse_try_prune_one_inode(fc, getU64(dv, n.data.byteOffset + at))
  return 0
})

/**
 * fuse_notify_store(): bytes for the page cache, and the file is as long at least. A page that they do not fill is kept only if it is
 * read already, or the file ends there.
 */
const fuse_notify_store = kfn('fuse_notify_store', function* (fc: fuse_conn, n: Notification): Step<number> {
  const { nodeid, offset } = n.arg
  const { data } = n
  const inode = fuse_ilookup(fc, nodeid)
  if (inode === undefined) return -ENOENT
  iget(inode)
  const end = offset + data.length
  if (end > inode.i_size.peek()) fuse_write_update_attr(inode, end)
  const { pages } = regular(inode)
  for (let done = 0; done < data.length; ) {
    const at = offset + done
    const from = at % PAGE_SIZE
    const some = min(PAGE_SIZE - from, data.length - done)
    const folio = pages.get((at - from) / PAGE_SIZE)
    if (folio?.locked) {
      yield* folio_wait_locked(pages, folio)
      continue
    }
    const whole = from === 0 && (some === PAGE_SIZE || at + some === inode.i_size.peek())
    if (whole || folio?.uptodate) {
      const f = folio ?? pages.grab((at - from) / PAGE_SIZE)
      f.write(from, data.subarray(done, done + some))
      f.mark_uptodate()
    }
    done += some
  }
  yield* iput(inode)
  return 0
})

/** fuse_retrieve(): what the page cache has from there on goes to the server as a NOTIFY_REPLY; it ends where a page is missing. */
const fuse_notify_retrieve = kfn('fuse_notify_retrieve', function* (fc: fuse_conn, n: Notification): Step<number> {
  const { nodeid, offset, size, notify_unique } = n.arg
  const inode = fuse_ilookup(fc, nodeid)
  if (inode === undefined) return -ENOENT
  const pages = if_regular(inode)?.pages
  const most = min(min(size, fc.max_write.peek()), max(0, inode.i_size.peek() - offset))
  const data: number[] = []
  while (data.length < most) {
    const at = offset + data.length
    const from = at % PAGE_SIZE
    const folio = pages?.get((at - from) / PAGE_SIZE)
    if (!folio?.uptodate) break
    data.push(...folio.bytes.subarray(from, min(PAGE_SIZE, from + most - data.length)))
  }
  const args = {
    op: fc.k.opcodes.op.NOTIFY_REPLY,
    nodeid,
    arg: { offset, size: data.length },
    data: Uint8Array.from(data),
  }
  return yield* fuse_simple_notify_reply(inode.fuse!.fm, args, notify_unique)
})

/** Those that are about inodes: 0 or -errno. */
const notify_inodes = kfn('fuse_notify inodes', function* (fc: fuse_conn, n: Notification): Step<number> {
  const { arg } = n
  switch (n.notify.code) {
    case FUSE_NOTIFY_INVAL_INODE:
      return yield* fuse_reverse_inval_inode(fc, arg.ino, arg.off, arg.len)
    case FUSE_NOTIFY_INVAL_ENTRY:
      return yield* fuse_reverse_inval_entry(fc, arg.parent, 0, n.name, arg.flags)
    case FUSE_NOTIFY_DELETE:
      return yield* fuse_reverse_inval_entry(fc, arg.parent, arg.child, n.name, 0)
    case FUSE_NOTIFY_STORE:
      return yield* fuse_notify_store(fc, n)
    case FUSE_NOTIFY_RETRIEVE:
      return yield* fuse_notify_retrieve(fc, n)
    case FUSE_NOTIFY_PRUNE:
      return yield* fuse_notify_prune(fc, n)
    default:
      return -EINVAL
  }
})

/** fuse_notify(): what is in the message; 0 or what the writer gets (-EINVAL for one that is malformed or not known). */
export const fuse_notify = kfn('fuse_notify', function* (fc: fuse_conn, bytes: Uint8Array): Step<number> {
  const n = decodeNotify(bytes)
  if ('errno' in n) {
    mark(fc.k.m, 'fuse_notify', 'malformed')
    return n.errno
  }
  const { code } = n.notify
  if (code === FUSE_NOTIFY_POLL) return 0 // nobody polls
  if (code === FUSE_NOTIFY_RESEND) return yield* fuse_resend(fc)
  if (code === FUSE_NOTIFY_INC_EPOCH) return fuse_inc_epoch(fc)
  yield* down_read(fc.killsb)
  const rc = yield* notify_inodes(fc, n)
  yield* up_read(fc.killsb)
  return rc
})
