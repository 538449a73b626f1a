// A host of a world: its kernel, its file systems, its applications.
import type { DaxDriver, DaxMemory, StructPages } from '../devdax/index.ts'
import {
  type Cred,
  dax_bind_node,
  Kernel,
  type ProcessEnd,
  restart_daemons,
  type Sys,
  spawn_process,
  tmpfs_mkdir,
  tmpfs_mknod,
} from '../kernel/index.ts'
import { uuidFrom } from '../media/index.ts'
import type { KernelProfile, ServerProfile } from '../profile/index.ts'
import { daxctl, type End, exec, fused_options, type Site, shadow_of_mount, shell_line } from '../server/index.ts'
import { MiB, type Op, type Step, type Task, UsageError } from '../sim/index.ts'
import { Fs, playOf } from './fs.ts'
import { furnish } from './furnish.ts'
import { cutShort } from './without.ts'
import type { World } from './world.ts'

export interface HostOptions {
  /** Kernel profile, e.g. 'v10'. A run's own choice goes first. */
  readonly kernel?: string
  /** DAX level, e.g. 'fsdev-v8'. A run's own choice goes first. */
  readonly dax?: string
  /** Its famfs user space, e.g. 'fixed'. A run's own choice goes first. */
  readonly server?: string
  /** Where the struct pages of its devices lie; in its own memory (`mem`) unless told otherwise. */
  readonly structPages?: StructPages
}

export interface AppOptions {
  readonly cred?: Cred
}

/** An application of a scenario, made afresh for every execution. */
export interface App {
  /** Becomes the label of its task; one that is taken gets a number. */
  readonly name: string
  /** ns after the start. */
  readonly at?: number
  /** @param ends it ends after so many operations; undefined: as its program says */
  start(now: number, label: string, ends: number | undefined): void
}

/** Handle on an application: what it returned in the last execution. */
export interface AppHandle {
  readonly name: string
  /** Undefined while it runs. */
  end(): ProcessEnd | undefined
}

export interface FamfsOptions {
  /** Make a file system on this memory, then mount it: this host owns it. */
  readonly mkfs?: DaxMemory
  /** Mount what is on this memory. */
  readonly mount?: DaxMemory
  /** With mkfs: further memories the file system lies on, from device index 1 on. The `fixed` user space has that. */
  readonly devices?: readonly DaxMemory[]
  /** Log length of mkfs, bytes. */
  readonly logLen?: number
  /** Attribute and entry timeout of the daemon, seconds. */
  readonly timeout?: number
  /** Worker threads of the daemon. */
  readonly workers?: number
}

export class Host {
  readonly world: World
  readonly name: string
  readonly k: Kernel
  /** Its famfs user space: what its programs do, and where they get what is random. */
  readonly site: Site
  /** Called with how far a long command is. */
  onTell: ((text: string) => void) | null = null

  constructor(
    world: World,
    name: string,
    profile: KernelProfile,
    server: ServerProfile,
    structPages: StructPages = 'mem',
  ) {
    this.world = world
    this.name = name
    this.k = new Kernel(world.m, name, profile, world.fabric.host(name), structPages)
    const draws = world.m.streams.stream('alloc')
    this.site = { server, uuid: () => this.uuid(), draw: n => draws.below(n), tell: text => this.onTell?.(text) }
    furnish(this.k, name)
  }

  private uuid(): string {
    const s = this.world.m.streams.stream('uuid')
    return uuidFrom(() => s.u32())
  }

  /** A memory appears on this host as /dev/NAME. */
  attach(d: DaxMemory, driver: DaxDriver): void {
    const dev = this.k.bus.attach(d, driver)
    dax_bind_node(dev, tmpfs_mknod(this.k, `/dev/${d.name}`, dev.dax_dev.devno))
  }

  /** Run a command line of this host while the scenario is built: `host.cli('famfs creat -s 4096 /mnt/famfs/a')`. */
  cli(line: string): End {
    const { site } = this
    return this.world.setup(this, 'sh', function* (sys) {
      return yield* shell_line(sys, site, line)
    })
  }

  /** The same in an application: `const end = yield* host.sh(sys, 'famfs logplay /mnt/famfs')`. */
  sh(sys: Sys, line: string): Op<End> {
    return shell_line(sys, this.site, line)
  }

  /** The tool daxctl, while the scenario is built; what it printed. Throws UsageError when it fails. */
  daxctl(...words: readonly string[]): readonly string[] {
    const end = this.world.setup(this, 'daxctl', function* (sys) {
      return yield* daxctl(sys, words)
    })
    if (end.rc !== 0) throw new UsageError(`daxctl ${words.join(' ')}: exit ${end.rc}: ${end.err[0] ?? ''}`)
    return end.out
  }

