// struct dentry: one name in a directory. A dentry under lookup is in the parent already, so that a second walker of the
// same name waits for the first one's answer (d_alloc_parallel).
import { Cell, JMap, WaitQueue } from '../../sim/index.ts'
import type { Kernel } from '../kernel.ts'
import type { Inode, SuperBlock } from './inode.ts'

export class Dentry {
  readonly d_name: string
  readonly d_parent: Dentry | null
  readonly d_inode: Cell<Inode | null>
  readonly children: JMap<string, Dentry>
  readonly in_lookup: Cell<boolean>
  readonly wq: WaitQueue
  /** What is mounted on it. */
  readonly mounted: Cell<SuperBlock | null>
  /** Virtual time until which the name needs no asking, ns. */
  readonly d_time: Cell<number>
  d_sb: SuperBlock | null

  constructor(k: Kernel, name: string, parent: Dentry | null, inode: Inode | null) {
    const m = k.m
    this.d_name = name
    this.d_parent = parent
    this.d_sb = parent?.d_sb ?? null
    this.d_inode = new Cell<Inode | null>(m, 'dentry->d_inode', inode)
    this.children = new JMap(m.journal)
    this.in_lookup = new Cell(m, 'dentry in lookup', false)
    this.wq = new WaitQueue(m, `dentry ${name}`)
    this.mounted = new Cell<SuperBlock | null>(m, 'dentry mounted', null)
    this.d_time = new Cell(m, 'dentry->d_time', 0)
    if (inode) inode.i_count.poke(inode.i_count.peek() + 1)
  }

  /** Path from the root of its file system, for messages. */
  path(): string {
    const p = this.d_parent
    return p === null ? '' : `${p.path()}/${this.d_name}`
  }
}
