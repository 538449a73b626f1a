// One host's kernel: its profile, its dax bus, its name space, its processes. Reached as `k` everywhere in this room.
import { DaxBus, type StructPages } from '../devdax/index.ts'
import type { FabricHost } from '../fabric/index.ts'
import type { KernelProfile } from '../profile/index.ts'
import {
  type Alloc,
  abandon,
  Cell,
  DEAD,
  Heap,
  JList,
  JMap,
  local,
  type Machine,
  Oops,
  type Op,
  type Step,
  WaitQueue,
} from '../sim/index.ts'
import { fuse_getxattr_in, fuse_setxattr_in_compat, initFlags, type OpcodeTable, opcodeTable } from '../wire/index.ts'
import { famfs_module } from './famfs-std/famfs_internal.ts'
import type { Child } from './fork.ts'
import { Hotplug } from './mm/memory_hotplug.ts'
import { HostPage } from './mm/page.ts'
import { unmap_folios } from './mm/zap.ts'
import type { Daemon } from './process.ts'
import { task_struct } from './task_struct.ts'
import { type Dentry, LeafParts } from './vfs/dcache.ts'
import { FileLocks } from './vfs/flock.ts'
import { LeafInodeParts, type SuperBlock } from './vfs/inode.ts'
import type { pipe_inode_info } from './vfs/pipe.ts'
import { tmpfs_root } from './vfs/tmpfs.ts'

/**
 * The messages of a kernel: GET_FMAP says how large the buffer is, or says nothing (B46), and takes a reply of one size only
 * (B57; kernel.md 1.1). SETXATTR is as a server gets it that did not ask for SETXATTR_EXT; none here does.
 */
export const kernelOpcodes = (p: KernelProfile): OpcodeTable => {
  const { opcodes, fmap_bufsize, dax_fmap_bit } = p.t
  const { GET_FMAP, GET_DAXDEV } = opcodes
  return opcodeTable(
    {
      GET_FMAP: {
        number: GET_FMAP,
        in: p.has('B46') ? [] : [fuse_getxattr_in],
        out: p.has('B57') ? { fixed: fmap_bufsize } : { variable: p.has('B46') ? fmap_bufsize : null },
      },
      GET_DAXDEV,
      SETXATTR: { in: [fuse_setxattr_in_compat, 'name', 'data'] },
    },
    initFlags(dax_fmap_bit),
  )
}

export class Kernel {
  readonly m: Machine
  /** Host name. */
  readonly name: string
  readonly profile: KernelProfile
  readonly opcodes: OpcodeTable
  readonly bus: DaxBus
  /** Its memory blocks. */
  readonly hotplug: Hotplug
  /** The way to the memories; null on a bare kernel, whose accesses reach them directly. */
  readonly fabric: FabricHost | null
  /** Root of the host's own name space (tmpfs). */
  readonly root: Dentry
  readonly supers: JList<SuperBlock>
  /** What files of its own name space share, so that they cost little. */
  readonly leaf_inode: LeafInodeParts
  readonly leaf_dentry: LeafParts
  readonly no_xattrs: Cell<readonly never[]>
  /** flock(2) on files whose file system leaves it to the kernel. */
  readonly flocks: FileLocks
  /** The module of the standalone famfs; null on a kernel whose famfs is in FUSE. */
  readonly famfs: famfs_module | null
  /** FIFOs that somebody has open, by the number of their inode. */
  readonly fifos: JMap<number, pipe_inode_info>
  /** Processes with threads that serve for as long as the host runs. */
  readonly daemons: JList<Daemon>
  /** Its memory. */
  readonly heap: Heap
  /** Requests sent to servers, by opcode name. */
  readonly requests: JMap<string, number>
  /** Faults taken, by size (`PTE`, `PMD`). */
  readonly faults: JMap<string, number>
  /** /proc/vmstat, as far as memory management counts: `pgfault`, `pgmajfault`, `nr_tlb_remote_flush`. */
  readonly vm_events: JMap<string, number>
  /** The page of zeros that anonymous memory is until somebody stores. */
  readonly zero_page: HostPage
  /** Where a task waits for a page to be idle (wait_var_event of a folio's count). */
  readonly page_idle_wq: WaitQueue
  /** It lost its power: nothing of it runs any more. */
  readonly crashed: Cell<boolean>
  /** Memory failures by result (`Recovered`, `Failed`): /sys/devices/system/node/node0/memory_failure. */
  readonly mf_stats: JMap<string, number>
  /** Children that were not waited for, by number. */
  readonly children: JMap<number, Child>
  /** Where a parent waits for one to end. */
  readonly wait_chldexit: WaitQueue
  private readonly warned: JMap<string, true>
  private readonly pids: Cell<number>
  private readonly inos: Cell<number>

