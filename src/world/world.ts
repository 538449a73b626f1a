// A world: memories, hosts, their file systems, applications, faults and properties, on one machine. Set-up runs to its end
// under the default choices, then everything is marked; each execution starts from the mark with fresh tasks.
import {
  type DaxDriver,
  type DaxMemory,
  Lender,
  Memory,
  type MemoryOptions,
  make_memory,
  physBase,
} from '../devdax/index.ts'
import { type Coherence, Fabric } from '../fabric/index.ts'
import { type Armed, actionText, arm, type Fault } from '../faults/index.ts'
import { type ProcessEnd, type Sys, spawn_process, type task_struct } from '../kernel/index.ts'
import { DEFAULT_KERNEL, DEFAULT_SERVER, type DefectSwitches, kernelProfile, serverProfile } from '../profile/index.ts'
import {
  type Chooser,
  Completion,
  complete,
  defaultChooser,
  EventKind,
  type Machine,
  type Mark,
  type ModelName,
  type Op,
  type Policy,
  type Problem,
  type Step,
  Machine as TheMachine,
  type TraceEvent,
  UsageError,
  type Verdict,
  type Watch,
  wait_for_completion,
} from '../sim/index.ts'
import { type App, type AppOptions, Host, type HostOptions } from './host.ts'
import type { Property } from './property.ts'
import { checkWithout, NOTHING, uniqueName, type Without } from './without.ts'

/** A line the scenario says in the trace. */
export const SAY = new EventKind('says')

/** What a run says of the fabric, whatever the scenario says. */
export interface FabricSetting {
  /** CPU caches; on unless false: then every access reaches the memory. */
  readonly caches?: boolean
  /** Who keeps the caches of hosts equal, on every device. */
  readonly coherence?: Coherence
  /** How many lines of every device may be evicted by chance in one execution. */
  readonly evictions?: number
}

export interface WorldOptions {
  readonly seed?: number
  readonly policy?: Policy
  /** Kernel of every host that names none. */
  readonly kernel?: string
  /** DAX level of every host that names none; the kernel's own unless told otherwise. */
  readonly dax?: string
  /** User space of every host that names none. */
  readonly server?: string
  readonly switches?: DefectSwitches
  /** What device memory lies on; the best this machine has unless said otherwise. No trace depends on it. */
  readonly backing?: Lender
  readonly fabric?: FabricSetting
  /** Keep trace and digest. */
  readonly trace?: boolean
  readonly sink?: (e: TraceEvent) => void
  readonly maxSteps?: number
  /** Memory ordering of kernel cells; `sc` unless said otherwise. */
  readonly model?: ModelName
  /** What the executions leave out. */
  readonly without?: Without
  /** Report data races. */
  readonly races?: boolean
  /** Report locks taken in orders that can deadlock; on unless false. */
  readonly lockdep?: boolean
  /** Report tasks that sleep uninterruptibly for longer, ns; 120 s unless said otherwise. */
  readonly hungNs?: number
  /** Report stores to guarded cells without their lock; on unless false. */
  readonly guards?: boolean
  /** Report use after free, and what a host has not freed when nothing is mounted on it any more; on unless false. */
  readonly kasan?: boolean
  /** Told of every access to state, set-up included. */
  readonly watch?: Watch
}

/** What one execution came to. */
export interface RunResult {
  readonly verdict: Verdict
  readonly seed: number
  readonly steps: number
  /** 16 hex digits over the whole trace, set-up included; empty with the trace off. */
  readonly digest: string
  /** 16 hex digits that name the interleaving. */
  readonly interleaving: string
  /** Requests to servers by opcode, all hosts, set-up included. */
  readonly messages: Record<string, number>
  /** Faults by size, all hosts. */
  readonly faults: Record<string, number>
  /** Largest virtual time of any task, ns. */
  readonly now_ns: number
  readonly problems: readonly Problem[]
  /** Faults that did not fire. */
  readonly neverFired: readonly Fault[]
  /** What its applications said, `task: text`, in the order of the tasks: two executions with equal lines came to the same. */
  readonly said: readonly string[]
}

export interface Gate {
  open(): Op<void>
  wait(): Op<number>
}

const MIN_UNIT = 0x200000

