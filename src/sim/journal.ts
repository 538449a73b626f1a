// The undo log that lets a world be rewound, and the journaled containers. Everything mutable in a world lives in a
// Cell, in one of these containers, or registers a Saver. With no mark open nothing is logged.
import { assert, InvariantError } from './assert.ts'
import { imul } from './math.ts'
import { hashValue, type Watch, type Watched } from './watch.ts'

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
  /** The watch's hash of the state, if somebody watches. */
  readonly state: readonly [number, number]
}

export class Journal {
  /** On during an exhaustive search; null costs one test. */
  watch: Watch | null = null
  /** Numbers for what is made; the machine puts its own counter here. */
  newId: () => number = () => ++this.made
  private made = 0
  /** Number of entries in the log. */
  n = 0
  /** Three places an entry: target, key, old value. */
  private readonly log: any[] = []
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
    const { log } = this
    const i = 3 * this.n++
    log[i] = target
    log[i + 1] = key
    log[i + 2] = old
  }

  /** Open a mark. Marks nest; a mark stays good until an earlier one is rewound to. */
  mark(): Mark {
    this.on = true
    const { watch } = this
    return { at: this.n, saved: this.savers.map(s => s.save()), state: watch === null ? [0, 0] : [watch.a, watch.b] }
  }

  /** Bring everything back to what it was at `mark`. The mark stays open. */
  rewind(mark: Mark): void {
    assert(mark.at <= this.n, 'rewind goes back, never forward')
    const { log } = this
    for (let i = 3 * (this.n - 1); i >= 3 * mark.at; i -= 3) (log[i] as Undoable).undo(log[i + 1], log[i + 2])
    this.n = mark.at
    if (this.watch !== null) {
      this.watch.a = mark.state[0]
      this.watch.b = mark.state[1]
    }
    const saved = mark.saved
    for (let i = 0; i < saved.length; i++) this.savers[i]!.restore(saved[i])
  }
}

