// The low-level operations of the daemon (userspace.md e.2, e.4), one handler each. What is not here is ENOSYS.
import { LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, O_DIRECT, O_DIRECTORY, O_RDONLY } from '../../kernel/index.ts'
import type { Fmap } from '../../media/index.ts'
import { Cell, divDown, Killed, kfn, min, type Op, type Step } from '../../sim/index.ts'
import {
  type DirentPlus,
  direntLength,
  EINVAL,
  ENODATA,
  ENODEV,
  ENOENT,
  EOPNOTSUPP,
  ERANGE,
  encodeDaxdev,
  encodeFmap,
  FATTR_GID,
  FATTR_MODE,
  FATTR_MTIME,
  FATTR_SIZE,
  FATTR_UID,
  type FileMap,
  FOPEN_CACHE_DIR,
  FOPEN_DIRECT_IO,
  FOPEN_KEEP_CACHE,
  FOPEN_PARALLEL_DIRECT_WRITES,
  FUSE_FAMFS_FILE_LOG,
  FUSE_FAMFS_FILE_REG,
  FUSE_FAMFS_FILE_SUPERBLOCK,
  FUSE_KERNEL_VERSION,
  FUSE_LK_FLOCK,
  FUSE_RELEASE_FLOCK_UNLOCK,
  fmapLength,
  fuse_attr_out,
  fuse_entry_out,
  fuse_famfs_fmap_header,
  fuse_forget_one,
  fuse_getxattr_out,
  fuse_init_out,
  fuse_open_out,
  fuse_statfs_out,
  hasInitFlag,
  INIT_BIT,
  initFlagsInForce,
  initFlagWords,
  packDirents,
  packDirentsPlus,
  putText,
  type Request,
  textLength,
  viewOf,
} from '../../wire/index.ts'
import type { FlockAnswer } from './flock.ts'
import { type Fused, fused_daxdev, type Worker } from './fused.ts'
import type { FusedAttr, FusedInode } from './icache.ts'
import { attr_of, fail, famfs_do_lookup } from './lookup.ts'
import type { Handler, Handlers, Reply } from './session.ts'
import { fused_statfs } from './statfs.ts'

const MINOR = 45
const MAX_WRITE = 0x100000
/** Longest GET_FMAP reply, bytes. */
const FMAP_MAX = 4096
/** The one extended attribute there is: where the shadow tree lies. */
const SHADOW_XATTR = 'user.famfs.shadow'

/** INIT flags it wants when the kernel offers them (libfuse's own among them). */
const WANTED = [
  INIT_BIT.ASYNC_READ,
  INIT_BIT.ATOMIC_O_TRUNC,
  INIT_BIT.BIG_WRITES,
  INIT_BIT.DO_READDIRPLUS,
  INIT_BIT.READDIRPLUS_AUTO,
  INIT_BIT.MAX_PAGES,
  INIT_BIT.PARALLEL_DIROPS,
  INIT_BIT.INIT_EXT,
]

type Handle = (d: Fused, req: Request, w: Worker) => Step<Reply>

const err = (errno: number): Reply => ({ errno })

/** Attributes as they travel. */
const wire_attr = (a: FusedAttr) => {
  const { ino, size, blocks, atime, mtime, ctime, mode, nlink, uid, gid, blksize } = a
  const sec = (ns: number): number => divDown(ns, 1e9)
  return {
    ino,
    size,
    blocks,
    atime: sec(atime),
    mtime: sec(mtime),
    ctime: sec(ctime),
    atimensec: atime % 1e9,
    mtimensec: mtime % 1e9,
    ctimensec: ctime % 1e9,
    mode,
    nlink,
    uid,
    gid,
    blksize,
  }
}

/** What a look-up answers with; null: a name known not to be there. */
const entry_values = (d: Fused, inode: FusedInode | null) => ({
  nodeid: inode === null ? 0 : inode.nodeid,
  entry_valid: d.valid,
  attr_valid: d.valid,
  entry_valid_nsec: d.valid_nsec,
  attr_valid_nsec: d.valid_nsec,
  attr: inode === null ? {} : wire_attr(inode.attr.peek()),
})

