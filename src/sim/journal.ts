// The undo log that lets a world be rewound, and the journaled containers. Everything mutable in a world lives in a
// Cell, in one of these containers, or registers a Saver. With no mark open nothing is logged.
import { assert, InvariantError } from './assert.ts'
import type { Watch, Watched } from './watch.ts'

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
  /** The watch's name of the state, if somebody watches. */
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

  /** Is a mark open? What no journal keeps need not be copied for it. */
  get marked(): boolean {
    return this.on
  }

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
    const { watch } = this.j
    if (watch !== null) {
      watch.touch(this, false)
      if (this.bag) watch.sawBag(this.list)
      else watch.saw(this.list)
    }
    return this.list
  }
  get length(): number {
    if (this.j.watch !== null) this.j.watch.read(this, this.list.length)
    return this.list.length
  }
  at(i: number): T | undefined {
    const v = this.list[i]
    const { watch } = this.j
    if (watch !== null) {
      watch.read(this, v)
      watch.detail(this, v, 'look')
    }
    return v
  }
  push(v: T): void {
    const { watch } = this.j
    if (watch !== null) {
      this.before(watch)
      watch.detail(this, v, 'put')
    }
    this.j.push(this, -1, undefined)
    this.list.push(v)
    if (watch !== null) watch.add(this.id, this.bag ? v : this.list)
  }
  /** Remove and return the item at `i`. */
  removeAt(i: number): T {
    const { watch } = this.j
    if (!(i >= 0 && i < this.list.length))
      throw new InvariantError(`famsim bug: item ${i} of ${this.list.length} is removed`)
    const old = this.list[i]!
    if (watch !== null) {
      this.before(watch)
      watch.detail(this, old, 'take')
      if (this.bag) watch.remove(this.id, old)
      watch.saw(old)
    }
    // Taking from the end is by far the cheapest, and most lists are short.
    if (i === this.list.length - 1) this.list.pop()
    else this.list.splice(i, 1)
    this.j.push(this, i, old)
    if (watch !== null && !this.bag) watch.add(this.id, this.list)
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
  /** A change is coming. A list counts as a whole, of a bag each item by itself. */
  private before(watch: Watch): void {
    watch.touch(this, true)
    if (!this.bag) watch.remove(this.id, this.list)
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
    const { watch } = this.j
    if (watch !== null) {
      watch.read(this, v)
      watch.detail(this, k, 'look')
    }
    return v
  }
  has(k: K): boolean {
    const there = this.m.has(k)
    const { watch } = this.j
    if (watch !== null) {
      watch.read(this, there)
      watch.detail(this, k, 'look')
    }
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
      if (watch !== null) {
        watch.touch(this, true)
        watch.detail(this, k, 'put')
        watch.add(this.id, v, k, fresh.seq)
      }
    } else {
      const old = { v: slot.v, seq: -1 }
      if (watch !== null) {
        watch.touch(this, true)
        watch.detail(this, k, 'put')
        watch.remove(this.id, slot.v, k, slot.seq)
      }
      this.j.push(this, k, old)
      slot.v = v
      if (watch !== null) watch.add(this.id, v, k, slot.seq)
    }
  }
  delete(k: K): boolean {
    const slot = this.m.get(k)
    const { watch } = this.j
    if (slot === undefined) {
      if (watch !== null) {
        watch.read(this, false)
        watch.detail(this, k, 'look')
      }
      return false
    }
    this.j.push(this, k, slot)
    this.m.delete(k)
    if (watch !== null) {
      watch.touch(this, true)
      watch.detail(this, k, 'take')
      watch.remove(this.id, slot.v, k, slot.seq)
      watch.saw(true)
    }
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
    if (this.mixed) {
      const all = [...this.m].sort((a, b) => a[1].seq - b[1].seq)
      this.m.clear()
      for (const [k, slot] of all) this.m.set(k, slot)
      this.mixed = false
    }
    const { watch } = this.j
    if (watch !== null) {
      watch.read(this, this.m.size)
      for (const [k, slot] of this.m) {
        watch.saw(k)
        watch.saw(slot.v)
      }
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
    this.j.watch?.add(this.id, t)
    this.j.push(this, t, true)
    this.join(t, this.tail)
  }
  /** False when it is not in the chain. */
  remove(t: T): boolean {
    if (!t.linked) return false
    this.j.watch?.remove(this.id, t)
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
