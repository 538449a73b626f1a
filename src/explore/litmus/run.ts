// Runs a litmus test: each process is a task of cell operations, and every execution there is gets taken, by going back to
// the mark before the processes and walking the tree of choices (policy `free`). A register remembers the loads its value
// depends on, so addresses, data and branches order what they order in C.
import {
  ACQUIRE,
  Cell,
  FULL,
  Machine,
  type ModelName,
  NO_WRITE,
  NORETURN,
  type Option,
  RELAXED,
  RELEASE,
  type ReadHandle,
  SpinLock,
  type Step,
  smp_mb,
  smp_mb__after_atomic,
  smp_mb__after_spinlock,
  smp_mb__before_atomic,
  smp_rmb,
  smp_wmb,
  spin_is_locked,
  spin_lock,
  spin_trylock,
  spin_unlock,
  type Task,
} from '../../sim/index.ts'
import type { Execution, LitmusEvent } from './execution.ts'
import { judge } from './lkmm.ts'
import { Rcu, rcu_end, rcu_read_lock, rcu_read_unlock, rcu_start } from './rcu.ts'
import {
  type Expr,
  type Litmus,
  LitmusError,
  Location,
  type Order,
  type Place,
  type Stmt,
  type Value,
} from './syntax.ts'
import { type EndState, holds, isWitness, type Observation, observation } from './verdict.ts'
import { Walk } from './walk.ts'

export interface RunOptions {
  model?: ModelName
  /** Give up, with an error, beyond so many executions (those cut short counted). */
  limit?: number
  /** Look for data races when the test has plain accesses. On unless false. */
  races?: boolean
  /** Called for every complete execution. */
  each?: (x: Execution, end: EndState) => void
  /** A new machine for every execution instead of a rewound one. */
  fresh?: boolean
}

export interface LitmusResult {
  readonly name: string
  readonly model: ModelName
  readonly verdict: Observation
  /** Complete executions that differ in what was read from where or in the order of stores, after the filter. */
  readonly runs: number
  readonly race: boolean
  /** One execution that satisfies `exists` (or breaks `forall`), line by line; empty when there is none. */
  readonly witness: readonly string[]
  /** Two conflicting accesses that nothing orders. */
  readonly raceBetween: readonly string[]
  /** End states that came up: registers and locations by name, in order. */
  readonly states: readonly string[]
}

/** What a cell holds: a value and the event that stored it. */
interface Stored {
  readonly v: Value
  readonly by: number
  readonly label: string
}

/** A value, and the loads it is made of: as events of the execution, and as the model knows them. */
interface Known {
  readonly v: Value
  readonly from: readonly number[]
  readonly reads: readonly ReadHandle[]
}

const NOTHING: readonly never[] = []
const known = (v: Value): Known => ({ v, from: NOTHING, reads: NOTHING })
const join = (v: Value, a: Known, b: Known): Known => ({
  v,
  from: a.from.length === 0 ? b.from : [...a.from, ...b.from],
  reads: a.reads.length === 0 ? b.reads : [...a.reads, ...b.reads],
})

/** Event ids while running: process and number in it, so that they do not depend on the interleaving. */
const EVENTS_A_PROCESS = 1000
const ORDERS: Readonly<Record<Order, number>> = { relaxed: RELAXED, acquire: ACQUIRE, release: RELEASE, full: FULL }
const FENCES = {
  mb: smp_mb,
  rmb: smp_rmb,
  wmb: smp_wmb,
  before_atomic: smp_mb__before_atomic,
  after_atomic: smp_mb__after_atomic,
  after_spinlock: smp_mb__after_spinlock,
} as const
/** Steps that only their own task can tell: taken at once, whatever others do. */
const LOCAL = new Set(['start', 'smp_rmb', 'smp_wmb'])
const LOCAL_UNBUFFERED = new Set(['smp_mb', 'smp_mb__before_atomic', 'smp_mb__after_atomic', 'smp_mb__after_spinlock'])

