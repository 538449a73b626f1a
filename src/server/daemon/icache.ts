// The daemon's inodes (userspace.md e.3): one for each shadow file or directory the kernel knows, found by inode number. Once in
// here a file's map and attributes are what they are: the shadow file is not read again until the kernel forgets the inode.
// Locking: the real cache has a mutex. It is a leaf and nothing is waited for under it, so each method here is one step.
import type { Fmap } from '../../media/index.ts'
import { assert, Cell, JList, JMap, type Machine } from '../../sim/index.ts'
import { FUSE_ROOT_ID } from '../../wire/index.ts'

/** Node ids are addresses of in-memory inodes: unlike inode numbers, and sparse. */
const NODE_BASE = 0x55d400001000
const NODE_STEP = 0x310
const nodeid_of = (ino: number): number => NODE_BASE + ino * NODE_STEP

/** What stat(2) will show. Times in ns. */
export interface FusedAttr {
  readonly ino: number
  /** Type and permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly nlink: number
  /** Bytes. */
  readonly size: number
  readonly blocks: number
  readonly blksize: number
  readonly atime: number
  readonly mtime: number
  readonly ctime: number
}

/** What an inode is made of, and stays. */
export interface NewInode {
  readonly name: string
  readonly attr: FusedAttr
  /** Where a file lies; null for directories. */
  readonly fmap: Fmap | null
  /** Open descriptor of a directory of the shadow tree; -1 for files. */
  readonly fd: number
}

export class FusedInode {
  readonly nodeid: number
  readonly ino: number
  readonly name: string
  /** Null for the root. */
  readonly parent: FusedInode | null
  readonly fmap: Fmap | null
  readonly fd: number
  readonly attr: Cell<FusedAttr>
  /** Look-ups of the kernel, children, and whoever works on it. */
  readonly refs: Cell<number>
  /** Its attributes were changed, and are nowhere else: it survives the last reference. */
  readonly pinned: Cell<boolean>

  constructor(m: Machine, nodeid: number, parent: FusedInode | null, n: NewInode) {
    this.nodeid = nodeid
    this.ino = n.attr.ino
    this.name = n.name
    this.parent = parent
    this.fmap = n.fmap
    this.fd = n.fd
    this.attr = new Cell(m, 'famfs inode attr', n.attr)
    this.refs = new Cell(m, 'famfs inode refcount', 1)
    this.pinned = new Cell(m, 'famfs inode pinned', false)
  }
}

/** How much the cache was searched, since the daemon started. */
export interface SearchStats {
  readonly search_count: number
  readonly nodes_scanned: number
  readonly search_fail_ct: number
}

export class Icache {
  readonly root: FusedInode
  readonly stats: Cell<SearchStats>
  private readonly m: Machine
  /** All but the root, newest last. */
  private readonly list: JList<FusedInode>
  private readonly nodes: JMap<number, FusedInode>

  constructor(m: Machine, root: NewInode) {
    this.m = m
    this.list = new JList(m.journal)
    this.nodes = new JMap(m.journal)
    this.stats = new Cell<SearchStats>(m, 'icache stats', { search_count: 0, nodes_scanned: 0, search_fail_ct: 0 })
    this.root = new FusedInode(m, FUSE_ROOT_ID, null, root)
    this.root.refs.poke(2)
    this.nodes.set(FUSE_ROOT_ID, this.root)
  }

  /** Inodes in it, the root not counted. */
  get count(): number {
    return this.list.length
  }
  /** Newest first, as they are searched. */
  inodes(): FusedInode[] {
    return [...this.list.items].reverse()
  }

  /** The inode the kernel names; no reference is taken. Undefined: it names none. */
  byNode(nodeid: number): FusedInode | undefined {
    return this.nodes.get(nodeid)
  }

  /** The inode of a number, no reference taken, and no search: the kernel names it by that. */
  byIno(ino: number): FusedInode | undefined {
    return this.nodes.get(nodeid_of(ino))
  }

  /** The inode of a number, with one more reference. The search goes from the newest to the oldest. */
  get(ino: number): FusedInode | null {
    const { items } = this.list
    const inode = this.byIno(ino)
    // What is not there the real one has looked for in all of the list; that need not be done.
    const i = inode === undefined ? -1 : items.lastIndexOf(inode)
    const s = this.stats.peek()
    this.stats.poke({
      search_count: s.search_count + 1,
      nodes_scanned: s.nodes_scanned + items.length - (i < 0 ? 0 : i),
      search_fail_ct: s.search_fail_ct + (inode === undefined ? 1 : 0),
    })
    if (inode === undefined) return null
    this.ref(inode)
    return inode
  }

  /** Put a new inode in, with one reference for the caller; it holds one on its parent. */
  insert(parent: FusedInode, n: NewInode): FusedInode {
    const inode = new FusedInode(this.m, nodeid_of(n.attr.ino), parent, n)
    assert(!this.nodes.has(inode.nodeid), `inode ${inode.ino} is in the cache already`)
    this.ref(parent)
    this.list.push(inode)
    this.nodes.set(inode.nodeid, inode)
    return inode
  }

  ref(inode: FusedInode, n = 1): void {
    inode.refs.poke(inode.refs.peek() + n)
  }

  /** Drop references. Gives the directories' descriptors that are to be closed: those of inodes that went with the last one. */
  put(inode: FusedInode, n = 1): number[] {
    const fds: number[] = []
    for (let i: FusedInode | null = inode; i !== null; i = i.parent) {
      i.refs.poke(i.refs.peek() - (i === inode ? n : 1))
      if (i.refs.peek() > 0 || i.pinned.peek() || i === this.root) break
      this.remove(i)
      if (i.fd >= 0) fds.push(i.fd)
    }
    return fds
  }

  /** Everything goes, whatever holds it. Gives the descriptors to close, the root's last. */
  destroy(): number[] {
    const all = this.inodes()
    for (const i of all) this.remove(i)
    return [...all, this.root].map(i => i.fd).filter(fd => fd >= 0)
  }

  private remove(inode: FusedInode): void {
    this.list.remove(inode)
    this.nodes.delete(inode.nodeid)
  }
}