const attr_reply = (d: Fused, a: FusedAttr): Reply => ({
  def: fuse_attr_out,
  values: { attr_valid: d.valid, attr_valid_nsec: d.valid_nsec, attr: wire_attr(a) },
})

/** Drop references of the kernel's, and close the directories that went with them. */
const put = kfn('famfs_inode_put', function* (d: Fused, w: Worker, inode: FusedInode, n: number): Step<void> {
  for (const fd of d.icache.put(inode, n)) yield* w.sys.close(fd)
})

function* init(d: Fused, req: Request): Step<Reply> {
  const offered = initFlagsInForce(req.arg)
  const bits: number[] = WANTED.filter(b => hasInitFlag(offered, b))
  const want = (bit: number): void => void (hasInitFlag(offered, bit) && bits.push(bit))
  if (d.options.flock) want(INIT_BIT.FLOCK_LOCKS)
  if (d.options.daxdev !== null) want(d.k.profile.t.dax_fmap_bit)
  const { flags, flags2 } = initFlagWords(bits)
  const { max_readahead } = req.arg
  return {
    def: fuse_init_out,
    values: {
      major: FUSE_KERNEL_VERSION,
      minor: min(MINOR, req.arg.minor),
      max_readahead,
      flags,
      flags2,
      max_write: MAX_WRITE,
      time_gran: 1,
      max_pages: 256,
    },
  }
}

function* lookup(d: Fused, req: Request, w: Worker): Step<Reply> {
  const parent = d.icache.byNode(req.nodeid)
  if (parent === undefined) return err(EINVAL)
  const found = yield* famfs_do_lookup(d, w, parent, req.names[0]!)
  if (typeof found === 'number' && found !== 0) return err(found)
  return { def: fuse_entry_out, values: entry_values(d, typeof found === 'number' ? null : found) }
}

function* forget(d: Fused, req: Request, w: Worker): Step<Reply> {
  const inode = d.icache.byNode(req.nodeid)
  if (inode !== undefined) yield* put(d, w, inode, req.arg.nlookup)
  return null
}

function* batch_forget(d: Fused, req: Request, w: Worker): Step<Reply> {
  const { data } = req
  for (let at = 0; at < data.length; at += fuse_forget_one.size) {
    const { nodeid, nlookup } = fuse_forget_one.read(viewOf(data), data.byteOffset + at)
    const inode = d.icache.byNode(nodeid)
    if (inode !== undefined) yield* put(d, w, inode, nlookup)
  }
  return null
}

/** The root's attributes are the shadow tree's; all others are those that the look-up found. */
function* getattr(d: Fused, req: Request, w: Worker): Step<Reply> {
  const inode = d.icache.byNode(req.nodeid)
  if (inode === undefined) return err(EINVAL)
  if (inode !== d.icache.root) return attr_reply(d, inode.attr.peek())
  const st = yield* w.sys.fstat(inode.fd)
  return typeof st === 'number' ? err(fail(w, st)) : attr_reply(d, attr_of(st))
}

