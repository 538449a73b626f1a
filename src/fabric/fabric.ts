// The fabric of one world: its devices, the hosts that reach them, and for each pair a link and what the host's cache holds.
// Every load, store and flush of every host comes through here, one operation at a time, so nothing here needs a lock.
// Whatever changes is journaled or saved with a mark.
import type { DaxMemory } from '../devdax/index.ts'
import { InvariantError, type Journal, type Machine, max, type Task, trunc } from '../sim/index.ts'
import { CAUSES, type Cause } from './cause.ts'
import { type Cost, DEVICE, HIT, LINK } from './costs.ts'
import { healed } from './heal.ts'
import { arrival, Lane } from './lane.ts'
import { content, dirtyOf, LINE, Lines, PAGE, type Page, validOf } from './lines.ts'

/**
 * Who keeps the caches of different hosts equal. none: nobody (CXL 2: shared, without back-invalidate), programs have to flush
 * and invalidate. back-invalidate: the device (CXL 3): it has others write back and drop lines before a host gets them.
 */
export const COHERENCES = ['none', 'back-invalidate'] as const
export type Coherence = (typeof COHERENCES)[number]

/**
 * The memory is really touched: bytes came from it (by `t`'s access), or went back to it (whoever's turn it was). A line that
 * is valid in a cache does not get here.
 */
export type Touched = (t: Task | null, mem: DaxMemory, off: number, len: number, write: boolean, cause: Cause) => void

export interface DeviceOptions {
  readonly coherence?: Coherence
  /** How many lines may be evicted by chance in one execution. */
  readonly evictions?: number
  readonly cost?: Cost
}

/** Lines of one page: two words of a mask. */
export interface PageLines {
  readonly no: number
  readonly lo: number
  readonly hi: number
}

/** A write-back that was asked for and has not landed. It lands at its task's fence, or before. */
export interface Flight extends PageLines {
  readonly task: Task
  readonly port: Port
  /** The lines go as well. */
  readonly drop: boolean
}

/** A memory as the fabric has it. */
export class Device {
  readonly id: number
  readonly memory: DaxMemory
  readonly coherence: Coherence
  readonly lane: Lane
  readonly ports: Port[] = []
  /** Evictions by chance that an execution has, and those that are left of them. */
  readonly evictions: number
  left: number
  /** Oldest first; the list is replaced, never changed. */
  flights: readonly Flight[] = []
  private readonly j: Journal

  constructor(m: Machine, memory: DaxMemory, o: DeviceOptions) {
    this.id = m.newId()
    this.memory = memory
    this.coherence = o.coherence ?? 'none'
    this.evictions = o.evictions ?? 0
    this.left = this.evictions
    this.lane = new Lane(m, o.cost ?? DEVICE)
    this.j = m.journal
    this.j.addSaver({
      save: () => [this.left, this.flights],
      restore: s => {
        this.left = s[0]
        this.flights = s[1]
      },
    })
  }

  /** May something happen to its lines by itself? */
  get restless(): boolean {
    return this.evictions > 0 || this.flights.length > 0
  }

  /** Use up one eviction. */
  evict(): void {
    this.j.watch?.change(this, this.left, this.left - 1)
    this.left--
  }

  /** These are in flight from now on. */
  fly(fs: readonly Flight[]): void {
    if (fs.length === 0) return
    this.name(fs, true)
    this.flights = [...this.flights, ...fs]
  }
  /** These are no longer, but `rest` of them is. */
  landed(fs: readonly Flight[], rest: readonly Flight[] = []): void {
    if (fs.length === 0) return
    this.name(fs, false)
    this.name(rest, true)
    const gone = new Set(fs)
    this.flights = [...this.flights.filter(f => !gone.has(f)), ...rest]
  }
  private name(fs: readonly Flight[], join: boolean): void {
    const { watch } = this.j
    if (watch === null) return
    for (const f of fs) {
      const v = [f.task.label, f.port.id, f.lo, f.hi, f.drop]
      if (join) watch.add(this.id, v, f.no)
      else watch.remove(this.id, v, f.no)
    }
  }
}

