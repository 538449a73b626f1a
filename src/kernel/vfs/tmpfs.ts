// tmpfs: the host's own small file system (mm/shmem.c), with files, directories, links and nodes. What a file holds is a list of
// pieces that are never changed, only replaced, so that it rewinds and a program may keep what it read.
import { assert, Cell, divDown, divUp, kfn, max, min, type Step } from '../../sim/index.ts'
import { EEXIST, EINVAL, ENODATA, ENXIO, EOPNOTSUPP, textLength } from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import { mode_to_set, setattr_prepare } from './attr.ts'
import { Dentry } from './dcache.ts'
import type { File } from './file.ts'
import {
  copyable,
  type FileOps,
  type Iattr,
  Inode,
  type InodeOps,
  type Kiocb,
  new_attr,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFREG,
  S_ISDIR,
  S_ISREG,
  type StatFs,
} from './inode.ts'
import {
  BOGO_DIRENT_SIZE,
  d_add,
  init_owner,
  instantiate,
  noop_fsync,
  simple_link,
  simple_rename,
  simple_rmdir,
  simple_unlink,
  touch,
} from './libfs.ts'
import { generic_file_llseek, SEEK_DATA, SEEK_HOLE, vfs_setpos } from './llseek.ts'
import { generic_write_checks } from './read_write.ts'

/** Bytes of one piece of a file. */
const PIECE = 0x10000
const PAGE = 4096
/** A link of so many bytes takes a page. */
const SHORT_SYMLINK_LEN = 128
const TMPFS_MAGIC = 0x01021994
/** Half the memory of a host of 24 GiB, in pages; what is used is not counted. */
const TMPFS_BLOCKS = 3_000_000

/** A file's pieces; one that was never written is null and reads as zeros, as does what a piece has not. */
type Pieces = readonly (Uint8Array | null)[]

/** What a tmpfs inode has besides. */
export interface TmpfsNode {
  readonly data: Cell<Pieces> | null
  readonly xattrs: Cell<readonly { readonly name: string; readonly value: Uint8Array }[]>
}

const NO_PIECES: Pieces = []

/** A node of tmpfs with nothing in it. */
function shmem_get_inode(k: Kernel, mode: number, o: { uid?: number; gid?: number; rdev?: number } = {}): Inode {
  const now = k.m.current === null ? 0 : k.m.clock()
  const dir = S_ISDIR(mode)
  const inode = new Inode(k, k.new_ino(), new_attr(mode, dir ? 2 : 1, now, o.uid, o.gid), {
    i_op: dir ? shmem_dir_inode_operations : shmem_inode_operations,
    i_fop: S_ISREG(mode) ? shmem_file_operations : dir ? shmem_dir_operations : {},
    rdev: o.rdev,
    leaf: dir ? undefined : k.leaf_inode,
  })
  if (dir) inode.i_size.poke(2 * BOGO_DIRENT_SIZE)
  inode.tmpfs = {
    data: S_ISREG(mode) ? new Cell<Pieces>(k.m, 'shmem pages', NO_PIECES) : null,
    xattrs: dir || S_ISREG(mode) ? new Cell<readonly never[]>(k.m, 'shmem xattrs', []) : k.no_xattrs,
  }
  return inode
}

export function tmpfs_root(k: Kernel): Dentry {
  return new Dentry(k, '', null, shmem_get_inode(k, S_IFDIR | 0o755))
}

const shmem_mknod = kfn(
  'shmem_mknod',
  function* (dir: Inode, dentry: Dentry, mode: number, rdev: number): Step<number> {
    const owner = init_owner(dir, mode)
    return instantiate(dentry, shmem_get_inode(dir.k, owner.mode, { ...owner, rdev }))
  },
)

/** shmem_tmpfile(): a file that no directory names. */
const shmem_tmpfile = kfn('shmem_tmpfile', function* (dir: Inode, dentry: Dentry, mode: number): Step<number> {
  const owner = init_owner(dir, S_IFREG | mode)
  const inode = shmem_get_inode(dir.k, owner.mode, owner)
  touch(inode, { nlink: 0 })
  dentry.d_inode.poke(inode)
  return 0
})