  /**
   * The memory that holds the struct page of byte `off` of a device goes bad: the next kernel that looks at it dies, and so
   * does that of every host that has them in the device. Throws UsageError where they lie in the host's own memory.
   */
  poisonStructPage(mem: DaxMemory, off: number): void {
    if (this.k.bus.struct_pages === 'mem')
      throw new UsageError(
        `${this.name}: its struct pages lie in its own memory; give the host structPages: 'separate'`,
      )
    this.k.bus.byName(mem.name)!.folios.poison((off - (off % 4096)) / 4096)
  }

  /** An application that starts when set-up is over. */
  app(name: string, body: (sys: Sys) => Step<any>, o: AppOptions & { at?: number } = {}): AppHandle {
    let task: Task | null = null
    this.world.addApp({
      name: `${this.name}/${name}`,
      at: o.at,
      start: (now, label, ends) => {
        const program = ends === undefined ? body : (sys: Sys) => cutShort(body(sys), ends)
        task = spawn_process(this.k, name, program, { cred: o.cred, at: now, label }).task
      },
    })
    return { name, end: () => task?.value as ProcessEnd | undefined }
  }

  /** A command that must end with 0. Throws UsageError with what it said when it does not. */
  must(words: readonly string[], site: Site = this.site): End {
    const end = this.world.setup(this, 'sh', function* (sys) {
      return yield* exec(sys, site, words)
    })
    if (end.rc !== 0) throw new UsageError(`${words.join(' ')}: exit ${end.rc}: ${end.err.join('; ')}`)
    return end
  }

  /** Make and mount, or mount, a famfs at `mpt` (made if missing). Throws UsageError when a step fails. */
  famfs(mpt: string, o: FamfsOptions): Fs {
    const mem = o.mkfs ?? o.mount
    if (mem === undefined) throw new UsageError(`famfs ${mpt}: give { mkfs: dev } or { mount: dev }`)
    const further = o.devices ?? []
    const all = [mem, ...further]
    const twice = all.find((d, i) => all.indexOf(d) !== i)
    if (twice !== undefined) throw new UsageError(`famfs ${mpt}: ${twice.name} is named twice; give each device once`)
    const { server } = this.site
    if (further.length > 0 && !server.several_devices)
      throw new UsageError(
        `famfs ${mpt}: user space ${server.name} knows one device; give ${this.name} { server: 'fixed' }`,
      )
    const device = `/dev/${mem.name}`
    const devices = further.map(d => `/dev/${d.name}`)
    if (o.mkfs !== undefined)
      this.must(['mkfs.famfs', '--nodax', '--loglen', String(o.logLen ?? MiB(8)), device, ...devices])
    tmpfs_mkdir(this.k, mpt)
    const timeout = o.timeout === undefined ? [] : ['-t', String(o.timeout)]
    const end = this.must(['famfs', 'mount', ...timeout, device, mpt], { ...this.site, threads: o.workers })
    return new Fs(this, mpt, device, this.shadowOf(mpt), playOf(end))
  }

  /** Where the shadow tree of a mount lies; null: a standalone famfs has none. */
  private shadowOf(mpt: string): string | null {
    return this.world.setup(this, 'getfattr', function* (sys) {
      return yield* shadow_of_mount(sys, mpt)
    })
  }

  /**
   * Unmount and mount again with the same tree and nothing looked at: the daemon is up, INIT has been answered, no file
   * has been opened and no device fetched. For work that wants the very first open. A standalone famfs is mounted anew, log and all.
   */
  remount(fs: Fs, o: { workers?: number; timeout?: number } = {}): Fs {
    const { mpt, device, shadow } = fs
    const rc = this.world.setup(this, 'umount', function* (sys) {
      return yield* sys.umount(mpt)
    })
    if (rc < 0) throw new UsageError(`umount ${mpt}: errno ${-rc}`)
    if (shadow === null) {
      const end = this.must(['famfs', 'mount', device, mpt])
      return new Fs(this, mpt, device, null, playOf(end))
    }
    const options = fused_options({ device, mpt, timeout: o.timeout }, shadow, o.workers)
    this.must(['famfs_fused', '-o', options, mpt])
    return new Fs(this, mpt, device, shadow, fs.play)
  }

  /** Start the daemons of every mount again, for a new execution. */
  startServices(at: number): void {
    restart_daemons(this.k, at)
  }
}