const truth = (v: Value): boolean => v !== 0
const text = (v: Value): string => (v instanceof Location ? `&${v.name}` : String(v))

function arithmetic(l: Litmus, sign: string, a: Value, b: Value, at: Place): Value {
  if (sign === '==') return a === b ? 1 : 0
  if (sign === '!=') return a === b ? 0 : 1
  if (sign === '&&') return truth(a) && truth(b) ? 1 : 0
  if (sign === '||') return truth(a) || truth(b) ? 1 : 0
  // p + 0, p & ~0 and the like make a dependency, and leave the address what it is.
  if (typeof a !== 'number' || typeof b !== 'number') {
    if (b === 0 && (sign === '+' || sign === '-' || sign === '|' || sign === '^')) return a
    if (a === 0 && (sign === '+' || sign === '|' || sign === '^')) return b
    if (sign === '&' && (a === -1 || b === 0)) return b
    if (sign === '&' && (b === -1 || a === 0)) return a
    if (sign === '*' && (a === 0 || b === 0)) return 0
    if ((sign === '-' || sign === '^') && a === b) return 0
    throw new LitmusError(l.file, at, `'${sign}' on an address; expected numbers`)
  }
  switch (sign) {
    case '+':
      return (a + b) | 0
    case '-':
      return (a - b) | 0
    case '*':
      return Math.imul(a, b)
    case '/':
    case '%':
      if (b === 0) throw new LitmusError(l.file, at, `'${sign}' by 0`)
      return (sign === '/' ? a / b : a % b) | 0
    case '&':
      return a & b
    case '|':
      return a | b
    case '^':
      return a ^ b
    case '<<':
      return a << b
    case '>>':
      return a >> b
    case '<':
      return a < b ? 1 : 0
    case '>':
      return a > b ? 1 : 0
    case '<=':
      return a <= b ? 1 : 0
    default:
      return a >= b ? 1 : 0
  }
}

/** Everything of one execution that is under way. */
class Running implements EndState {
  readonly registers: Map<string, Known>[]
  readonly lines: string[] = []
  readonly events = new Map<number, LitmusEvent>()
  readonly rf: [number, number][] = []
  readonly rmw: [number, number][] = []
  readonly addr: [number, number][] = []
  readonly data: [number, number][] = []
  readonly ctrl: [number, number][] = []
  /** What each process has read, and how far it is: with the orders of stores, all that the future depends on. */
  readonly trail: string[][]
  readonly next: number[]
  readonly rcu: Rcu
  /** Stores in the order they took effect, where no model keeps it. */
  readonly stores: Map<Location, number[]>
  readonly lockOps: Map<Location, number[]>
  /** Looks at a lock: the reading event, and which of the lock's stores (by number) it read. */
  readonly looks: { readonly lock: Location; readonly event: number; readonly at: number }[] = []
  private readonly w: World
  constructor(w: World) {
    this.w = w
    const { l } = w
    this.rcu = new Rcu(w.m)
    this.registers = l.registers.map(m => new Map([...m].map(([k, v]) => [k, known(v)])))
    this.trail = l.processes.map(() => [])
    this.next = l.processes.map(() => 0)
    this.stores = new Map([...w.cells.keys()].map(x => [x, [w.initial(x)]]))
    this.lockOps = new Map([...w.locks.keys()].map(x => [x, [w.initial(x)]]))
  }
  register(process: number, name: string): Value {
    return this.registers[process]!.get(name)?.v ?? 0
  }
  location(name: string): Value {
    const c = this.w.cells.get(this.w.l.locations.get(name)!)
    return c === undefined ? 0 : c.peek().v
  }
  toString(): string {
    const out: string[] = []
    this.registers.forEach((m, p) => {
      for (const [k, r] of [...m].sort((a, b) => (a[0] < b[0] ? -1 : 1))) out.push(`${p}:${k}=${text(r.v)}`)
    })
    for (const [x, c] of this.w.cells) out.push(`${x.name}=${text(c.peek().v)}`)
    return out.join(' ')
  }
}

