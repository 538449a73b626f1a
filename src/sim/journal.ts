// The undo log that lets a world be rewound, and the journaled containers. Everything mutable in a world lives in a
// Cell, in one of these containers, or registers a Saver. With no mark open nothing is logged.
import { assert } from './assert.ts'

/** Something that can take back one change of its own. */
export interface Undoable {
  undo(key: any, old: any): void
}

/** A small piece of state that is copied at each mark rather than logged (streams, counters, digests). */
export interface Saver<S = any> {
  save(): S
  restore(s: S): void
}

/** A point to come back to. */
export interface Mark {
  readonly at: number
  readonly saved: readonly unknown[]
}

export class Journal {
  /** Number of entries in the log. */
  n = 0
  private targets: Undoable[] = []
  private keys: any[] = []
  private olds: any[] = []
  private on = false
  private savers: Saver[] = []

  /** Register state that is copied at marks. Register before the first mark. */
  addSaver(s: Saver): void {
    assert(!this.on, 'a saver is registered before the first mark')
    this.savers.push(s)
  }

  /** Log that `target` had `old` under `key`. Free while no mark is open. */
  push(target: Undoable, key: any, old: any): void {
    if (!this.on) return
    const n = this.n++
    this.targets[n] = target
    this.keys[n] = key
    this.olds[n] = old
  }

  /** Open a mark. Marks nest; a mark stays good until an earlier one is rewound to. */
  mark(): Mark {
    this.on = true
    return { at: this.n, saved: this.savers.map(s => s.save()) }
  }

  /** Bring everything back to what it was at `mark`. The mark stays open. */
  rewind(mark: Mark): void {
    assert(mark.at <= this.n, 'rewind goes back, never forward')
    const { targets, keys, olds } = this
    for (let n = this.n - 1; n >= mark.at; n--) targets[n]!.undo(keys[n], olds[n])
    this.n = mark.at
    const saved = mark.saved
    for (let i = 0; i < saved.length; i++) this.savers[i]!.restore(saved[i])
  }
}

/** A journaled array. */
export class JList<T> implements Undoable {
  readonly items: T[] = []
  private readonly j: Journal
  constructor(j: Journal) {
    this.j = j
  }
  get length(): number {
    return this.items.length
  }
  at(i: number): T | undefined {
    return this.items[i]
  }
  push(v: T): void {
    this.j.push(this, -1, undefined)
    this.items.push(v)
  }
  /** Remove and return the item at `i`. */
  removeAt(i: number): T {
    const old = this.items[i]!
    if (i === 0) this.items.shift()
    else this.items.splice(i, 1)
    this.j.push(this, i, old)
    return old
  }
  shift(): T | undefined {
    return this.items.length ? this.removeAt(0) : undefined
  }
  /** Remove `v` if it is there. */
  remove(v: T): boolean {
    const i = this.items.indexOf(v)
    if (i >= 0) this.removeAt(i)
    return i >= 0
  }
  undo(key: number, old: any): void {
    if (key < 0) this.items.pop()
    else this.items.splice(key, 0, old)
  }
  [Symbol.iterator](): IterableIterator<T> {
    return this.items[Symbol.iterator]()
  }
}

/** Stands for the inside of a map nothing was ever put into. Never written to. */
const NONE: Map<any, any> = new Map()

interface Slot<V> {
  v: V
  /** Place in the order of insertion. */
  readonly seq: number
}

/** A journaled map that keeps insertion order, and restores it on rewind. Iteration is over a snapshot. */
export class JMap<K, V> implements Undoable {
  /** Made on the first set: most maps of a process stay empty, and a Map is dear to make. */
  private m: Map<K, Slot<V>> = NONE
  private seq = 0
  /** A rewind brought slots back out of order; sorted when somebody looks at the order. */
  private mixed = false
  private readonly j: Journal
  constructor(j: Journal) {
    this.j = j
  }
  get size(): number {
    return this.m.size
  }
  get(k: K): V | undefined {
    return this.m.get(k)?.v
  }
  has(k: K): boolean {
    return this.m.has(k)
  }
  set(k: K, v: V): void {
    const slot = this.m.get(k)
    if (slot === undefined) {
      this.j.push(this, k, ADDED)
      if (this.m === NONE) this.m = new Map()
      this.m.set(k, { v, seq: this.seq++ })
    } else {
      this.j.push(this, k, { v: slot.v, seq: -1 })
      slot.v = v
    }
  }
  delete(k: K): boolean {
    const slot = this.m.get(k)
    if (slot === undefined) return false
    this.j.push(this, k, slot)
    return this.m.delete(k)
  }
  undo(k: any, old: Slot<V> | typeof ADDED): void {
    if (old === ADDED) this.m.delete(k)
    else if (old.seq === -1) this.m.get(k)!.v = old.v
    else {
      this.m.set(k, old)
      this.mixed = true
    }
  }
  private ordered(): Map<K, Slot<V>> {
    if (this.mixed) {
      const all = [...this.m].sort((a, b) => a[1].seq - b[1].seq)
      this.m.clear()
      for (const [k, slot] of all) this.m.set(k, slot)
      this.mixed = false
    }
    return this.m
  }
  keys(): K[] {
    return [...this.ordered().keys()]
  }
  values(): V[] {
    const out: V[] = []
    for (const slot of this.ordered().values()) out.push(slot.v)
    return out
  }
  entries(): [K, V][] {
    const out: [K, V][] = []
    for (const [k, slot] of this.ordered()) out.push([k, slot.v])
    return out
  }
}

const ADDED = Symbol('added')
