// fs/fuse/dir.c: attributes: how long they hold, asking for them, changing them, and permission, which depends on them.
// inval_mask says which of a file's attributes are known to be stale although their time has not run out (STATX_ bits).
import { divDown, kfn, type Step } from '../../sim/index.ts'
import {
  EACCES,
  EINTR,
  EIO,
  FATTR_ATIME,
  FATTR_FH,
  FATTR_GID,
  FATTR_LOCKOWNER,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_SIZE,
  FATTR_UID,
  FUSE_GETATTR_FH,
  fuse_attr_out,
  viewOf,
} from '../../wire/index.ts'
import { invalidate_inode_pages2, truncate_pagecache } from '../mm/truncate.ts'
import { setattr_prepare } from '../vfs/attr.ts'
import type { File } from '../vfs/file.ts'
import { type Iattr, type Inode, S_IFMT, S_ISDIR, S_ISGID, S_ISREG, S_ISUID, S_IXGRP } from '../vfs/inode.ts'
import { generic_permission } from '../vfs/namei.ts'
import type { fuse_args } from './fuse_i.ts'
import { fuse_change_attributes, fuse_has, fuse_invalid_attr, fuse_is_bad, time_is_up, time_to_ns } from './iget.ts'
import { fuse_simple_request } from './request.ts'

const STATX_MODE = 0x2
const STATX_UID = 0x8
const STATX_GID = 0x10
const STATX_MTIME = 0x40
export const STATX_CTIME = 0x80
const STATX_SIZE = 0x200
const STATX_BLOCKS = 0x400
const STATX_BASIC_STATS = 0x7ff
const PERM_MASK = STATX_MODE | STATX_UID | STATX_GID
/** What a write may have changed. */
export const FUSE_STATX_MODSIZE = STATX_MTIME | STATX_CTIME | STATX_BLOCKS | STATX_SIZE

/** fuse_invalidate_attr(), fuse_invalidate_attr_mask(): these attributes are asked for before they are shown again. */
export const fuse_invalidate_attr = (inode: Inode, mask = STATX_BASIC_STATS): void => {
  const { inval_mask } = inode.fuse!
  inval_mask.poke(inval_mask.peek() | mask)
}

/** fuse_write_update_attr(): the file is as long as was written, and the rest of its attributes is asked for again. */
export const fuse_write_update_attr = (inode: Inode, pos: number): void => {
  if (pos > inode.i_size.peek()) inode.i_size.poke(pos)
  fuse_invalidate_attr(inode, FUSE_STATX_MODSIZE)
}

/** fuse_do_getattr(): 0 or -errno. */
const fuse_do_getattr = kfn('fuse_do_getattr', function* (inode: Inode, file: File | null): Step<number> {
  const fi = inode.fuse!
  const arg = file?.fuse ? { getattr_flags: FUSE_GETATTR_FH, fh: file.fuse.fh } : {}
  const args: fuse_args = { op: inode.k.opcodes.op.GETATTR, nodeid: fi.nodeid, arg }
  const rc = yield* fuse_simple_request(fi.fm, args)
  if (rc < 0) return rc
  const a = fuse_attr_out.read(viewOf(args.out!), args.out!.byteOffset)
  if (fuse_invalid_attr(a.attr) || ((a.attr.mode ^ inode.i_mode) & S_IFMT) !== 0) {
    fi.bad.poke(true)
    return -EIO
  }
  yield* fuse_change_attributes(inode, a.attr, time_to_ns(inode.k, a.attr_valid, a.attr_valid_nsec))
  return 0
})

/** Must the server be asked before attributes of this mask are used? */
const stale = (inode: Inode, mask: number): boolean => {
  const fi = inode.fuse!
  return (fi.inval_mask.peek() & mask) !== 0 || time_is_up(inode.k, fi.i_time.peek())
}

/** fuse_update_attributes(): ask the server when what we know has run out. 0 or -errno. */
export const fuse_update_attributes = kfn('fuse_update_attributes', function* (inode: Inode): Step<number> {
  return stale(inode, STATX_BASIC_STATS) ? yield* fuse_do_getattr(inode, null) : 0
})

/** The same for the size alone, which a read or a write is about to look at. */
export const fuse_update_size = kfn('fuse_update_attributes size', function* (inode: Inode): Step<number> {
  return stale(inode, STATX_SIZE) ? yield* fuse_do_getattr(inode, null) : 0
})

/** fuse_getattr(): what stat(2) asks for first. 0 or -errno. */
export const fuse_getattr = kfn('fuse_getattr', function* (inode: Inode): Step<number> {
  return fuse_is_bad(inode) ? -EIO : yield* fuse_update_attributes(inode)
})

/** fuse_permission(): by mode bits, if the mount wants that; who is refused by old ones is judged by fresh ones. */
export const fuse_permission = kfn('fuse_permission', function* (inode: Inode, mask: number): Step<number> {
  if (fuse_is_bad(inode)) return -EIO
  if (!inode.fuse!.fc.default_permissions) return 0
  const refreshed = stale(inode, PERM_MASK)
  const rc = refreshed ? yield* fuse_do_getattr(inode, null) : 0
  if (rc < 0) return rc
  const may = generic_permission(inode, mask)
  if (may !== -EACCES || refreshed) return may
  const again = yield* fuse_do_getattr(inode, null)
  return again < 0 ? again : generic_permission(inode, mask)
})