/** The way from one host to one device. */
export class Port {
  readonly id: number
  readonly host: FabricHost
  readonly device: Device
  readonly link: Lane
  /** What the host's cache holds; null when caches are off. */
  readonly lines: Lines | null
  private readonly m: Machine
  /** Whose access fetches lines. */
  private by: Task | null = null

  constructor(m: Machine, host: FabricHost, device: Device) {
    this.id = m.newId()
    this.m = m
    this.host = host
    this.device = device
    this.link = new Lane(m, LINK)
    this.lines = host.fabric.caches ? new Lines(this.id, device.memory, m.journal, CAUSES, this) : null
  }

  read(t: Task, off: number, buf: Uint8Array, cause: Cause): void {
    const { lines } = this
    if (lines === null) {
      this.from(t, off, buf, cause)
      t.now = this.arrival(t.now, buf.length)
      return
    }
    if (this.device.coherence !== 'none') this.recall(off, buf.length, false)
    this.by = t
    this.pay(t, buf.length, lines.load(off, buf, cause))
  }

  write(t: Task, off: number, src: Uint8Array, cause: Cause): void {
    const { lines } = this
    if (lines === null) {
      this.to(t, off, src, cause)
      t.now = this.arrival(t.now, src.length)
      return
    }
    if (this.device.coherence !== 'none') this.recall(off, src.length, true)
    this.by = t
    this.pay(t, src.length, lines.store(off, src, cause))
  }

  /** What was fetched costs the way; the rest was in the cache, or needed no more than it. */
  private pay(t: Task, length: number, fetched: number): void {
    if (fetched > 0) t.now = this.arrival(t.now, fetched)
    if (fetched < length) t.now += trunc(HIT.latency + (length - fetched) / HIT.bytesPerNs)
  }

  /** When `bytes` that set out at `now` have come over link and device. */
  arrival(now: number, bytes: number): number {
    return arrival(this.m, now, bytes, this.link, this.device.lane)
  }

  /** Is the line at `off` in a cache that an access of this host gets it from: its own, or another's that the device asks? */
  covers(off: number): boolean {
    const { lines, device } = this
    if (lines !== null && holds(lines, off, validOf)) return true
    if (device.coherence === 'none') return false
    return device.ports.some(p => p.lines !== null && holds(p.lines, off, dirtyOf))
  }

  /** The host is about to write the range past its cache. */
  bypass(off: number, len: number): void {
    const { lines, device } = this
    if (device.coherence !== 'none') this.recall(off, len, true)
    if (lines !== null) lines.within(off, len, (no, page, lo, hi) => lines.drop(no, page, lo, hi))
  }

  /** When the write-backs of `bytes` that were just made have arrived. */
  settled(now: number, bytes: number): number {
    const { link, m } = this
    const { lane } = this.device
    if (m.policy === 'free') return this.arrival(now, bytes)
    return trunc(max(link.busy_until, lane.busy_until) + link.cost.latency + lane.cost.latency)
  }

  /** The device takes the range from all other hosts: dirty lines are written back, and for a store every line is dropped. */
  private recall(off: number, len: number, drop: boolean): void {
    for (const { lines } of this.device.ports) {
      if (lines === null || lines === this.lines) continue
      lines.within(off, len, (no, page, lo, hi) => {
        if (drop) lines.drop(no, page, lo, hi)
        else lines.clean(no, page, lo, hi)
      })
    }
  }

  /** Called by the cache: lines come in for the access that is under way. */
  fetch(off: number, into: Uint8Array, cause: Cause): void {
    this.from(this.by, off, into, cause)
  }
  /** Called by the cache: lines go back. Nobody waits for that but a fence. */
  writeBack(off: number, bytes: Uint8Array, cause: Cause): void {
    this.to(null, off, bytes, cause)
    const t = this.m.current
    if (t !== null && this.m.policy === 'timed') this.arrival(t.now, bytes.length)
  }

  // The memory is touched in these two functions and nowhere else.

