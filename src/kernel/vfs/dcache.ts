// struct dentry: one name in a directory. A dentry under lookup is in the parent already, so that a second walker of the
// same name waits for the first one's answer (d_alloc_parallel).
import { Cell, JMap, WaitQueue } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { Inode, SuperBlock } from './inode.ts'

/** Where a dentry hangs. */
interface Place {
  readonly name: string
  readonly parent: Dentry | null
}

/**
 * What every leaf of the host's own tmpfs has in common: no names below it, nobody looks it up, nothing is mounted on it and
 * its name never runs out. A file of the shadow tree costs what its bytes cost.
 */
export class LeafParts {
  readonly children: JMap<string, Dentry>
  readonly in_lookup: Cell<boolean>
  readonly wq: WaitQueue
  readonly mounted: Cell<SuperBlock | null>
  readonly d_time: Cell<number>
  constructor(k: Kernel, name = 'leaf') {
    const { m } = k
    this.children = new JMap(m.journal)
    this.in_lookup = new Cell(m, 'dentry in lookup', false)
    this.wq = new WaitQueue(m, `dentry ${name}`)
    this.mounted = new Cell<SuperBlock | null>(m, 'dentry mounted', null)
    this.d_time = new Cell(m, 'dentry->d_time', 0)
  }
}

export class Dentry {
  readonly d_inode: Cell<Inode | null>
  readonly children: JMap<string, Dentry>
  readonly in_lookup: Cell<boolean>
  readonly wq: WaitQueue
  /** What is mounted on it. */
  readonly mounted: Cell<SuperBlock | null>
  /** Virtual time until which the name needs no asking, ns. */
  readonly d_time: Cell<number>
  d_sb: SuperBlock | null
  /** Changed by rename(2) only. */
  readonly place: Cell<Place>

  /** `leaf`: a file of tmpfs, with these parts. */
  constructor(k: Kernel, name: string, parent: Dentry | null, inode: Inode | null, leaf: LeafParts | null = null) {
    const m = k.m
    this.place = new Cell<Place>(m, 'dentry->d_parent', { name, parent })
    this.d_sb = parent?.d_sb ?? null
    this.d_inode = new Cell<Inode | null>(m, 'dentry->d_inode', inode)
    const parts = leaf ?? new LeafParts(k, name)
    this.children = parts.children
    this.in_lookup = parts.in_lookup
    this.wq = parts.wq
    this.mounted = parts.mounted
    this.d_time = parts.d_time
    if (inode) inode.i_count.poke(inode.i_count.peek() + 1)
  }

  /** The name is known to be missing, until `d_time`; or it is being looked up. */
  get d_is_negative(): boolean {
    return this.d_inode.peek() === null
  }
  get d_name(): string {
    return this.place.peek().name
  }
  get d_parent(): Dentry | null {
    return this.place.peek().parent
  }

  /** Is it the root of a mounted file system? Then its parent is what it is mounted on. */
  get is_root(): boolean {
    return this.d_parent === null || this.d_sb?.s_root === this
  }
}

/** Every name of an inode, at `from` and below it (inode->i_dentry). */
export function d_aliases(from: Dentry, inode: Inode): Dentry[] {
  const found: Dentry[] = []
  const walk = [from]
  for (let d = walk.pop(); d !== undefined; d = walk.pop()) {
    if (d.d_inode.peek() === inode) found.push(d)
    walk.push(...d.children.values())
  }
  return found
}
/** Is there a file of this name, as far as the cache knows? */
export const d_has = (dir: Dentry, name: string): boolean => dir.children.get(name)?.d_is_negative === false

/** d_path(): the absolute path of a name, across mounts. */
export function d_path(d: Dentry): string {
  let path = ''
  for (let at: Dentry | null = d; at !== null; at = at.d_parent) if (!at.is_root) path = `/${at.d_name}${path}`
  return path === '' ? '/' : path
}
