// The shadow tree: what log play makes of the log, and what the daemon answers LOOKUP from (userspace.md d). One per mount.
// Paths are relative to the mount point. Nodes are journaled; a file's map never changes once it is there.

import type { Fmap } from '../media/index.ts'
import { Cell, JMap, type Machine } from '../sim/index.ts'

export const S_IFDIR = 0o040000
export const S_IFREG = 0o100000

export interface ShadowNode {
  readonly ino: number
  readonly name: string
  readonly parent: ShadowNode | null
  /** Type and permission bits. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  /** Bytes. */
  readonly size: number
  /** Where a file lies; null for directories. */
  readonly fmap: Fmap | null
  /** Names below a directory. */
  readonly children: JMap<string, ShadowNode>
}

/** What creating a node needs. */
export interface NewNode {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly size?: number
  readonly fmap?: Fmap
}

export type AddResult = 'created' | 'existed' | 'no parent' | 'conflict'

export class ShadowTree {
  readonly root: ShadowNode
  private readonly m: Machine
  private readonly inos: Cell<number>

  constructor(m: Machine) {
    this.m = m
    this.inos = new Cell(m, 'shadow ino', 1)
    this.root = this.node('', null, { mode: S_IFDIR | 0o755, uid: 0, gid: 0 })
  }

  private node(name: string, parent: ShadowNode | null, n: NewNode): ShadowNode {
    const ino = this.inos.peek()
    this.inos.poke(ino + 1)
    const { mode, uid, gid, size = 0, fmap = null } = n
    return { ino, name, parent, mode, uid, gid, size, fmap, children: new JMap(this.m.journal) }
  }

  /** The node of a relative path, or undefined. */
  find(path: string): ShadowNode | undefined {
    let n: ShadowNode | undefined = this.root
    for (const part of path.split('/').filter(s => s !== '')) n = n?.children.get(part)
    return n
  }

  /** Add one node. What is there already is left as it is; a file where a directory is due is a conflict. */
  add(path: string, what: NewNode): AddResult {
    const parts = path.split('/').filter(s => s !== '')
    const name = parts.pop()
    const parent = this.find(parts.join('/'))
    if (name === undefined || parent === undefined || parent.fmap !== null) return 'no parent'
    const old = parent.children.get(name)
    if (old !== undefined) return (old.fmap === null) === (what.fmap === undefined) ? 'existed' : 'conflict'
    parent.children.set(name, this.node(name, parent, what))
    return 'created'
  }
}