/** A machine with the test's locations in it. */
class World {
  readonly l: Litmus
  readonly m: Machine
  readonly cells = new Map<Location, Cell<Stored>>()
  readonly locks = new Map<Location, SpinLock>()
  private readonly numbers = new Map<Location, number>()
  run: Running

  constructor(l: Litmus, model: ModelName) {
    this.l = l
    this.m = new Machine({ policy: 'free', model })
    for (const x of l.locations.values()) {
      this.numbers.set(x, -1 - this.numbers.size)
      if (x.lock) this.locks.set(x, new SpinLock(this.m, x.name))
      else {
        const v = l.init.get(x) ?? 0
        this.cells.set(x, new Cell<Stored>(this.m, x.name, { v, by: this.initial(x), label: text(v) }))
      }
    }
    this.run = new Running(this)
    if (model === 'sc')
      this.m.afterStep = () => {
        for (const [x, c] of this.cells) {
          const order = this.run.stores.get(x)!
          const { by } = c.peek()
          if (order[order.length - 1] !== by) order.push(by)
        }
      }
    if (model === 'tso')
      this.m.afterStep = () => {
        const t = this.m.current!
        if (t.service) this.run.lines.push(`${t.label.split('/')[0]}: a buffered store reaches memory`)
      }
  }

  /** The event of the initial store to `x`. */
  initial(x: Location): number {
    return this.numbers.get(x)!
  }
  /** Stores to `x` in coherence order. */
  order(x: Location): readonly number[] {
    const { order } = this.m
    if (order === null) return this.run.stores.get(x)!
    const h = order.history(this.cells.get(x)!)
    return h.length > 0 ? h.map((s: Stored) => s.by) : [this.initial(x)]
  }
  /** All that the future depends on. */
  key(): string {
    let k = ''
    for (const t of this.run.trail) k += `${t.join(' ')}|`
    for (const x of this.cells.keys()) k += `${this.order(x).join(' ')}|`
    for (const o of this.run.lockOps.values()) k += `${o.join(' ')}|`
    return k + [...this.run.rcu.facts].sort().join(' ')
  }
  /** Which tasks to try: one alone when its step is nobody else's business; nobody who would only wait. */
  narrow(options: readonly Option[]): readonly number[] {
    const buffered = this.m.order?.name === 'tso'
    const all: number[] = []
    for (let i = 0; i < options.length; i++) {
      const op = options[i]!.pending!
      const name = op.kind.name
      if (LOCAL.has(name) || (!buffered && LOCAL_UNBUFFERED.has(name))) return [i]
      if (name === 'spin_lock' && (op.obj as SpinLock).owner !== null && !(options[i] as Task).granted) continue
      if (name === 'synchronize_rcu ends' && this.run.rcu.waits(options[i] as Task)) continue
      all.push(i)
    }
    return all.length > 0 ? all : [0]
  }

  execution(): Execution {
    const { run } = this
    const ids = new Map<number, number>()
    const events: LitmusEvent[] = []
    const add = (id: number, e: Omit<LitmusEvent, 'id'>): void => {
      ids.set(id, events.length)
      events.push({ ...e, id: events.length })
    }
    for (const [x, id] of this.numbers) add(id, { ...ACCESS, process: -1, kind: 'W', where: x.name, lock: '' })
    for (const id of [...run.events.keys()].sort((a, b) => a - b)) add(id, run.events.get(id)!)
    const pair = ([a, b]: readonly [number, number]): [number, number] => [ids.get(a)!, ids.get(b)!]
    const co: number[][] = []
    for (const x of this.cells.keys()) co.push(this.order(x).map(e => ids.get(e)!))
    const rf = run.rf.map(pair)
    for (const [x, order] of run.lockOps) {
      co.push(order.map(e => ids.get(e)!))
      for (const k of run.looks) if (k.lock === x) rf.push([ids.get(order[k.at]!)!, ids.get(k.event)!])
    }
    return {
      events,
      rf,
      co,
      rmw: run.rmw.map(pair),
      addr: run.addr.map(pair),
      data: run.data.map(pair),
      ctrl: run.ctrl.map(pair),
    }
  }
}

