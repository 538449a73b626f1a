// A process or kernel thread of one host: credentials, capabilities, open files, address space.
import type { FabricHost } from '../fabric/index.ts'
import { Cell, JMap, type Killed, type Task } from '../sim/index.ts'
import type { Kernel } from './kernel.ts'
import { mm_struct } from './mm/mm_struct.ts'
import type { Dentry } from './vfs/dcache.ts'
import type { File } from './vfs/file.ts'

/** The capabilities that something in the model asks for. */
export const ALL_CAPS = [
  'CAP_SYS_ADMIN',
  'CAP_SYS_MODULE',
  'CAP_SYS_RAWIO',
  'CAP_DAC_OVERRIDE',
  'CAP_FOWNER',
  'CAP_FSETID',
  'CAP_CHOWN',
  'CAP_KILL',
  'CAP_MKNOD',
] as const
export type Capability = (typeof ALL_CAPS)[number]

export interface Cred {
  readonly uid: number
  readonly gid: number
  readonly caps: readonly Capability[]
}

export const ROOT_CRED: Cred = { uid: 0, gid: 0, caps: ALL_CAPS }

/** siginfo_t of a delivered signal. */
export interface SigInfo {
  readonly signal: string
  /** e.g. BUS_ADRERR, SEGV_MAPERR */
  readonly si_code: string
  readonly si_addr: number
  /** Of BUS_MCEERR: log2 of how much around it is lost. */
  readonly si_addr_lsb?: number
}

/** prctl(PR_MCE_KILL): when the process wants to hear of a bad page that it maps but did not touch. */
export type McePolicy = 'default' | 'early' | 'late'

/** struct task_struct: a process, or a thread of one, which shares its number, memory, descriptors and directory. */
export class task_struct {
  readonly k: Kernel
  /** Whose locks it takes: its kernel's, by the host's name. */
  readonly realm: string
  readonly comm: string
  readonly pid: number
  readonly cred: Cred
  /** Has a user address space (kernel threads have none). */
  readonly user: boolean
  /** The process this is a thread of; itself for the first. */
  readonly group_leader: task_struct
  /** Threads of the process that have not ended, counted at the leader. */
  readonly nr_threads: Cell<number>
  /** The signal that ended one thread, and so all of them. */
  readonly group_exit: Cell<Killed | null>
  private own_mm: mm_struct | null = null
  readonly files: JMap<number, File>
  /** Working directory; null: the root. */
  readonly cwd: Cell<Dentry | null>
  readonly umask: Cell<number>
  /** Names that the system call under way came by (vfs/path.ts). */
  readonly held: Dentry[] = []
  /** Requests this task sent to FUSE servers. */
  readonly upcalls: Cell<number>
  /** Signals that were delivered, in order. */
  readonly delivered: SigInfo[] = []
  /** Signals that wait until it returns to user mode, oldest first. */
  readonly pending: SigInfo[] = []
  /** PF_MCE_PROCESS, PF_MCE_EARLY */
  mce_kill: McePolicy = 'default'
  /** Signals that the process ignores; kept at the leader. */
  readonly ignored: string[] = []
  /** It has handlers for SIGHUP, SIGINT and SIGTERM: they break off its sleeps, and it looks itself. */
  handles_end = false
  task: Task | null = null

  constructor(k: Kernel, comm: string, o: { user: boolean; cred?: Cred; leader?: task_struct; parent?: task_struct }) {
    this.k = k
    this.realm = k.name
    this.comm = comm
    const { leader, parent } = o
    this.group_leader = leader ?? this
    this.pid = leader?.pid ?? k.new_pid()
    this.cred = o.cred ?? leader?.cred ?? parent?.cred ?? ROOT_CRED
    this.user = o.user
    this.nr_threads = leader?.nr_threads ?? new Cell(k.m, 'signal->nr_threads', 0)
    this.group_exit = leader?.group_exit ?? new Cell<Killed | null>(k.m, 'signal->group_exit_code', null)
    this.files = leader?.files ?? new JMap(k.m.journal)
    this.cwd = leader?.cwd ?? new Cell<Dentry | null>(k.m, 'fs->pwd', parent?.cwd.peek() ?? null)
    this.umask = leader?.umask ?? new Cell(k.m, 'fs->umask', parent?.umask.peek() ?? 0o022)
    this.upcalls = new Cell(k.m, 'upcalls', 0)
  }

  /** The address space; made when it is first used. Null for kernel threads. */
  get mm(): mm_struct | null {
    if (this.group_leader !== this) return this.group_leader.mm
    if (this.own_mm === null && this.user) this.own_mm = new mm_struct(this.k)
    return this.own_mm
  }
  /** Has it mapped or faulted anything yet? */
  get has_mm(): boolean {
    return this.group_leader.own_mm !== null
  }

  /** The way from its host to the memories. */
  get fabric(): FabricHost | null {
    return this.k.fabric
  }

  /** capable() of this task. */
  capable(cap: Capability): boolean {
    return this.cred.caps.includes(cap)
  }
}
