// open(2): walk, make the name if it is to be made, check, let the file system open it, give a descriptor.
import { DAX_MAJOR, MAJOR } from '../../devdax/index.ts'
import { down_write, kfn, type Step, up_write } from '../../sim/index.ts'
import {
  EACCES,
  EEXIST,
  EINVAL,
  EISDIR,
  ELOOP,
  ENOENT,
  ENOMEM,
  ENOTDIR,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
} from '../../wire/index.ts'
import { dax_file_ops } from '../dax/device.ts'
import { mark } from '../marks.ts'
import { MEM_MAJOR, memory_fops } from '../mem.ts'
import type { task_struct } from '../task_struct.ts'
import { do_truncate } from './attr.ts'
import { d_alloc, is_special, may_create } from './create.ts'
import { type Dentry, d_has } from './dcache.ts'
import {
  AT_FDCWD,
  dirfd,
  File,
  FMODE_CAN_ODIRECT,
  fd_install,
  fput,
  O_ACCMODE,
  O_CREAT,
  O_DIRECT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOCTTY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  O_TMPFILE,
  O_TRUNC,
  O_WRONLY,
} from './file.ts'
import {
  type FileOps,
  type Inode,
  IS_DAX,
  inode_owner_or_capable,
  MAY_EXEC,
  MAY_READ,
  MAY_WRITE,
  S_ISBLK,
  S_ISCHR,
  S_ISDIR,
  S_ISFIFO,
  S_ISLNK,
  S_ISREG,
} from './inode.ts'
import {
  cross_mounts,
  filename_parentat,
  inode_permission,
  kern_path,
  lookup_one,
  MAX_LINKS,
  may_open_dev,
} from './namei.ts'
import { path_get, path_put } from './path.ts'
import { pipefifo_fops } from './pipe.ts'

/** A descriptor, or -errno of the walk, the permission or the file system. */
export const do_sys_open = kfn(
  'do_sys_open',
  function* (ts: task_struct, at: number, path: string, flags: number, mode: number): Step<number> {
    const from = at === AT_FDCWD ? undefined : dirfd(ts, at)
    if (typeof from === 'number') return from
    // build_open_flags()
    if ((flags & O_PATH) !== 0) flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW
    if ((flags & O_TMPFILE & ~O_DIRECTORY) !== 0) {
      if ((flags & (O_TMPFILE | O_CREAT)) !== O_TMPFILE || (flags & O_ACCMODE) === O_RDONLY) return -EINVAL
      const file = yield* do_tmpfile(ts, path, flags & ~O_TMPFILE, mode, from)
      return typeof file === 'number' ? file : fd_install(ts, file)
    }
    if ((flags & O_CREAT) !== 0 && (flags & O_DIRECTORY) !== 0) return -EINVAL
    // alloc_empty_file()
    if (ts.k.enomem('filp')) return -ENOMEM
    if ((flags & O_CREAT) !== 0) {
      const file = yield* open_creat(ts, path, flags, mode, from)
      return typeof file === 'number' ? file : fd_install(ts, file)
    }
    const d = yield* kern_path(ts.k, path, (flags & O_NOFOLLOW) === 0, from)
    if (typeof d === 'number') return d
    const file = yield* do_open(d, flags)
    return typeof file === 'number' ? file : fd_install(ts, file)
  },
)

/** chdir(2) */
export const do_chdir = kfn('do_chdir', function* (ts: task_struct, path: string): Step<number> {
  const d = yield* kern_path(ts.k, path, true)
  if (typeof d === 'number') return d
  const inode = d.d_inode.peek()!
  if (!S_ISDIR(inode.i_mode)) return -ENOTDIR
  const may = yield* inode_permission(inode, MAY_EXEC)
  if (may < 0) return may
  const old = ts.cwd.peek()
  path_get(d)
  ts.cwd.poke(d)
  if (old !== null) yield* path_put(old)
  return 0
})

/** Operations of what `d` names, or -errno. */
const f_op_of = (inode: Inode): FileOps | number => {
  if (S_ISREG(inode.i_mode) || S_ISDIR(inode.i_mode)) return inode.i_fop
  if (S_ISFIFO(inode.i_mode)) return pipefifo_fops
  if (!S_ISCHR(inode.i_mode)) return -ENXIO // sockets and block devices: nobody at the other end
  const major = MAJOR(inode.i_rdev)
  if (major === DAX_MAJOR) return dax_file_ops(inode) ?? -ENXIO
  return major === MEM_MAJOR ? memory_fops(inode) : -ENXIO
}

/** may_open(): 0, or why what is there cannot be opened like this. */
const may_open = kfn('may_open', function* (d: Dentry, flags: number, mask: number): Step<number> {
  const inode = d.d_inode.peek()!
  const { i_mode } = inode
  if (S_ISLNK(i_mode)) return -ELOOP
  if (S_ISDIR(i_mode) && (mask & MAY_WRITE) !== 0) return -EISDIR
  if ((S_ISCHR(i_mode) || S_ISBLK(i_mode)) && !may_open_dev(d)) return -EACCES
  const may = yield* inode_permission(inode, mask)
  return may === 0 && (flags & O_NOATIME) !== 0 && !inode_owner_or_capable(inode) ? -EPERM : may
})

/**
 * The end of do_dentry_open(): the flags that only open(2) looks at go. Memory that is mapped as it is has no other way to be
 * read, so there is no O_DIRECT (oracle rw.odirect); what open did until here stays done. 0 or -EINVAL.
 */