const ACCESS = {
  plain: false,
  acquire: false,
  release: false,
  noreturn: false,
  lock: '',
  fence: '',
} as const satisfies Partial<LitmusEvent>

/** One process, interpreted. */
class Runner {
  private readonly w: World
  private readonly p: number
  private readonly r: Running
  private task!: Task
  /** Loads that a branch was taken on. */
  private branched: readonly number[] = NOTHING

  constructor(w: World, p: number) {
    this.w = w
    this.p = p
    this.r = w.run
  }

  /** Make the process's task. */
  spawn(): void {
    this.task = this.w.m.spawn(`P${this.p}`, this.body())
  }
  private *body(): Step {
    this.w.m.order?.dependencies?.branches(this.task, NOTHING)
    yield* this.block(this.w.l.processes[this.p]!.body)
  }

  private fail(at: Place, what: string): never {
    throw new LitmusError(this.w.l.file, at, `P${this.p} ${what}`)
  }
  private line(s: string): void {
    this.r.lines.push(`P${this.p}: ${s}`)
  }
  private event(
    kind: LitmusEvent['kind'],
    where: string,
    o: Partial<LitmusEvent>,
    addr: Known | null,
    data: Known | null,
  ): number {
    const id = (this.p + 1) * EVENTS_A_PROCESS + this.r.next[this.p]!++
    if (this.r.next[this.p]! >= EVENTS_A_PROCESS)
      throw new LitmusError(this.w.l.file, { line: 1, column: 1 }, 'too long')
    this.r.events.set(id, { ...ACCESS, ...o, id, process: this.p, kind, where })
    if (addr !== null) for (const from of addr.from) this.r.addr.push([from, id])
    if (data !== null && kind === 'W') for (const from of data.from) this.r.data.push([from, id])
    for (const from of this.branched) this.r.ctrl.push([from, id])
    return id
  }
  private tell(addr: Known, data: Known | null): void {
    this.w.m.order?.dependencies?.depends(this.task, addr.reads, data?.reads ?? NOTHING)
  }
  private readHandles(): readonly ReadHandle[] {
    return this.w.m.order?.dependencies?.lastRead(this.task) ?? NOTHING
  }
  /** How an old value or an early place in coherence order is told in a witness. */
  private behind(n: number): string {
    return n === 0 ? '' : n === 1 ? '  (1 newer store)' : `  (${n} newer stores)`
  }

  private address(k: Known, at: Place): [Location, Cell<Stored>] {
    if (!(k.v instanceof Location))
      this.fail(at, `follows ${k.v === 0 ? 'NULL' : k.v} as an address; guard it with: if (...)`)
    const c = this.w.cells.get(k.v)
    if (c === undefined) this.fail(at, `reads or writes the lock ${k.v.name}`)
    return [k.v, c]
  }
  private lockOf(k: Known, at: Place): [Location, SpinLock] {
    if (!(k.v instanceof Location)) this.fail(at, `takes ${k.v} for a lock`)
    const s = this.w.locks.get(k.v)
    if (s === undefined) this.fail(at, `takes ${k.v.name} for a lock; declare it as spinlock_t`)
    return [k.v, s]
  }

  private *block(body: readonly Stmt[]): Step {
    for (const s of body) yield* this.statement(s)
  }