  private from(t: Task | null, off: number, into: Uint8Array, cause: Cause): void {
    const { memory } = this.device
    memory.memory.read(off, into)
    const { touched } = this.host.fabric
    if (touched !== null) touched(t, memory, off, into.length, false, cause)
  }
  private to(t: Task | null, off: number, bytes: Uint8Array, cause: Cause): void {
    const { memory } = this.device
    if (memory.timeouts.size > 0 && memory.timeouts.has(this.host.name)) return
    changing(this.m.journal, memory, off, bytes.length, () => memory.memory.write(off, bytes))
    if (memory.poison.any) healed(memory, off, bytes.length)
    const { touched } = this.host.fabric
    if (touched !== null) touched(t, memory, off, bytes.length, true, cause)
  }
}

/** Has this cache the line at `off` in one of its masks? */
const holds = (lines: Lines, off: number, mask: (p: Page) => readonly [number, number]): boolean => {
  const page = lines.page((off - (off % PAGE)) / PAGE)
  if (page === undefined) return false
  const line = ((off % PAGE) / LINE) | 0
  return ((mask(page)[line < 32 ? 0 : 1] >>> (line % 32)) & 1) !== 0
}

/** Bytes of the memory change; a watch counts them line by line. */
export function changing(j: Journal, mem: DaxMemory, off: number, len: number, change: () => void): void {
  const { watch } = j
  if (watch === null) {
    change()
    return
  }
  watch.touch(mem, true)
  const line = new Uint8Array(LINE)
  const each = (f: (no: number) => void): void => {
    for (let at = off - (off % LINE); at < off + len; at += LINE) {
      mem.memory.read(at, line)
      f(at / LINE)
    }
  }
  each(no => watch.remove(mem.id, content(line, 0), no))
  change()
  each(no => watch.add(mem.id, content(line, 0), no))
}

/** Lines of a flight reach the memory. Gives how many bytes were written. */
export function land(f: Flight, lo: number, hi: number): number {
  const lines = f.port.lines!
  const page = lines.page(f.no)
  if (page === undefined) return 0
  return f.drop ? lines.drop(f.no, page, lo, hi) : lines.clean(f.no, page, lo, hi)
}

/** What one host has of the fabric. */
export class FabricHost {
  readonly fabric: Fabric
  readonly name: string
  private readonly ports = new Map<DaxMemory, Port>()
  constructor(fabric: Fabric, name: string) {
    this.fabric = fabric
    this.name = name
  }
  /** Set-up only. */
  connect(device: Device): void {
    const p = new Port(this.fabric.m, this, device)
    this.ports.set(device.memory, p)
    device.ports.push(p)
  }
  port(mem: DaxMemory): Port {
    const p = this.ports.get(mem)
    if (p === undefined) throw new InvariantError(`famsim bug: ${this.name} has no way to ${mem.name}`)
    return p
  }
  /** The host lost its power: what its caches held and what was on its way from them is gone. */
  lose(): void {
    for (const p of this.ports.values()) {
      p.device.landed(p.device.flights.filter(f => f.port === p))
      p.lines?.lose()
    }
  }
}

export class Fabric {
  readonly m: Machine
  readonly caches: boolean
  readonly devices: Device[] = []
  private readonly hosts: FabricHost[] = []
  /** Told of every touch of the memory; null costs one test. */
  touched: Touched | null = null

  constructor(m: Machine, o: { readonly caches?: boolean } = {}) {
    this.m = m
    this.caches = o.caches ?? true
  }
  /** Set-up goes on or ends: whatever is in flight has landed meanwhile. */
  settle(): void {
    for (const d of this.devices) {
      for (const f of d.flights) land(f, f.lo, f.hi)
      d.landed(d.flights)
    }
  }
  /** Every host writes back what its caches hold, as when it is shut down in order. */
  writeBack(): void {
    this.settle()
    for (const d of this.devices)
      for (const { lines } of d.ports)
        lines?.within(0, d.memory.size, (no, page, lo, hi) => void lines.clean(no, page, lo, hi))
  }
  /** A memory that every host reaches. Set-up only. */
  device(memory: DaxMemory, o: DeviceOptions = {}): Device {
    const d = new Device(this.m, memory, this.caches ? o : { ...o, evictions: 0 })
    this.devices.push(d)
    for (const h of this.hosts) h.connect(d)
    return d
  }
  /** A host that reaches every memory. Set-up only. */
  host(name: string): FabricHost {
    const h = new FabricHost(this, name)
    this.hosts.push(h)
    for (const d of this.devices) h.connect(d)
    return h
  }
}