const shmem_symlink = kfn('shmem_symlink', function* (dir: Inode, dentry: Dentry, target: string): Step<number> {
  const owner = init_owner(dir, S_IFLNK | 0o777)
  const inode = shmem_get_inode(dir.k, owner.mode, owner)
  inode.i_link = target
  inode.i_size.poke(textLength(target))
  if (textLength(target) >= SHORT_SYMLINK_LEN) touch(inode, { blocks: PAGE / 512 })
  return instantiate(dentry, inode)
})

const shmem_setattr = kfn('shmem_setattr', function* (inode: Inode, attr: Iattr): Step<number> {
  const rc = setattr_prepare(inode, attr)
  if (rc < 0) return rc
  const { data } = inode.tmpfs!
  if (attr.size !== undefined && data !== null) {
    const { size } = attr
    const n = divDown(size, PIECE)
    const kept = data.peek().slice(0, divUp(size, PIECE))
    const last = kept[n]
    if (last) kept[n] = last.slice(0, size - n * PIECE)
    data.poke(kept)
    inode.i_size.poke(size)
    touch(inode, { blocks: blocks_of(kept) })
  }
  const a = inode.i_attr.peek()
  const { uid = a.uid, gid = a.gid, atime = a.atime, mtime = a.mtime } = attr
  const mode = attr.mode === undefined ? a.mode : attr.kill ? attr.mode : mode_to_set(inode, attr.mode)
  inode.i_attr.poke({
    ...a,
    mode: (a.mode & ~0o7777) | (mode & 0o7777),
    uid,
    gid,
    atime,
    mtime,
    ctime: inode.k.m.clock(),
  })
  return 0
})

/** Units of 512 bytes under these pieces: whole pages. */
const blocks_of = (pieces: Pieces): number => {
  let pages = 0
  for (const p of pieces) if (p !== null && p !== undefined) pages += divUp(p.length, PAGE)
  return pages * (PAGE / 512)
}

/** xattr_resolve_name(): 0, or -errno for a name that tmpfs has no handler for. */
const xattr_resolve_name = (name: string): number => {
  const prefix = ['user.', 'trusted.', 'security.'].find(p => name.startsWith(p))
  return prefix === undefined ? -EOPNOTSUPP : name === prefix ? -EINVAL : 0
}

const shmem_getxattr = kfn('shmem_getxattr', function* (inode: Inode, name: string): Step<Uint8Array | number> {
  const bad = xattr_resolve_name(name)
  if (bad < 0) return bad
  return inode.tmpfs!.xattrs.peek().find(x => x.name === name)?.value ?? -ENODATA
})

const XATTR_CREATE = 1
const XATTR_REPLACE = 2

const shmem_setxattr = kfn(
  'shmem_setxattr',
  function* (inode: Inode, name: string, value: Uint8Array, flags: number): Step<number> {
    const bad = xattr_resolve_name(name)
    if (bad < 0) return bad
    const { xattrs } = inode.tmpfs!
    const old = xattrs.peek()
    const there = old.some(x => x.name === name)
    if (!S_ISDIR(inode.i_mode) && !S_ISREG(inode.i_mode)) return -EOPNOTSUPP
    if (there && (flags & XATTR_CREATE) !== 0) return -EEXIST
    if (!there && (flags & XATTR_REPLACE) !== 0) return -ENODATA
    xattrs.poke([...old.filter(x => x.name !== name), { name, value: value.slice() }])
    return 0
  },
)

const shmem_removexattr = kfn('shmem_removexattr', function* (inode: Inode, name: string): Step<number> {
  const bad = xattr_resolve_name(name)
  if (bad < 0) return bad
  const { xattrs } = inode.tmpfs!
  const old = xattrs.peek()
  const kept = old.filter(x => x.name !== name)
  if (kept.length === old.length) return -ENODATA
  xattrs.poke(kept)
  return 0
})