  private *statement(s: Stmt): Step {
    switch (s.op) {
      case 'set':
        this.r.registers[this.p]!.set(s.name, yield* this.eval(s.v))
        return
      case 'eval':
        yield* this.eval(s.v)
        return
      case 'if': {
        const test = yield* this.eval(s.test)
        this.branched = [...this.branched, ...test.from]
        this.w.m.order?.dependencies?.branches(this.task, test.reads)
        yield* this.block(truth(test.v) ? s.yes : s.no)
        return
      }
      case 'store': {
        const to = yield* this.eval(s.to)
        const k = yield* this.eval(s.v)
        const [x, c] = this.address(to, s.at)
        const by = this.event('W', x.name, { plain: s.how === 'plain', release: s.how === 'release' }, to, k)
        const stored: Stored = { v: k.v, by, label: text(k.v) }
        this.tell(to, k)
        if (s.how === 'plain') yield* c.store(stored)
        else if (s.how === 'once') yield* c.WRITE_ONCE(stored)
        else yield* c.smp_store_release(stored)
        this.r.trail[this.p]!.push('w')
        const order = this.w.order(x)
        const at = order.indexOf(by)
        const early = at < 0 ? 0 : order.length - 1 - at
        this.line(
          (s.name === '' ? `*${x.name} = ${text(k.v)}` : `${s.name}(${x.name}, ${text(k.v)})`) + this.behind(early),
        )
        return
      }
      case 'add': {
        const to = yield* this.eval(s.to)
        yield* this.atomic(to, yield* this.eval(s.v), RELAXED | NORETURN, 'add', null, s.name, s.at)
        return
      }
      case 'fence':
        this.event('F', '', { fence: s.kind }, null, null)
        if (s.kind === 'barrier') return
        yield* FENCES[s.kind]()
        this.r.trail[this.p]!.push('f')
        this.line(`${s.name}()`)
        return
      case 'lock': {
        const [x, lock] = this.lockOf(yield* this.eval(s.lock), s.at)
        yield* spin_lock(lock)
        this.taken(x)
        this.line(`spin_lock(${x.name})`)
        return
      }
      case 'unlock': {
        const [x, lock] = this.lockOf(yield* this.eval(s.lock), s.at)
        if (lock.owner !== this.task) this.fail(s.at, `unlocks ${x.name}, which it does not hold`)
        yield* spin_unlock(lock)
        this.r.lockOps.get(x)!.push(this.event('W', x.name, { lock: 'UL', release: true }, null, null))
        this.r.trail[this.p]!.push('u')
        this.line(`spin_unlock(${x.name})`)
        return
      }
      case 'rcu_read_lock':
        this.event('F', '', { fence: s.op }, null, null)
        yield* rcu_read_lock(this.r.rcu)
        this.r.trail[this.p]!.push('r')
        this.line('rcu_read_lock()')
        return
      case 'rcu_read_unlock':
        this.event('F', '', { fence: s.op }, null, null)
        if (!(yield* rcu_read_unlock(this.r.rcu))) this.fail(s.at, 'ends an RCU critical section that it is not in')
        this.r.trail[this.p]!.push('r')
        this.line('rcu_read_unlock()')
        return
      case 'synchronize_rcu':
        this.event('F', '', { fence: s.op }, null, null)
        yield* rcu_start(this.r.rcu)
        this.r.trail[this.p]!.push('g')
        this.line('synchronize_rcu() starts')
        yield* rcu_end(this.r.rcu)
        this.r.trail[this.p]!.push('g')
        this.line('synchronize_rcu() is done')
        return
    }
  }

  /** The process holds `x` now. */
  private taken(x: Location): void {
    const order = this.r.lockOps.get(x)!
    const r = this.event('R', x.name, { lock: 'LKR', acquire: true }, null, null)
    const w = this.event('W', x.name, { lock: 'LKW' }, null, null)
    this.r.rf.push([order[order.length - 1]!, r])
    this.r.rmw.push([r, w])
    order.push(w)
    this.r.trail[this.p]!.push('l')
  }