  constructor(
    m: Machine,
    name: string,
    profile: KernelProfile,
    fabric: FabricHost | null = null,
    struct_pages: StructPages = 'mem',
  ) {
    this.m = m
    this.name = name
    this.profile = profile
    this.fabric = fabric
    this.opcodes = kernelOpcodes(profile)
    this.supers = new JList(m.journal)
    this.heap = new Heap(m, name)
    this.bus = new DaxBus(m, name, profile, this.heap, struct_pages)
    this.hotplug = new Hotplug(this)
    this.bus.hotplug = this.hotplug
    this.bus.unmap_folios = unmap_folios
    this.requests = new JMap(m.journal)
    this.faults = new JMap(m.journal)
    this.vm_events = new JMap(m.journal)
    this.zero_page = new HostPage(m, 'zero')
    this.page_idle_wq = new WaitQueue(m, 'page idle')
    this.crashed = new Cell(m, 'crashed', false)
    this.mf_stats = new JMap(m.journal)
    this.children = new JMap(m.journal)
    this.wait_chldexit = new WaitQueue(m, 'wait_chldexit')
    this.warned = new JMap(m.journal)
    this.pids = new Cell(m, 'pid', 100)
    this.inos = new Cell(m, 'ino', 1)
    this.leaf_inode = new LeafInodeParts(this)
    this.leaf_dentry = new LeafParts(this)
    this.no_xattrs = new Cell<readonly never[]>(m, 'shmem xattrs', [])
    this.flocks = new FileLocks(m)
    this.famfs = profile.t.kabi === null ? null : new famfs_module(m)
    this.fifos = new JMap(m.journal)
    this.daemons = new JList(m.journal)
    this.root = tmpfs_root(this)
  }

  /** The process or kernel thread that runs. */
  get current(): task_struct {
    return this.m.current!.owner as task_struct
  }

  new_pid(): number {
    this.pids.poke(this.pids.peek() + 1)
    return this.pids.peek()
  }
  /** The number of the process that was started last. */
  last_pid(): number {
    return this.pids.peek()
  }
  new_ino(): number {
    this.inos.poke(this.inos.peek() + 1)
    return this.inos.peek()
  }

  /** Allocate `size` zeroed bytes, by name. Null when the allocation fails (never with `nofail`). */
  kzalloc(name: string, size: number, o: { nofail?: boolean } = {}): Op<Alloc | null> {
    return this.heap.alloc(name, size, o)
  }
  /** Does kmem_cache_alloc() of an inode, a dentry, a file or their like fail? Within the running step. */
  enomem(name: string): boolean {
    return !this.heap.room(name)
  }
  kfree(a: Alloc): Op<void> {
    return this.heap.free(a)
  }

  /** The power of the host fails: its tasks are gone where they stand, and nobody will miss what it had allocated. */
  crash(): void {
    this.crashed.poke(true)
    for (const t of this.m.tasks) if (t.owner?.k === this && t.state !== DEAD) abandon(t)
    this.fabric?.lose()
  }

  /** No mount is left, and every task of this host ended as it should: whatever is still allocated has leaked. */
  at_rest(): boolean {
    if (this.crashed.peek()) return false
    if (this.supers.length > 0) return false
    return this.m.tasks.every(t => t.owner?.k !== this || (t.state === DEAD && !(t.error instanceof Oops)))
  }

  /** Allocations that bound drivers and memory blocks hold: no leaks. */
  kept(): Set<Alloc> {
    return new Set([...this.bus.held(), ...this.hotplug.memmap.values()])
  }

  /** At rest everything is given back: report memory and device references that are not. */
  report_leaks(): void {
    this.heap.report_leaks(this.kept())
    for (const { dax_dev } of this.bus.devices()) {
      const kept = dax_dev.refs.peek() - 1
      if (kept > 0) this.m.problem('leak', `${kept} x reference to ${dax_dev.name} never dropped on ${this.name}`)
    }
  }

  /** Count one of `which`. */
  count(which: JMap<string, number>, name: string): void {
    which.set(name, (which.get(name) ?? 0) + 1)
  }

  /** WARN_ON(): something the kernel says of itself, with a backtrace. */
  warn(text: string): void {
    this.m.problem('WARN', `${this.name}: ${text}`)
  }

  /** WARN_ON_ONCE(): the same, but each text once since this kernel started. */
  warn_once(text: string): void {
    if (this.warned.has(text)) return
    this.warned.set(text, true)
    this.warn(text)
  }

  /** A kernel thread: no user address space. Returns its task. */
  kthread(name: string, body: (k: Kernel) => Step<any>) {
    const ts = new task_struct(this, name, { user: false })
    const main = local(name, body)
    const run = function* (k: Kernel): Step<any> {
      return yield* main(k)
    }
    const t = this.m.spawn(`${this.name}/${name}`, run(this), { owner: ts })
    ts.task = t
    return t
  }
}