const shmem_listxattr = kfn('shmem_listxattr', function* (inode: Inode): Step<string[] | number> {
  return inode.tmpfs!.xattrs.peek().map(x => x.name)
})

const shmem_read_iter = kfn('shmem_file_read_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const left = inode.i_size.peek() - iocb.pos
  const n = copyable(iocb, max(0, min(left, iocb.count)))
  if (n < 0) return n
  const pieces = inode.tmpfs!.data!.peek()
  const to = iocb.buf.subarray(0, n)
  to.fill(0)
  for (let done = 0; done < n; ) {
    const at = iocb.pos + done
    const i = divDown(at, PIECE)
    const off = at - i * PIECE
    const len = min(PIECE - off, n - done)
    const piece = pieces[i]
    if (piece) to.set(piece.subarray(off, min(off + len, piece.length)), done)
    done += len
  }
  return n
})

const shmem_write_iter = kfn('shmem_file_write_iter', function* (iocb: Kiocb): Step<number> {
  const inode = iocb.file.f_inode
  const { data } = inode.tmpfs!
  const n = copyable(iocb, iocb.count)
  if (n <= 0) return n
  yield* generic_write_checks(iocb)
  const pieces = data!.peek().slice()
  const from = iocb.buf
  for (let done = 0; done < n; ) {
    const at = iocb.pos + done
    const i = divDown(at, PIECE)
    const off = at - i * PIECE
    const len = min(PIECE - off, n - done)
    const old = pieces[i] ?? null
    const piece = new Uint8Array(max(old?.length ?? 0, off + len))
    if (old) piece.set(old)
    piece.set(from.subarray(done, done + len), off)
    while (pieces.length < i) pieces.push(null)
    pieces[i] = piece
    done += len
  }
  data!.poke(pieces)
  if (iocb.pos + n > inode.i_size.peek()) inode.i_size.poke(iocb.pos + n)
  touch(inode, { blocks: blocks_of(pieces) })
  return n
})

/** What is data and what is a hole, as far as a file's pieces tell: a piece is data up to the last page that was written. */
const shmem_seek = (inode: Inode, off: number, data: boolean): number => {
  const size = inode.i_size.peek()
  const pieces = inode.tmpfs!.data!.peek()
  const ends = (at: number): number => {
    const i = divDown(at, PIECE)
    const piece = pieces[i]
    return piece ? i * PIECE + divUp(piece.length, PAGE) * PAGE : i * PIECE
  }
  for (let at = off; at < size; ) {
    const end = ends(at)
    const here = at < end
    if (here === data) return at
    at = here ? end : (divDown(at, PIECE) + 1) * PIECE
  }
  return data ? -ENXIO : size
}

/** shmem_file_llseek() */
const shmem_file_llseek = kfn('shmem_file_llseek', function* (file: File, off: number, whence: number): Step<number> {
  const inode = file.f_inode
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return yield* generic_file_llseek(file, off, whence)
  if (off < 0 || off >= inode.i_size.peek()) return -ENXIO
  const to = shmem_seek(inode, off, whence === SEEK_DATA)
  return to < 0 ? to : yield* vfs_setpos(file, to)
})

const FALLOC_FL_KEEP_SIZE = 1

const shmem_fallocate = kfn('shmem_fallocate', function* (file, mode: number, off: number, len: number): Step<number> {
  if ((mode & ~FALLOC_FL_KEEP_SIZE) !== 0) return -EOPNOTSUPP
  const { i_size } = file.f_inode
  if ((mode & FALLOC_FL_KEEP_SIZE) === 0 && off + len > i_size.peek()) i_size.poke(off + len)
  return 0
} satisfies (...a: Parameters<NonNullable<FileOps['fallocate']>>) => Step<number>)

const shmem_file_operations: FileOps = {
  read_iter: shmem_read_iter,
  write_iter: shmem_write_iter,
  llseek: shmem_file_llseek,
  fsync: noop_fsync,
  fallocate: shmem_fallocate,
}

const shmem_dir_operations: FileOps = { fsync: noop_fsync }