/** iattr_to_fattr(): what of an iattr is asked for. No time goes with a size: the server sets it. */
const iattr_to_fattr = (inode: Inode, attr: Iattr): { valid: number } => {
  const out: Record<string, number> & { valid: number } = { valid: 0 }
  const set = (bit: number, name: string, v: number | undefined): void => {
    if (v === undefined) return
    out.valid |= bit
    out[name] = v
  }
  const time = (bit: number, name: string, ns: number | undefined): void => {
    if (ns === undefined) return
    set(bit, name, divDown(ns, 1e9))
    out[`${name}nsec`] = ns % 1e9
  }
  set(FATTR_MODE, 'mode', attr.mode === undefined ? undefined : (inode.i_mode & S_IFMT) | (attr.mode & 0o7777))
  set(FATTR_UID, 'uid', attr.uid)
  set(FATTR_GID, 'gid', attr.gid)
  set(FATTR_SIZE, 'size', attr.size)
  time(FATTR_ATIME, 'atime', attr.atime)
  time(FATTR_MTIME, 'mtime', attr.mtime)
  // O_TRUNC is not asked for in the name of the open file.
  if (!attr.open) set(FATTR_FH, 'fh', attr.file?.fuse?.fh)
  if (attr.size !== undefined) set(FATTR_LOCKOWNER, 'lock_owner', inode.k.current.pid)
  return out
}

/**
 * fuse_do_setattr(): 0 or -errno. A new size takes away what is mapped and leaves a famfs file's map as it is: from then on
 * they do not agree, and the file is bad at its next use (kernel.md 2.12).
 */
const fuse_do_setattr = kfn('fuse_do_setattr', function* (inode: Inode, attr: Iattr): Step<number> {
  const fi = inode.fuse!
  const { fc, fm } = fi
  const may = fc.default_permissions ? setattr_prepare(inode, attr) : 0
  if (may < 0) return may
  if (attr.size !== undefined && !S_ISREG(inode.i_mode)) return -EIO
  // OPEN has truncated the server's file already.
  if (attr.open && fuse_has(fc, 'ATOMIC_O_TRUNC')) {
    if (fi.famfs_meta.peek() !== null && !fc.k.profile.has('L11')) return 0
    inode.i_size.poke(0)
    yield* truncate_pagecache(inode, 0)
    yield* invalidate_inode_pages2(inode.i_mapping)
    return 0
  }
  const args: fuse_args = { op: fc.k.opcodes.op.SETATTR, nodeid: fi.nodeid, arg: iattr_to_fattr(inode, attr) }
  const rc = yield* fuse_simple_request(fm, args)
  if (rc < 0) {
    if (rc === -EINTR) fuse_invalidate_attr(inode)
    return rc
  }
  const a = fuse_attr_out.read(viewOf(args.out!), args.out!.byteOffset)
  if (fuse_invalid_attr(a.attr) || ((a.attr.mode ^ inode.i_mode) & S_IFMT) !== 0) {
    fi.bad.poke(true)
    return -EIO
  }
  const valid_until = time_to_ns(fc.k, a.attr_valid, a.attr_valid_nsec)
  yield* fuse_change_attributes(inode, a.attr, valid_until, attr.size !== undefined)
  return 0
})

/**
 * Who gets a file gets no set-id bits with it. The server sees to that (HANDLE_KILLPRIV), or it is done here on the mode that the
 * server has now.
 */
const without_setid = kfn('fuse_kill_suidgid', function* (inode: Inode, attr: Iattr): Step<Iattr | number> {
  const { fc } = inode.fuse!
  if (fuse_has(fc, 'HANDLE_KILLPRIV') || fuse_has(fc, 'HANDLE_KILLPRIV_V2')) return { ...attr, mode: undefined }
  const rc = yield* fuse_do_getattr(inode, null)
  if (rc < 0) return rc
  const mode = inode.i_mode
  const gone = S_ISUID | ((mode & S_IXGRP) !== 0 ? S_ISGID : 0)
  return { ...attr, mode: (mode & gone) !== 0 ? mode & ~gone : undefined, kill: true }
})

/** fuse_setattr(): nothing asked for, nothing sent. */
export const fuse_setattr = kfn('fuse_setattr', function* (inode: Inode, attr: Iattr): Step<number> {
  if (fuse_is_bad(inode)) return -EIO
  const { mode, uid, gid, size, atime, mtime } = attr
  if ([mode, uid, gid, size, atime, mtime].every(v => v === undefined)) return 0
  const given_away = (uid !== undefined || gid !== undefined) && !S_ISDIR(inode.i_mode)
  const what = given_away ? yield* without_setid(inode, attr) : attr
  return typeof what === 'number' ? what : yield* fuse_do_setattr(inode, what)
})