/** A shared memory, as a scenario asks for it. */
export interface DaxdevOptions extends MemoryOptions {
  /** Bytes. */
  readonly size: number
  /** Mode on every host at the start; `famfs` unless told otherwise. */
  readonly mode?: keyof typeof MODE_DRIVER | 'famfs'
  /** Who keeps the caches of hosts equal; `none` unless told otherwise: programs flush and invalidate. */
  readonly coherence?: Coherence
  /** How many lines may be evicted by chance in one execution; 0 unless told otherwise. */
  readonly evictions?: number
}

/** Driver of each mode but famfs, whose driver depends on the DAX level. */
const MODE_DRIVER = {
  devdax: 'device_dax',
  'system-ram': 'kmem',
  fsdax: 'pmem',
  disabled: null,
} as const satisfies Record<string, DaxDriver>

export class World {
  readonly m: Machine
  readonly options: WorldOptions
  readonly fabric: Fabric
  readonly hosts: Host[] = []
  private readonly memories: DaxMemory[] = []
  private readonly lender: Lender
  private readonly apps = new Map<string, App>()
  private without: Without = NOTHING
  private readonly faults: { readonly fault: Fault; readonly done: Completion }[] = []
  private armed: Armed[] = []
  private readonly properties: Property[] = []
  private mark: Mark | null = null
  /** Virtual time at which the applications start, ns. */
  private t0 = 0
  private setupSteps = 0

  constructor(o: WorldOptions = {}) {
    this.options = o
    this.lender = o.backing ?? new Lender()
    this.m = new TheMachine({
      seed: o.seed ?? 0,
      policy: o.policy ?? 'timed',
      maxSteps: o.maxSteps,
      model: o.model,
      races: o.races,
      lockdep: o.lockdep ?? true,
      guards: o.guards,
      hungNs: o.hungNs,
      kasan: o.kasan ?? true,
    })
    this.m.panicked = t => (t.owner as task_struct | null)?.k.crash()
    this.m.trace.on = o.trace ?? true
    this.m.trace.sink = o.sink ?? null
    if (o.watch !== undefined) this.m.journal.watch = o.watch
    this.fabric = new Fabric(this.m, { caches: o.fabric?.caches })
  }

  /**
   * A shared memory; every host sees it as /dev/NAME, in famfs mode unless told otherwise.
   * @param o.size bytes, a positive multiple of 2 MiB and of the align
   */
  daxdev(name: string, o: DaxdevOptions): DaxMemory {
    this.inSetup('daxdev')
    if (!Number.isSafeInteger(o.size) || o.size <= 0 || o.size % MIN_UNIT !== 0)
      throw new UsageError(
        `daxdev ${name}: size ${o.size} is not a positive multiple of 2 MiB (${MIN_UNIT}); try GiB(4)`,
      )
    if (this.memories.some(d => d.name === name))
      throw new UsageError(`daxdev ${name}: there is one of that name already`)
    const backing = this.lender.open(name, o.size)
    const memory = new Memory(backing)
    this.m.journal.addSaver({ save: () => memory.mark(), restore: t => memory.rewind(t) })
    const ranges = o.ranges ?? [{ start: physBase(this.memories.length), len: o.size }]
    let d: DaxMemory
    try {
      d = make_memory(this.m, name, memory, { ...o, ranges })
    } catch (e) {
      memory.close()
      throw e
    }
    for (const page of backing.badPages ?? []) d.poison.add(page)
    const { coherence = o.coherence, evictions = o.evictions } = this.options.fabric ?? {}
    this.fabric.device(d, { coherence, evictions })
    this.memories.push(d)
    this.modes.set(name, o.mode)
    for (const h of this.hosts) this.bring(h, d)
    return d
  }
  private readonly modes = new Map<string, DaxdevOptions['mode']>()

  /** A memory appears on a host, and its driver is bound. */
  private bring(h: Host, d: DaxMemory): void {
    const mode = this.modes.get(d.name) ?? 'famfs'
    h.attach(d, mode === 'famfs' ? h.k.profile.dax.fs_driver : MODE_DRIVER[mode])
    this.setupSteps += this.m.steps
  }

