// A process or kernel thread of one host: credentials, capabilities, open files, address space.
import type { FabricHost } from '../fabric/index.ts'
import { Cell, JMap, type Task } from '../sim/index.ts'
import type { Kernel } from './kernel.ts'
import { mm_struct } from './mm/mm_struct.ts'
import type { File } from './vfs/file.ts'

export type Capability = 'CAP_SYS_ADMIN' | 'CAP_SYS_RAWIO' | 'CAP_DAC_OVERRIDE'
export const ALL_CAPS: readonly Capability[] = ['CAP_SYS_ADMIN', 'CAP_SYS_RAWIO', 'CAP_DAC_OVERRIDE']

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

/** struct task_struct */
export class task_struct {
  readonly k: Kernel
  /** Whose locks it takes: its kernel's, by the host's name. */
  readonly realm: string
  readonly comm: string
  readonly pid: number
  readonly cred: Cred
  /** Has a user address space (kernel threads have none). */
  readonly user: boolean
  private own_mm: mm_struct | null = null
  readonly files: JMap<number, File>
  /** Requests this task sent to FUSE servers. */
  readonly upcalls: Cell<number>
  /** Signals that were delivered, in order. */
  readonly delivered: SigInfo[] = []
  /** Signals that wait until it returns to user mode, oldest first. */
  readonly pending: SigInfo[] = []
  /** PF_MCE_PROCESS, PF_MCE_EARLY */
  mce_kill: McePolicy = 'default'
  task: Task | null = null

  constructor(k: Kernel, comm: string, o: { user: boolean; cred?: Cred }) {
    this.k = k
    this.realm = k.name
    this.comm = comm
    this.pid = k.new_pid()
    this.cred = o.cred ?? ROOT_CRED
    this.user = o.user
    this.files = new JMap(k.m.journal)
    this.upcalls = new Cell(k.m, 'upcalls', 0)
  }

  /** The address space; made when it is first used. Null for kernel threads. */
  get mm(): mm_struct | null {
    if (this.own_mm === null && this.user) this.own_mm = new mm_struct(this.k)
    return this.own_mm
  }
  /** Has it mapped or faulted anything yet? */
  get has_mm(): boolean {
    return this.own_mm !== null
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