/** Mode, owner and time of change are kept in memory, as long as the daemon lives. A size is refused. */
function* setattr(d: Fused, req: Request): Step<Reply> {
  const inode = d.icache.byNode(req.nodeid)
  if (inode === undefined) return err(EINVAL)
  const { valid, mode, uid, gid, size, mtime, mtimensec } = req.arg
  // The reference that the look at it took stays (Q33).
  if (d.server.has('Q33')) d.icache.ref(inode)
  if ((valid & FATTR_SIZE) !== 0) {
    // The log line that tells of it has one argument too few: the size is taken for the address of a string (Q3).
    if (size !== 0 && d.server.has('Q3')) throw new Killed('SIGSEGV', null)
    return err(EINVAL)
  }
  const a = inode.attr.peek()
  const changed: FusedAttr = {
    ...a,
    mode: (valid & FATTR_MODE) === 0 ? a.mode : (a.mode & ~0o7777) | (mode & 0o7777),
    uid: (valid & FATTR_UID) === 0 ? a.uid : uid,
    gid: (valid & FATTR_GID) === 0 ? a.gid : gid,
    mtime: (valid & FATTR_MTIME) === 0 ? a.mtime : mtime * 1e9 + mtimensec,
  }
  if ((valid & (FATTR_MODE | FATTR_UID | FATTR_GID | FATTR_MTIME)) !== 0) {
    inode.attr.poke(changed)
    inode.pinned.poke(true)
  }
  return attr_reply(d, changed)
}

/** Whatever is asked for. The reference is the open file's. */
function* open(d: Fused, req: Request): Step<Reply> {
  const inode = d.icache.byNode(req.nodeid)
  if (inode === undefined) return err(EINVAL)
  d.icache.ref(inode)
  const { cache } = d.options
  let open_flags = FOPEN_PARALLEL_DIRECT_WRITES
  if ((req.arg.flags & O_DIRECT) !== 0 || cache === 'never') open_flags |= FOPEN_DIRECT_IO
  if (cache === 'always') open_flags |= FOPEN_KEEP_CACHE
  return { def: fuse_open_out, values: { fh: -1, open_flags } }
}

/** The caller is answered first; then the lock goes, and the open file's reference. */
function* release(d: Fused, req: Request, w: Worker): Step<Reply> {
  yield* w.reply(req.unique, { errno: 0 })
  const inode = d.icache.byNode(req.nodeid)
  if (inode === undefined) return null
  const { release_flags, lock_owner } = req.arg
  const owner = (release_flags & FUSE_RELEASE_FLOCK_UNLOCK) === 0 ? null : lock_owner
  yield* answer_others(w, d.flock.released(inode.ino, owner))
  yield* put(d, w, inode, 1)
  return null
}

function* opendir(d: Fused, req: Request, w: Worker): Step<Reply> {
  const inode = d.icache.byNode(req.nodeid)
  if (inode === undefined) return err(EINVAL)
  const fd = yield* w.sys.openat(inode.fd, '.', O_RDONLY | O_DIRECTORY)
  if (fd < 0) return err(fail(w, fd))
  d.dirs.set(fd, { fd, names: new Cell(d.k.m, 'shadow directory', []) })
  const open_flags = d.options.cache === 'always' ? FOPEN_KEEP_CACHE | FOPEN_CACHE_DIR : 0
  return { def: fuse_open_out, values: { fh: fd, open_flags } }
}

const DIRECTORY_TYPE = 4

/** Names of an open directory from `offset` on, or -errno. They are read when the first is asked for. */
const names_from = kfn('readdir', function* (d: Fused, w: Worker, req: Request): Step<
  { name: string; ino: number; type: number; off: number }[] | number
> {
  const dir = d.dirs.get(req.arg.fh)
  const inode = d.icache.byNode(req.nodeid)
  if (dir === undefined || inode === undefined) return -EINVAL
  const { offset } = req.arg
  if (offset === 0) {
    const list = yield* w.sys.getdents(dir.fd)
    if (typeof list === 'number') return -fail(w, list)
    dir.names.poke([
      { name: '.', ino: inode.ino, type: DIRECTORY_TYPE },
      { name: '..', ino: inode.parent?.ino ?? inode.ino, type: DIRECTORY_TYPE },
      ...list,
    ])
  }
  return dir.names
    .peek()
    .slice(offset)
    .map((e, i) => ({ ...e, off: offset + i + 1 }))
})

function* readdir(d: Fused, req: Request, w: Worker): Step<Reply> {
  const names = yield* names_from(d, w, req)
  return typeof names === 'number' ? err(-names) : { bytes: packDirents(names, req.arg.size).bytes }
}