  /** A host with its own kernel, seeing every memory of the world. */
  host(name: string, o: HostOptions = {}): Host {
    this.inSetup('host')
    if (this.hosts.some(h => h.name === name)) throw new UsageError(`host ${name}: there is one of that name already`)
    const profile = kernelProfile(
      this.options.kernel ?? o.kernel ?? DEFAULT_KERNEL,
      this.options.switches,
      this.options.dax ?? o.dax,
    )
    const server = serverProfile(this.options.server ?? o.server ?? DEFAULT_SERVER, this.options.switches)
    const h = new Host(this, name, profile, server, o.structPages)
    this.hosts.push(h)
    for (const d of this.memories) this.bring(h, d)
    return h
  }

  memory(device: string): DaxMemory | undefined {
    return this.memories.find(d => d.name === device)
  }
  kernels() {
    return this.hosts.map(h => h.k)
  }

  /** Something that will go wrong. `yield* f.wait()` sleeps until every host that is to learn of it has dealt with it. */
  fault(trigger: Fault['trigger'], action: Fault['action']): { wait(): Op<number> } {
    this.inSetup('fault')
    const done = new Completion(this.m, `fault: ${actionText(action)}`)
    this.faults.push({ fault: { trigger, action }, done })
    return { wait: () => wait_for_completion(done) }
  }

  /** Must hold after every step. */
  always(name: string, holds: (w: World) => boolean): void {
    this.properties.push({ kind: 'always', name, holds })
  }
  /** Must hold after at least one step of some execution; reported, never a failure of one run. */
  sometimes(name: string, holds: (w: World) => boolean): void {
    this.properties.push({ kind: 'sometimes', name, holds, reached: false })
  }
  /** Must hold when the execution has ended. */
  eventually(name: string, holds: (w: World) => boolean): void {
    this.properties.push({ kind: 'eventually', name, holds })
  }
  /** Names of `sometimes` properties no execution has reached yet. */
  unreached(): string[] {
    return this.properties.filter(p => p.kind === 'sometimes' && !p.reached).map(p => p.name)
  }

  /** A line in the trace, for people; what applications say is also what an execution came to. */
  say(text: string): void {
    this.m.emit(SAY, text, null, 0, 0, null)
    const t = this.m.current
    if (t !== null && this.mark !== null) this.said.push({ task: t.id, text: `${t.label}: ${text}` })
  }
  private said: { readonly task: number; readonly text: string }[] = []

  /** A gate that applications of any host wait at until one opens it: `yield* g.wait()`, `yield* g.open()`. */
  gate(name: string): Gate {
    const c = new Completion(this.m, name)
    return { open: () => complete(c), wait: () => wait_for_completion(c) }
  }

  /** What an application found must be what the scenario expects; otherwise the run fails. */
  expect(what: string, got: unknown, want: unknown): void {
    if (got !== want) this.m.problem('expectation', `${what}: expected ${show(want)}, got ${show(got)}`)
  }

  /** Requests to servers since set-up ended, all hosts: of one opcode (with or without FUSE_), or all. */
  count(opcode?: string): number {
    const name = opcode?.replace(/^FUSE_/, '')
    const of = (sent: Iterable<readonly [string, number]>): number => {
      let n = 0
      for (const [op, c] of sent) if (name === undefined || op === name) n += c
      return n
    }
    let n = -of(this.before)
    for (const h of this.hosts) n += of(h.k.requests.entries())
    return n
  }
  /** Requests that set-up sent, by host and opcode. */
  private before: (readonly [string, number])[] = []

  /** Labels of the applications, in the order in which they start. */
  appNames(): string[] {
    return [...this.apps.keys()]
  }
  /** Names of the faults, as `without` has them. */
  faultNames(): string[] {
    const names: string[] = []
    for (const { fault } of this.faults) names.push(uniqueName(actionText(fault.action), names))
    return names
  }

  /** Leave these out of the executions to come, and nothing else. Throws UsageError for what is not there. */
  leaveOut(w: Without): void {
    this.ready()
    const names = this.faultNames()
    checkWithout(w, this.appNames(), names)
    this.without = w
    for (const [i, a] of this.armed.entries()) a.leftOut = w.faults.includes(names[i]!)
  }

  /** Register an application; hosts do this. */
  addApp(app: App): void {
    this.inSetup('app')
    this.apps.set(uniqueName(app.name, this.appNames()), app)
  }