const shmem_inode_operations: InodeOps = {
  setattr: shmem_setattr,
  getxattr: shmem_getxattr,
  setxattr: shmem_setxattr,
  listxattr: shmem_listxattr,
  removexattr: shmem_removexattr,
}

const shmem_dir_inode_operations: InodeOps = {
  ...shmem_inode_operations,
  tmpfile: shmem_tmpfile,
  create: (dir, d, mode) => shmem_mknod(dir, d, S_IFREG | mode, 0),
  mkdir: (dir, d, mode) => shmem_mknod(dir, d, S_IFDIR | mode, 0),
  mknod: shmem_mknod,
  symlink: shmem_symlink,
  link: simple_link,
  unlink: simple_unlink,
  rmdir: simple_rmdir,
  rename: simple_rename,
}

/** shmem_statfs(): numbers of the host's memory. */
export const shmem_statfs = (): StatFs => ({
  type: TMPFS_MAGIC,
  bsize: PAGE,
  blocks: TMPFS_BLOCKS,
  bfree: TMPFS_BLOCKS,
  bavail: TMPFS_BLOCKS,
  files: TMPFS_BLOCKS,
  ffree: TMPFS_BLOCKS,
  namelen: 255,
  frsize: PAGE,
})

// What a host finds in its name space when it starts is made without a process.

const add = (k: Kernel, path: string, mode: number, o: { rdev?: number; link?: string }): Inode => {
  const names = path.split('/').filter(s => s !== '')
  const name = names.pop()
  assert(name !== undefined, `a node needs a name: ${path}`)
  const dir = tmpfs_mkdir(k, names.join('/'))
  const inode = shmem_get_inode(k, mode, o)
  inode.i_link = o.link ?? null
  d_add(dir, new Dentry(k, name, dir, inode, k.leaf_dentry))
  return inode
}

/** mkdir -p */
export function tmpfs_mkdir(k: Kernel, path: string, mode = 0o755): Dentry {
  let d = k.root
  for (const n of path.split('/').filter(s => s !== '')) {
    let next = d.children.get(n)
    if (next === undefined) {
      next = new Dentry(k, n, d, shmem_get_inode(k, S_IFDIR | mode))
      d_add(d, next)
    }
    d = next
  }
  return d
}
/** A device node; `type` S_IFBLK for a block device. */
export const tmpfs_mknod = (k: Kernel, path: string, rdev: number, type = S_IFCHR): Inode =>
  add(k, path, type | 0o600, { rdev })
/** A regular file with these bytes. */
export const tmpfs_create = (k: Kernel, path: string, bytes: Uint8Array | string = ''): Inode => {
  const inode = add(k, path, S_IFREG | 0o644, {})
  const b = typeof bytes === 'string' ? Uint8Array.from(bytes, c => c.charCodeAt(0)) : bytes
  const pieces: Uint8Array[] = []
  for (let at = 0; at < b.length; at += PIECE) pieces.push(b.slice(at, at + PIECE))
  inode.tmpfs!.data!.poke(pieces)
  inode.i_size.poke(b.length)
  touch(inode, { blocks: blocks_of(pieces) })
  return inode
}
/** What a file of the host's own name space holds, looked at without a process; null: there is no such file. Links are not followed. */
export function kern_read(k: Kernel, path: string): Uint8Array | null {
  let d: Dentry | undefined = k.root
  for (const n of path.split('/').filter(s => s !== '')) d = d?.children.get(n)
  const inode = d?.d_inode.peek() ?? null
  const data = inode?.tmpfs?.data ?? null
  if (inode === null || data === null) return null
  const b = new Uint8Array(inode.i_size.peek())
  data.peek().forEach((p, i) => {
    if (p !== null) b.set(p.subarray(0, max(0, b.length - i * PIECE)), i * PIECE)
  })
  return b
}
/** A symbolic link. */
export const tmpfs_symlink = (k: Kernel, path: string, to: string): Inode => add(k, path, S_IFLNK | 0o777, { link: to })