/** As READDIR, with what a look-up of each name would have answered; one that fails ends the list (Q29). */
function* readdirplus(d: Fused, req: Request, w: Worker): Step<Reply> {
  const names = yield* names_from(d, w, req)
  if (typeof names === 'number') return err(-names)
  const dir = d.icache.byNode(req.nodeid)!
  const out: DirentPlus[] = []
  let left: number = req.arg.size
  for (const e of names) {
    left -= direntLength(e.name, true)
    if (left < 0) break
    if (e.name === '.' || e.name === '..') {
      out.push({ ...e, entry: { attr: { ino: e.ino, mode: e.type << 12 } } })
      continue
    }
    const found = yield* famfs_do_lookup(d, w, dir, e.name)
    if (typeof found === 'number' && found !== 0 && d.server.has('Q29')) {
      if (out.length === 0) return err(found)
      break
    }
    out.push({ ...e, entry: typeof found === 'number' ? {} : entry_values(d, found) })
  }
  return { bytes: packDirentsPlus(out, req.arg.size).bytes }
}

function* releasedir(d: Fused, req: Request, w: Worker): Step<Reply> {
  if (d.dirs.delete(req.arg.fh)) yield* w.sys.close(req.arg.fh)
  return err(0)
}

function* statfs(d: Fused, _req: Request, w: Worker): Step<Reply> {
  const st = yield* fused_statfs(d, w)
  if (typeof st === 'number') return err(fail(w, st))
  return { def: fuse_statfs_out, values: { st } }
}

function* getxattr(d: Fused, req: Request): Step<Reply> {
  if (req.names[0] !== SHADOW_XATTR) return err(ENODATA)
  const { shadow } = d.options
  const size = textLength(shadow)
  if (req.arg.size === 0) return { def: fuse_getxattr_out, values: { size } }
  if (req.arg.size < size) return err(ERANGE)
  const bytes = new Uint8Array(size)
  putText(bytes, 0, shadow)
  return { bytes }
}

function* create(): Step<Reply> {
  return err(EOPNOTSUPP)
}

/** The map as it travels. */
const toFileMap = (size: number, fmap: Fmap): FileMap =>
  fmap.kind === 'simple'
    ? { fileSize: size, kind: 'simple', extents: fmap.extents }
    : {
        fileSize: size,
        kind: 'interleaved',
        groups: [{ chunkSize: fmap.chunkSize, nbytes: size, strips: fmap.strips }],
      }

/** What a file is to famfs: an ordinary one, whatever it is (Q40). */
const file_type = (d: Fused, inode: FusedInode): number => {
  const { parent } = inode
  const meta = parent !== null && parent.parent === d.icache.root && parent.name === '.meta'
  if (!meta || d.server.has('Q40')) return FUSE_FAMFS_FILE_REG
  if (inode.name === '.superblock') return FUSE_FAMFS_FILE_SUPERBLOCK
  return inode.name === '.log' ? FUSE_FAMFS_FILE_LOG : FUSE_FAMFS_FILE_REG
}

/** A map as its kernel wants it: the size alone when its buffer is smaller, filled up when only one length will do (B57). */
const fmap_body = (d: Fused, bytes: Uint8Array, room: number): Uint8Array => {
  const { profile } = d.k
  const { fmap_bufsize, fmap_size_in } = profile.t
  if (profile.has('B57')) {
    const whole = new Uint8Array(fmap_bufsize)
    whole.set(bytes)
    return whole
  }
  if (bytes.length <= room) return bytes
  if (fmap_size_in === 'header') return bytes.subarray(0, fuse_famfs_fmap_header.size)
  const size = new Uint8Array(4)
  viewOf(size).setUint32(0, bytes.length, true)
  return size
}

