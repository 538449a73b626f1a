// fuse_conn, fuse_mount, fuse_req, fuse_args (fs/fuse/fuse_i.h).
// Locking: fiq_lock guards the input queue (pending, forgets, interrupts, unique counter); fpq_lock the requests the server has
// read;
// famfs_devlist_sem the device table.
import {
  type Alloc,
  Cell,
  JList,
  JMap,
  Lifecycle,
  type Op,
  Refcount,
  RwSemaphore,
  SpinLock,
  WaitQueue,
} from '../../sim/index.ts'
import type { Op as Opcode, OpName } from '../../wire/index.ts'
import type { famfs_dax_devlist } from '../famfs/famfs_kfmap.ts'
import type { Kernel } from '../kernel.ts'
import type { FileOps, Inode, InodeOps, SuperBlock } from '../vfs/inode.ts'
import { type ConnEvent, type ConnState, connectionLife } from './life.ts'

/** What a caller wants sent, and what comes back. */
export interface fuse_args {
  readonly op: Opcode
  readonly nodeid: number
  /** Values of the request's struct. */
  readonly arg?: object
  readonly names?: readonly string[]
  readonly data?: Uint8Array
  /** Room for a reply of variable length, bytes. */
  readonly room?: number
  /** Header without uid, gid, pid: a request nobody in particular makes. */
  readonly nocreds?: boolean
  /** No signal takes it back: a process that dies still waits for the answer (FLUSH, RELEASE; kernel.md 1.8). */
  readonly force?: boolean
  /** Called instead of waking a waiter (background requests). */
  readonly end?: (fm: fuse_mount, args: fuse_args, error: number) => Op<void>
  /** Body of the reply. */
  out?: Uint8Array
}

export type ReqState = 'PENDING' | 'SENT' | 'FINISHED'

export class fuse_req {
  readonly id: number
  readonly args: fuse_args
  readonly unique: number
  /** The request as it travels. */
  readonly bytes: Uint8Array
  readonly state: Cell<ReqState>
  readonly waitq: WaitQueue
  readonly fm: fuse_mount
  error = 0
  constructor(fm: fuse_mount, args: fuse_args, unique: number, bytes: Uint8Array) {
    this.fm = fm
    this.args = args
    this.unique = unique
    this.bytes = bytes
    this.state = new Cell<ReqState>(fm.fc.k.m, 'req->flags', 'PENDING')
    this.waitq = new WaitQueue(fm.fc.k.m, `reply to ${args.op.name}`)
    this.id = this.waitq.id
  }
}

export interface fuse_forget {
  readonly nodeid: number
  readonly nlookup: number
}

interface inode_ops {
  readonly i_op: InodeOps
  readonly i_fop: FileOps
}

export interface fuse_ops {
  readonly dir: inode_ops
  readonly file: inode_ops
  readonly symlink: inode_ops
}

export class fuse_conn {
  readonly k: Kernel
  readonly id: number
  readonly name: string
  readonly alloc: Alloc
  readonly life: Lifecycle<ConnState, ConnEvent>
  /** One for the superblock, one for each open device file. */
  readonly count: Refcount
  readonly fiq_lock: SpinLock
  readonly fiq_waitq: WaitQueue
  readonly pending: JList<fuse_req>
  readonly forgets: JList<fuse_forget>
  /** Requests (their unique) that a signal came for, until they are over; and those that an INTERRUPT is to be read for. */
  readonly interrupted: JMap<number, true>
  readonly interrupts: JList<fuse_req>
  readonly reqctr: Cell<number>
  readonly fpq_lock: SpinLock
  readonly processing: JList<fuse_req>
  readonly initialized: Cell<boolean>
  readonly blocked_waitq: WaitQueue
  readonly inodes: JMap<number, Inode>
  /** 64-bit INIT flags that were offered and granted, as two words. */
  readonly offered: Cell<{ flags: number; flags2: number }>
  readonly granted: Cell<{ flags: number; flags2: number }>
  readonly max_write: Cell<number>
  /** Of the protocol, as the server says; 0 before it does. */
  readonly minor: Cell<number>
  /** What the server answered with ENOSYS and is not asked for again: no_open, no_flush, no_setxattr and so on. */
  readonly no_op: JMap<OpName, true>
  /** ff->flock: open files (the id of their memory) that asked the server for a lock. */
  readonly flock: JMap<number, true>
  /** Operations of this file system's inodes. */
  readonly ops: fuse_ops
  /** Mount option: the kernel checks mode bits itself. */
  readonly default_permissions: boolean

  /** famfs (kernel.md 1.4): negotiated at INIT. */
  readonly famfs_iomap: Cell<number>
  readonly famfs_devlist_sem: RwSemaphore
  readonly dax_devlist: Cell<famfs_dax_devlist | null>

  constructor(k: Kernel, o: { default_permissions: boolean; ops: fuse_ops }) {
    const m = k.m
    this.k = k
    this.name = 'fuse_conn'
    this.alloc = k.heap.take({ name: this.name, size: 1024, nofail: true })!
    this.id = this.alloc.id
    this.life = new Lifecycle(m, connectionLife)
    this.count = new Refcount(m, 'fc->count')
    this.fiq_lock = new SpinLock(m, 'fiq->lock')
    this.fiq_waitq = new WaitQueue(m, 'fiq->waitq')
    this.pending = new JList(m.journal)
    this.forgets = new JList(m.journal)
    this.interrupted = new JMap(m.journal)
    this.interrupts = new JList(m.journal)
    this.reqctr = new Cell(m, 'fiq->reqctr', 0)
    this.fpq_lock = new SpinLock(m, 'fpq->lock')
    this.processing = new JList(m.journal)
    this.initialized = new Cell(m, 'fc->initialized', false)
    this.blocked_waitq = new WaitQueue(m, 'fc->blocked_waitq')
    this.inodes = new JMap(m.journal)
    this.offered = new Cell(m, 'init flags offered', { flags: 0, flags2: 0 })
    this.granted = new Cell(m, 'init flags granted', { flags: 0, flags2: 0 })
    this.max_write = new Cell(m, 'fc->max_write', 4096)
    this.minor = new Cell(m, 'fc->minor', 0)
    this.no_op = new JMap(m.journal)
    this.flock = new JMap(m.journal)
    this.default_permissions = o.default_permissions
    this.ops = o.ops
    this.famfs_iomap = new Cell(m, 'fc->famfs_iomap', 0)
    this.famfs_devlist_sem = new RwSemaphore(m, 'fc->famfs_devlist_sem')
    this.dax_devlist = new Cell<famfs_dax_devlist | null>(m, 'fc->dax_devlist', null)
    this.alloc.owns(this.count, this.fiq_lock, this.fiq_waitq, this.reqctr, this.fpq_lock, this.initialized)
    this.alloc.owns(this.blocked_waitq, this.offered, this.granted, this.max_write, this.minor)
    this.alloc.owns(this.famfs_iomap, this.famfs_devlist_sem, this.dax_devlist)
  }
  get connected(): boolean {
    return this.life.state !== 'aborted'
  }
}

export class fuse_mount {
  readonly fc: fuse_conn
  sb: SuperBlock | null = null
  constructor(fc: fuse_conn) {
    this.fc = fc
  }
}