  /** Run one process to its end, now; what it returned. */
  setup<T>(host: Host, comm: string, body: (sys: Sys) => Step<T>, o: AppOptions = {}): T {
    this.inSetup(comm)
    const { task } = spawn_process(host.k, comm, body, { ...o, at: this.t0 })
    const v = this.m.run(defaultChooser)
    this.fabric.settle()
    this.setupSteps += this.m.steps
    for (const t of this.m.tasks) if (t.now > this.t0) this.t0 = t.now
    const end = task.value as ProcessEnd | undefined
    if (v !== 'held' || end === undefined || end.signal !== null) {
      const why = this.m.problems[0]?.text ?? end?.signal?.message ?? v
      throw new UsageError(`set-up: ${host.name}/${comm}: ${why}`)
    }
    this.m.buryTasks()
    return end.value as T
  }

  private inSetup(what: string): void {
    if (this.mark !== null) throw new UsageError(`${what}: set-up is over; call it while the scenario is built`)
  }

  /** End set-up: arm the faults, set the mark. */
  ready(): void {
    if (this.mark !== null) return
    this.armed = this.faults.map(f => arm(this, f.fault, f.done))
    this.m.retireTasks()
    if (this.properties.length > 0) this.m.afterStep = () => this.afterStep()
    this.mark = this.m.journal.mark()
    this.before = this.hosts.flatMap(h => [...h.k.requests.entries()])
    if (this.options.without !== undefined) this.leaveOut(this.options.without)
  }

  private afterStep(): void {
    for (const p of this.properties) {
      if (p.kind === 'eventually') continue
      const holds = p.holds(this)
      if (p.kind === 'sometimes') p.reached ||= holds
      else if (!holds && !this.m.problems.some(x => x.text === `always: ${p.name}`))
        this.m.problem('property', `always: ${p.name}`)
    }
  }

  private dirty = false

  /** One execution from the mark. */
  run(chooser: Chooser = defaultChooser): RunResult {
    this.ready()
    const { m } = this
    if (this.dirty) {
      m.dropTasks()
      m.journal.rewind(this.mark!)
    }
    this.dirty = true
    this.said = []
    for (const h of this.hosts) h.startServices(this.t0)
    const { apps, ends } = this.without
    for (const [label, a] of this.apps.entries())
      if (!apps.includes(label)) a.start(this.t0 + (a.at ?? 0), label, ends.find(e => e[0] === label)?.[1])
    for (const a of this.armed) a.start(this.t0)
    let verdict = m.run(chooser)
    m.current = null
    if (m.kasan !== null && (verdict === 'held' || verdict === 'failed'))
      for (const h of this.hosts) if (h.k.at_rest()) h.k.report_leaks()
    for (const p of this.properties)
      if (p.kind === 'eventually' && !p.holds(this)) m.problem('property', `eventually: ${p.name}`)
    if (verdict === 'held' && m.problems.length > 0) verdict = 'failed'
    return this.result(verdict)
  }

  private result(verdict: Verdict): RunResult {
    const { m } = this
    const messages: Record<string, number> = {}
    const faults: Record<string, number> = {}
    for (const h of this.hosts) {
      for (const [op, c] of h.k.requests.entries()) messages[op] = (messages[op] ?? 0) + c
      for (const [size, c] of h.k.faults.entries()) faults[size] = (faults[size] ?? 0) + c
    }
    let now_ns = this.t0
    for (const t of m.tasks) if (t.now > now_ns) now_ns = t.now
    return {
      verdict,
      seed: this.options.seed ?? 0,
      steps: this.setupSteps + m.steps,
      digest: m.trace.on ? m.trace.hex() : '',
      interleaving: m.interleaving(),
      messages,
      faults,
      now_ns,
      problems: [...m.problems],
      neverFired: this.armed.filter(a => !a.leftOut && !a.fired()).map(a => a.fault),
      said: this.said.toSorted((a, b) => a.task - b.task).map(x => x.text),
    }
  }

  /** Give the memories back. The world is of no use afterwards. */
  close(): void {
    for (const d of this.memories) d.memory.close()
  }
}

const show = (v: unknown): string => (typeof v === 'string' ? `'${v}'` : String(v))