/** The map. What a kernel with B56 names a file by is its inode number; user space of that time went by it (inferred). */
function* get_fmap(d: Fused, req: Request): Step<Reply> {
  const inode = d.k.profile.has('B56') ? d.icache.byIno(req.nodeid) : d.icache.byNode(req.nodeid)
  if (inode === undefined) return err(EINVAL)
  if (inode.fmap === null) return err(ENOENT)
  const map = toFileMap(inode.attr.peek().size, inode.fmap)
  const length = fmapLength(map)
  if (length > FMAP_MAX) return err(EINVAL)
  const sized = req.arg !== null
  const bytes = encodeFmap(
    { ...map, fileType: file_type(d, inode), fmapSize: sized ? length : 0 },
    { stripIndexShifted: d.server.has('Q8') },
  )
  return { bytes: fmap_body(d, bytes, sized ? req.arg.size : length) }
}

/** The path of a device. The real daemon knows number 0 only. */
function* get_daxdev(d: Fused, req: Request, w: Worker): Step<Reply> {
  const index = req.nodeid
  if (d.options.daxdev === null) return err(index === 0 ? EOPNOTSUPP : EINVAL)
  const path = yield* fused_daxdev(d, w.sys, index)
  if (path === null) return err(d.server.several_devices ? ENODEV : EINVAL)
  return { bytes: encodeDaxdev(index, path) }
}

const [F_RDLCK, F_WRLCK] = [0, 1]

/** Requests that waited and have their answer now. */
const answer_others = kfn('famfs_flock_granted', function* (w: Worker, a: FlockAnswer): Step<void> {
  for (const { unique, errno } of a.others) yield* w.reply(unique, { errno })
})

/** flock(2) as the library hands it on. Locks of byte ranges are not asked for, and not there. */
const setlk = (wait: boolean) =>
  function* (d: Fused, req: Request, w: Worker): Step<Reply> {
    const inode = d.icache.byNode(req.nodeid)
    if (inode === undefined || (req.arg.lk_flags & FUSE_LK_FLOCK) === 0) return err(EINVAL)
    if (d.server.has('Q33')) d.icache.ref(inode)
    const { owner, lk } = req.arg
    const op = lk.type === F_RDLCK ? LOCK_SH : lk.type === F_WRLCK ? LOCK_EX : LOCK_UN
    const a = yield* d.flock.flock({ ino: inode.ino, owner, op: wait ? op : op | LOCK_NB, unique: req.unique })
    yield* answer_others(w, a)
    return a.errno === null ? null : err(a.errno)
  }

/** A caller got a signal. Who waits for a lock is let go; who is being answered is asked for again. */
function* interrupt(d: Fused, req: Request, w: Worker): Step<Reply> {
  const a = d.flock.interrupt(req.arg.unique)
  yield* answer_others(w, a)
  return a.errno === null ? null : err(a.errno)
}

const HANDLES: { readonly [name in keyof Handlers]?: Handle } = {
  INIT: init,
  LOOKUP: lookup,
  FORGET: forget,
  BATCH_FORGET: batch_forget,
  GETATTR: getattr,
  SETATTR: setattr,
  OPEN: open,
  RELEASE: release,
  OPENDIR: opendir,
  READDIR: readdir,
  READDIRPLUS: readdirplus,
  RELEASEDIR: releasedir,
  STATFS: statfs,
  GETXATTR: getxattr,
  CREATE: create,
  SETLK: setlk(false),
  SETLKW: setlk(true),
  INTERRUPT: interrupt,
  GET_FMAP: get_fmap,
  GET_DAXDEV: get_daxdev,
}

/** Made once: a function of the model has a name, and can be replaced by it. */
const OPERATIONS = Object.entries(HANDLES).map(
  ([name, handle]) => [name, kfn(`famfs_${name.toLowerCase()}`, handle)] as const,
)

/** The handlers of one daemon. */
export const fused_handlers = (d: Fused): Handlers<Worker> =>
  Object.fromEntries(
    OPERATIONS.map(([name, op]): [string, Handler<Worker>] => [name, (req, w): Op<Reply> => op(d, req, w)]),
  )