  private *eval(e: Expr): Step<Known> {
    switch (e.op) {
      case 'value':
        return known(e.v)
      case 'register': {
        const r = this.r.registers[this.p]!.get(e.name)
        if (r === undefined) this.fail(e.at, `uses ${e.name} before it has a value`)
        return r
      }
      case 'unary': {
        const k = yield* this.eval(e.of)
        if (e.sign === '!') return { ...k, v: truth(k.v) ? 0 : 1 }
        if (typeof k.v !== 'number')
          throw new LitmusError(this.w.l.file, { line: 1, column: 1 }, `'${e.sign}' on an address`)
        return { ...k, v: e.sign === '-' ? -k.v | 0 : ~k.v }
      }
      case 'binary': {
        const a = yield* this.eval(e.l)
        // The second operand of && and || is only looked at when it matters, and that is a branch.
        if ((e.sign === '&&' && !truth(a.v)) || (e.sign === '||' && truth(a.v))) return { ...a, v: truth(a.v) ? 1 : 0 }
        const b = yield* this.eval(e.r)
        return join(arithmetic(this.w.l, e.sign, a.v, b.v, e.at), a, b)
      }
      case 'load': {
        const from = yield* this.eval(e.from)
        const [x, c] = this.address(from, e.at)
        const id = this.event('R', x.name, { plain: e.how === 'plain', acquire: e.how === 'acquire' }, from, null)
        this.tell(from, null)
        const s = yield* e.how === 'plain' ? c.load() : e.how === 'once' ? c.READ_ONCE() : c.smp_load_acquire()
        this.r.rf.push([s.by, id])
        this.r.trail[this.p]!.push(String(s.by))
        const name =
          e.how === 'plain' ? `*${x.name}` : e.how === 'once' ? `READ_ONCE(${x.name})` : `smp_load_acquire(${x.name})`
        this.line(`${name} is ${text(s.v)}${this.behind(this.w.m.order?.dependencies?.lastAge(this.task) ?? 0)}`)
        return { v: s.v, from: [id], reads: this.readHandles() }
      }
      case 'cmpxchg': {
        const to = yield* this.eval(e.to)
        const old = yield* this.eval(e.old)
        const v = yield* this.eval(e.v)
        return yield* this.atomic(to, join(v.v, v, old), ORDERS[e.order], 'set', old.v, e.name, e.at)
      }
      case 'rmw': {
        const to = yield* this.eval(e.to)
        const by = yield* this.eval(e.v)
        const old = yield* this.atomic(to, by, ORDERS[e.order], e.make, null, e.name, e.at)
        if (e.gives === 'old') return old
        const now = arithmetic(this.w.l, '+', old.v, by.v, e.at)
        if (e.gives === 'new') return join(now, old, by)
        return { ...old, v: (e.gives === 'zero' ? now === 0 : typeof now === 'number' && now < 0) ? 1 : 0 }
      }
      case 'trylock': {
        const [x, lock] = this.lockOf(yield* this.eval(e.lock), e.at)
        const got = yield* spin_trylock(lock)
        this.line(`spin_trylock(${x.name}) is ${got ? 1 : 0}`)
        if (got) {
          this.taken(x)
          return known(1)
        }
        return this.look(x, this.lockPosition(x, true), 0)
      }
      case 'is_locked': {
        const [x, lock] = this.lockOf(yield* this.eval(e.lock), e.at)
        const held = yield* spin_is_locked(lock)
        this.line(`spin_is_locked(${x.name}) is ${held ? 1 : 0}`)
        const { order } = this.w.m
        const d = order?.dependencies
        const at = order && d ? order.history(lock).length - 1 - d.lastAge(this.task) : this.lockPosition(x, held)
        return this.look(x, at, held ? 1 : 0)
      }
    }
  }

  /** Which of the stores to lock `x` is the newest: one that its taker has yet to write down, when it is held and none did. */
  private lockPosition(x: Location, held: boolean): number {
    const order = this.r.lockOps.get(x)!
    const last = this.r.events.get(order[order.length - 1]!)
    return held && last?.lock !== 'LKW' ? order.length : order.length - 1
  }
  private look(x: Location, at: number, v: number): Known {
    const id = this.event('R', x.name, { lock: 'look' }, null, null)
    this.r.looks.push({ lock: x, event: id, at })
    this.r.trail[this.p]!.push(`L${at}`)
    return { v, from: [id], reads: this.readHandles() }
  }