/** A journaled array. */
export class JList<T> implements Undoable, Watched {
  readonly id: number
  private readonly list: T[] = []
  private readonly j: Journal
  /** The order of the items means nothing: two orders are one state. */
  private readonly bag: boolean
  constructor(j: Journal, bag = false) {
    this.j = j
    this.id = j.newId()
    this.bag = bag
  }
  /** The items, to look at only. */
  get items(): readonly T[] {
    if (this.j.watch !== null) this.j.watch.read(this, this.content())
    return this.list
  }
  get length(): number {
    if (this.j.watch !== null) this.j.watch.read(this, this.list.length)
    return this.list.length
  }
  at(i: number): T | undefined {
    const v = this.list[i]
    if (this.j.watch !== null) this.j.watch.read(this, hashValue(v))
    return v
  }
  push(v: T): void {
    const { watch } = this.j
    const old = watch === null ? 0 : this.content()
    this.j.push(this, -1, undefined)
    this.list.push(v)
    if (watch !== null) watch.change(this, old, this.content())
  }
  /** Remove and return the item at `i`. */
  removeAt(i: number): T {
    const { watch } = this.j
    if (!(i >= 0 && i < this.list.length))
      throw new InvariantError(`famsim bug: item ${i} of ${this.list.length} is removed`)
    const before = watch === null ? 0 : this.content()
    const old = this.list[i]!
    // Taking from the end is by far the cheapest, and most lists are short.
    if (i === this.list.length - 1) this.list.pop()
    else this.list.splice(i, 1)
    this.j.push(this, i, old)
    if (watch !== null) {
      watch.change(this, before, this.content())
      watch.saw(hashValue(old))
    }
    return old
  }
  shift(): T | undefined {
    return this.length > 0 ? this.removeAt(0) : undefined
  }
  /** Remove `v` if it is there. */
  remove(v: T): boolean {
    const i = this.items.indexOf(v)
    if (i >= 0) this.removeAt(i)
    return i >= 0
  }
  undo(key: number, old: any): void {
    if (key < 0) this.list.pop()
    else if (key === this.list.length) this.list.push(old)
    else this.list.splice(key, 0, old)
  }
  /** Hash of everything in it, in order. An empty list contributes 0. */
  private content(): number {
    let h = 0
    for (const v of this.list) h = ((this.bag ? h : imul(h, 31)) + hashValue(v) + 1) | 0
    return h
  }
  [Symbol.iterator](): IterableIterator<T> {
    return this.items[Symbol.iterator]() as IterableIterator<T>
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
export class JMap<K, V> implements Undoable, Watched {
  readonly id: number
  /** Made on the first set: most maps of a process stay empty, and a Map is dear to make. */
  private m: Map<K, Slot<V>> = NONE
  private seq = 0
  /** A rewind brought slots back out of order; sorted when somebody looks at the order. */
  private mixed = false
  private readonly j: Journal
  constructor(j: Journal) {
    this.j = j
    this.id = j.newId()
  }
  get size(): number {
    if (this.j.watch !== null) this.j.watch.read(this, this.m.size)
    return this.m.size
  }
  get(k: K): V | undefined {
    const v = this.m.get(k)?.v
    if (this.j.watch !== null) this.j.watch.read(this, hashValue(v))
    return v
  }
  has(k: K): boolean {
    const there = this.m.has(k)
    if (this.j.watch !== null) this.j.watch.read(this, there ? 1 : 0)
    return there
  }
  set(k: K, v: V): void {
    const slot = this.m.get(k)
    const { watch } = this.j
    if (slot === undefined) {
      this.j.push(this, k, ADDED)
      if (this.m === NONE) this.m = new Map()
      const fresh = { v, seq: this.seq++ }
      this.m.set(k, fresh)
      if (watch !== null) watch.change(this, 0, entryHash(k, fresh))
    } else {
      const old = { v: slot.v, seq: -1 }
      const before = watch === null ? 0 : entryHash(k, slot)
      this.j.push(this, k, old)
      slot.v = v
      if (watch !== null) watch.change(this, before, entryHash(k, slot))
    }
  }
  delete(k: K): boolean {
    const slot = this.m.get(k)
    const { watch } = this.j
    if (slot === undefined) {
      if (watch !== null) watch.read(this, 0)
      return false
    }
    this.j.push(this, k, slot)
    this.m.delete(k)
    if (watch !== null) watch.change(this, entryHash(k, slot), 0)
    return true
  }
  undo(k: any, old: Slot<V> | typeof ADDED): void {
    if (old === ADDED) {
      this.m.delete(k)
      this.seq--
    } else if (old.seq === -1) this.m.get(k)!.v = old.v
    else {
      this.m.set(k, old)
      this.mixed = true
    }
  }
  private ordered(): Map<K, Slot<V>> {
    if (this.j.watch !== null) {
      let sum = 0
      for (const [k, slot] of this.m) sum = (sum + entryHash(k, slot)) | 0
      this.j.watch.read(this, sum)
    }
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

/** Hash of one entry: key, value and its place in the order of insertion. */
const entryHash = (k: unknown, slot: Slot<unknown>): number =>
  (imul(hashValue(k), 0x01000193) ^ imul(hashValue(slot.v) + 0x7f4a7c15, 0x85ebca6b) ^ imul(slot.seq + 1, 0x9e3779b1)) |
  0

const ADDED = Symbol('added')

/** What a JChain links: the two fields are the chain's. */
export class Link {
  prev: Link | null = null
  next: Link | null = null
  linked = false
}

/** A journaled chain of things that know their neighbours: joining and leaving cost no look-up. Order of joining. */
export class JChain<T extends Link> implements Undoable {
  /** Things in it. */
  size = 0
  private head: Link | null = null
  private tail: Link | null = null
  private readonly id: number
  private readonly j: Journal
  constructor(j: Journal) {
    this.j = j
    this.id = j.newId()
  }
  // What is in it is part of the state, but joining and leaving commute: they have no footprint.
  add(t: T): void {
    this.j.watch?.shift(this.id, 0, hashValue(t))
    this.j.push(this, t, true)
    this.join(t, this.tail)
  }
  /** False when it is not in the chain. */
  remove(t: T): boolean {
    if (!t.linked) return false
    this.j.watch?.shift(this.id, hashValue(t), 0)
    this.j.push(this, t, t.prev)
    this.leave(t)
    return true
  }
  undo(t: Link, old: Link | null | true): void {
    if (old === true) this.leave(t)
    else this.join(t, old)
  }
  /** Put `t` behind `prev` (null: in front). */
  private join(t: Link, prev: Link | null): void {
    const next = prev === null ? this.head : prev.next
    t.prev = prev
    t.next = next
    t.linked = true
    if (prev === null) this.head = t
    else prev.next = t
    if (next === null) this.tail = t
    else next.prev = t
    this.size++
  }
  private leave(t: Link): void {
    if (t.prev === null) this.head = t.next
    else t.prev.next = t.next
    if (t.next === null) this.tail = t.prev
    else t.next.prev = t.prev
    t.linked = false
    this.size--
  }
  values(): T[] {
    const out: T[] = []
    for (let t = this.head; t !== null; t = t.next) out.push(t as T)
    return out
  }
}
