// Inodes of a FUSE connection and their attributes (fs/fuse/inode.c; kernel.md 2.12).

import { MAJOR, MINOR, MKDEV } from '../../devdax/index.ts'
import { kfn, max, min, type Step } from '../../sim/index.ts'
import {
  FUSE_ROOT_ID,
  type fuse_attr_out,
  type fuse_entry_out,
  hasInitFlag,
  INIT_BIT,
  type Values,
} from '../../wire/index.ts'
import type { Kernel } from '../kernel.ts'
import { invalidate_inode_pages2, truncate_pagecache } from '../mm/truncate.ts'
import {
  Inode,
  type InodeAttr,
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
  S_ISDIR,
  S_ISLNK,
  S_ISREG,
} from '../vfs/inode.ts'
import type { fuse_conn, fuse_mount } from './fuse_i.ts'
import { fuse_inode, if_regular } from './fuse_inode.ts'

/** Times beyond this are "for ever": keeps sums exact. */
const FOREVER_NS = 8e15

type Attr = Values<typeof fuse_attr_out>['attr']

/** So many seconds of validity are for ever. */
const FOREVER_S = 4e6

/** Virtual time, ns, until which something holds that was valid for sec + nsec from now; for ever, whatever the time, from FOREVER_S on. */
export const time_to_ns = (k: Kernel, sec: number, nsec: number): number =>
  sec >= FOREVER_S ? FOREVER_NS : min(FOREVER_NS, k.m.clock() + max(0, sec) * 1e9 + nsec)

/** Has the time come? Of what holds for ever nobody looks at the clock: a search need not tell executions apart by it. */
export const time_is_up = (k: Kernel, until: number): boolean => until < FOREVER_NS && k.m.clock() >= until

const TIME_MAX_S = 8e6

/** What stat shows of a server's attributes. Times beyond what a number holds in ns are cut. */
const attr_of = (a: Attr): InodeAttr => {
  const ns = (sec: number, nsec: number): number => min(TIME_MAX_S, sec) * 1e9 + nsec
  return {
    mode: a.mode,
    uid: a.uid,
    gid: a.gid,
    nlink: a.nlink,
    atime: ns(a.atime, a.atimensec),
    mtime: ns(a.mtime, a.mtimensec),
    ctime: ns(a.ctime, a.ctimensec),
    blocks: a.blocks,
  }
}

const TYPES = [S_IFREG, S_IFDIR, S_IFLNK, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK]

/** fuse_invalid_attr(): no file can have these: an unknown type, a size beyond what a loff_t holds. */
export const fuse_invalid_attr = (a: Attr): boolean => !TYPES.includes(a.mode & S_IFMT) || a.size < 0

/** May a server say this of a new name of this type: a node of its own, with attributes that can be? */
export const valid_entry = (e: Values<typeof fuse_entry_out>, type: number): boolean =>
  e.nodeid !== 0 && e.nodeid !== FUSE_ROOT_ID && !fuse_invalid_attr(e.attr) && (e.attr.mode & S_IFMT) === type

/** new_decode_dev(), new_encode_dev(): a device number as it travels in 32 bits. */
const new_decode_dev = (dev: number): number => MKDEV((dev & 0xfff00) >> 8, (dev & 0xff) | ((dev >>> 12) & 0xfff00))
export const new_encode_dev = (dev: number): number =>
  ((MINOR(dev) & 0xff) | (MAJOR(dev) << 8) | ((MINOR(dev) & ~0xff) << 12)) >>> 0

/** Was this INIT flag granted? */
export const fuse_has = (fc: fuse_conn, bit: keyof typeof INIT_BIT): boolean =>
  hasInitFlag(fc.granted.peek(), INIT_BIT[bit])

/** fuse_is_bad() */
export const fuse_is_bad = (inode: Inode): boolean => inode.fuse!.bad.peek()

/** fuse_stale_inode(): the server means another file by this nodeid. */
export const fuse_stale_inode = (inode: Inode, generation: number, attr: Attr): boolean =>
  inode.fuse!.i_generation !== generation || ((inode.i_mode ^ attr.mode) & S_IFMT) !== 0

/** Is what this kernel knows of size and times newer than what the server says? (fuse_get_cache_mask()) */
export const trusts_itself = (inode: Inode): boolean =>
  S_ISREG(inode.i_mode) && fuse_has(inode.fuse!.fc, 'WRITEBACK_CACHE')

/**
 * fuse_iget(): the inode of a nodeid, made or found, with one more lookup counted. One that is another file by now becomes bad,
 * and goes with its last use. Null: no memory for a new one, and whoever asked tells the server to forget it.
 */
export function fuse_iget(fm: fuse_mount, nodeid: number, generation: number, attr: Attr): Inode | null {
  const { fc } = fm
  let inode = fc.inodes.get(nodeid)
  if (inode !== undefined && fuse_stale_inode(inode, generation, attr)) {
    inode.fuse!.bad.poke(true)
    // The root keeps its place.
    if (nodeid !== FUSE_ROOT_ID) {
      fc.inodes.delete(nodeid)
      inode = undefined
    }
  }
  if (inode === undefined) {
    if (fc.k.enomem('fuse_inode')) return null
    const { dir, symlink, file } = fc.ops
    inode = new Inode(fc.k, attr.ino, attr_of(attr), {
      ...(S_ISDIR(attr.mode) ? dir : S_ISLNK(attr.mode) ? symlink : file),
      rdev: new_decode_dev(attr.rdev),
    })
    inode.fuse = new fuse_inode(fc.k, fm, nodeid, generation)
    inode.i_sb = fm.sb
    inode.i_size.poke(attr.size)
    fc.inodes.set(nodeid, inode)
  }
  const fi = inode.fuse!
  fi.nlookup.poke(fi.nlookup.peek() + 1)
  return inode
}

/**
 * fuse_change_attributes(): what the server says of a file; a new size unmaps what a famfs file had (kernel.md 2.12). With
 * write-back caching size and times are this kernel's, unless it asked for the size (`truncating`).
 */
export const fuse_change_attributes = kfn(
  'fuse_change_attributes',
  function* (inode: Inode, attr: Attr, valid_until: number, truncating = false): Step<void> {
    const { fc, i_time, inval_mask } = inode.fuse!
    const [then, now] = [inode.i_attr.peek(), attr_of(attr)]
    const local = trusts_itself(inode)
    inode.i_attr.poke(local ? { ...now, mtime: then.mtime, ctime: then.ctime } : now)
    i_time.poke(valid_until)
    inval_mask.poke(0)
    const old = inode.i_size.peek()
    // What has a map has its size from there, whatever the server says later (not so with L22).
    const mapped = inode.fuse!.famfs_meta.peek() !== null && !inode.k.profile.has('L22')
    if (mapped || (local && !truncating)) return
    if (old === attr.size) {
      if (local || then.mtime === now.mtime || !fuse_has(fc, 'AUTO_INVAL_DATA') || !S_ISREG(attr.mode)) return
      if_regular(inode)?.pages.invalidate()
      yield* invalidate_inode_pages2(inode.i_mapping)
      return
    }
    inode.i_size.poke(attr.size)
    if (!S_ISREG(attr.mode)) return
    const r = if_regular(inode)
    r?.pages.truncate(attr.size)
    if (!local && !fuse_has(fc, 'EXPLICIT_INVAL_DATA')) r?.pages.invalidate()
    yield* truncate_pagecache(inode, attr.size)
    yield* invalidate_inode_pages2(inode.i_mapping)
  },
)