  /** A read-modify-write. `expect`: of a cmpxchg. Gives the old value. */
  private *atomic(
    to: Known,
    by: Known,
    order: number,
    make: 'set' | 'add',
    expect: Value | null,
    name: string,
    at: Place,
  ): Step<Known> {
    const [x, c] = this.address(to, at)
    const { l } = this.w
    const first = (this.p + 1) * EVENTS_A_PROCESS + this.r.next[this.p]!
    const full = order === FULL
    // The events come when it is known whether it wrote; their numbers are known before.
    const w = first + (full ? 2 : 1)
    const f = (old: Stored): Stored | typeof NO_WRITE => {
      if (expect !== null && old.v !== expect) return NO_WRITE
      const v = make === 'set' ? by.v : arithmetic(l, '+', old.v, by.v, at)
      return { v, by: w, label: text(v) }
    }
    this.tell(to, by)
    const old = yield* c.rmw(f, order)
    const now = f(old)
    const wrote = now !== NO_WRITE
    if (wrote && full) this.event('F', '', { fence: 'mb' }, null, null)
    const r = this.event(
      'R',
      x.name,
      { acquire: wrote && order === ACQUIRE, noreturn: (order & NORETURN) !== 0 },
      to,
      null,
    )
    this.r.rf.push([old.by, r])
    if (wrote) {
      const id = this.event('W', x.name, { release: order === RELEASE }, to, by)
      this.r.rmw.push([r, id])
      if (make === 'add') this.r.data.push([r, id])
      if (full) this.event('F', '', { fence: 'mb' }, null, null)
    }
    this.r.trail[this.p]!.push(String(old.by))
    this.line(`${name}(${x.name}): ${text(old.v)}${wrote ? ` becomes ${text((now as Stored).v)}` : ' stays'}`)
    return { v: old.v, from: [r], reads: this.readHandles() }
  }
}

const hasPlain = (x: Execution): boolean => x.events.some(e => e.plain)

const describe = (x: Execution, id: number): string => {
  const e = x.events[id]!
  return `P${e.process} ${e.plain ? 'plain ' : ''}${e.kind === 'R' ? 'read' : 'write'} of ${e.where}`
}

/** Take every execution of `l` and say what they say. */
export function runLitmus(l: Litmus, o: RunOptions = {}): LitmusResult {
  const model = o.model ?? 'weak'
  const limit = o.limit ?? 1_000_000
  let world = new World(l, model)
  let mark = world.m.journal.mark()
  const walk = new Walk(
    () => world.key(),
    options => world.narrow(options),
  )
  const states = new Set<string>()
  let yes = 0
  let no = 0
  let all = 0
  let witness: readonly string[] = []
  let raceBetween: readonly string[] = []
  do {
    if (++all > limit)
      throw new LitmusError(
        l.file,
        { line: 1, column: 1 },
        `${l.name} has more than ${limit} executions; raise --limit`,
      )
    if (o.fresh) {
      world = new World(l, model)
      mark = world.m.journal.mark()
    } else {
      world.m.dropTasks()
      world.m.journal.rewind(mark)
    }
    const run = new Running(world)
    world.run = run
    for (let p = 0; p < l.processes.length; p++) new Runner(world, p).spawn()
    const end = world.m.run(walk)
    // What deadlocks, or is cut off because its state was seen, is no execution.
    if (end === 'redundant' || end === 'deadlock') continue
    if (l.filter !== null && !holds(l.filter, run)) continue
    const held = holds(l.claim, run)
    if (held) yes++
    else no++
    states.add(run.toString())
    if (witness.length === 0 && isWitness(l, held)) witness = [...run.lines]
    if (o.each || (o.races !== false && raceBetween.length === 0)) {
      const x = world.execution()
      o.each?.(x, run)
      if (o.races !== false && raceBetween.length === 0 && hasPlain(x)) {
        const { race } = judge(x)
        if (race !== null) raceBetween = race.map(id => describe(x, id))
      }
    }
  } while (walk.next())
  return {
    name: l.name,
    model,
    verdict: observation(yes, no),
    runs: yes + no,
    race: raceBetween.length > 0,
    witness,
    raceBetween,
    states: [...states].sort(),
  }
}