const finish_open = (file: File): number => {
  const { f_inode, f_flags } = file
  if (S_ISREG(f_inode.i_mode) && !IS_DAX(f_inode)) file.f_mode |= FMODE_CAN_ODIRECT
  file.f_flags = f_flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC)
  return (f_flags & O_DIRECT) !== 0 && (file.f_mode & FMODE_CAN_ODIRECT) === 0 ? -EINVAL : 0
}

/** do_open(): the open file of a name that is there. */
const do_open = kfn('do_open', function* (d: Dentry, flags: number, created = false): Step<File | number> {
  const inode = d.d_inode.peek()!
  const acc = flags & O_ACCMODE
  const is_dir = S_ISDIR(inode.i_mode)
  if (is_dir && (flags & O_CREAT) !== 0) return -EISDIR
  if (!is_dir && (flags & O_DIRECTORY) !== 0) return -ENOTDIR
  if ((flags & O_PATH) !== 0) return new File(d, flags, {})
  if (!created) {
    const write = acc !== O_RDONLY || (flags & O_TRUNC) !== 0
    const may = yield* may_open(d, flags, (acc === O_WRONLY ? 0 : MAY_READ) | (write ? MAY_WRITE : 0))
    if (may < 0) return may
  }
  const ops = f_op_of(inode)
  if (typeof ops === 'number') return ops
  const file = new File(d, flags, ops)
  const rc = ops.open ? yield* ops.open(inode, file) : 0
  if (rc < 0) {
    yield* path_put(d)
    return rc
  }
  const bad = finish_open(file)
  if (bad < 0) {
    mark(inode.k.m, 'do_open', 'O_DIRECT refused')
    yield* fput(file)
    return bad
  }
  // handle_truncate()
  const err =
    (flags & O_TRUNC) !== 0 && !created && S_ISREG(inode.i_mode)
      ? yield* do_truncate(inode, 0, { file, open: true })
      : 0
  if (err === 0) return file
  yield* fput(file)
  return err
})

/** open(2) with O_CREAT: a name that is not there is made, with its directory locked. */
const open_creat = kfn(
  'lookup_open',
  function* (ts: task_struct, path: string, flags: number, mode: number, from?: Dentry): Step<File | number> {
    const { k } = ts
    let at = yield* filename_parentat(k, path, from)
    for (let links = 0; ; links++) {
      if (typeof at === 'number') return at
      if (is_special(at.name)) return (flags & O_EXCL) !== 0 ? -EEXIST : -EISDIR
      if (path.endsWith('/')) return -EISDIR
      const there = yield* lookup_one(k, at.dir, at.name, (flags & O_EXCL) !== 0)
      if (there === -ENOENT) break
      if (typeof there === 'number') return there
      if ((flags & O_EXCL) !== 0) return -EEXIST
      const link = there.d_inode.peek()!.i_link
      if (link === null || (flags & O_NOFOLLOW) !== 0) return yield* do_open(cross_mounts(there), flags)
      // What a link points to is made, if need be.
      if (links === MAX_LINKS) return -ELOOP
      path = link
      at = yield* filename_parentat(k, path, at.dir)
    }
    const { dir, name } = at
    const inode = dir.d_inode.peek()!
    const may = yield* may_create(inode)
    if (may < 0) return may
    yield* down_write(inode.i_rwsem)
    const d = d_alloc(dir, name, false)
    const made = yield* create_name(ts, inode, d, flags, mode & 0o7777 & ~ts.umask.peek())
    yield* up_write(inode.i_rwsem)
    if (typeof made !== 'number') {
      finish_open(made)
      return made
    }
    // Somebody else made it in between: it is opened as it is.
    const found = made === -EEXIST && (flags & O_EXCL) === 0 ? yield* lookup_one(k, dir, name) : made
    if (typeof found !== 'number') return yield* do_open(found, flags)
    return found < 0 ? found : yield* do_open(d, flags, true)
  },
)

/** open(2) with O_TMPFILE: a file that is in no directory and goes with its last use; `path` says on which file system. */
const do_tmpfile = kfn(
  'do_tmpfile',
  function* (ts: task_struct, path: string, flags: number, mode: number, from?: Dentry): Step<File | number> {
    const at = yield* kern_path(ts.k, path, true, from)
    if (typeof at === 'number') return at
    const dir = at.d_inode.peek()!
    if (!S_ISDIR(dir.i_mode)) return -ENOTDIR
    const may = yield* inode_permission(dir, MAY_WRITE | MAY_EXEC)
    if (may < 0) return may
    if (!dir.i_op.tmpfile) return -EOPNOTSUPP
    const d = d_alloc(at, '', false)
    const rc = yield* dir.i_op.tmpfile(dir, d, mode & 0o7777 & ~ts.umask.peek())
    return rc < 0 ? rc : yield* do_open(d, flags, true)
  },
)

/** The new name made: 0 when it is still to be opened, the open file, or -errno. */
const create_name = kfn(
  'lookup_open create',
  function* (_ts: task_struct, dir: Inode, d: Dentry, flags: number, mode: number): Step<File | number> {
    if (d_has(d.d_parent!, d.d_name)) return -EEXIST
    if (dir.i_op.atomic_open) return yield* dir.i_op.atomic_open(dir, d, flags, mode)
    return dir.i_op.create ? yield* dir.i_op.create(dir, d, mode) : -EACCES
  },
)
