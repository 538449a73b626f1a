// fuse_conn, fuse_mount, fuse_req, fuse_args (fs/fuse/fuse_i.h).
// Locking: fiq_lock guards the input queue (pending, forgets, interrupts, unique counter) and what bg_lock guards in C, the
// background requests; fpq_lock the requests the server has read; famfs_devlist_sem the device table.
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
  Timer,
  WaitQueue,
} from '../../sim/index.ts'
import type { Op as Opcode, OpName } from '../../wire/index.ts'
import type { famfs_dax_devlist } from '../famfs/famfs_kfmap.ts'
import type { Kernel } from '../kernel.ts'
import type { FileOps, Inode, InodeOps, SuperBlock } from '../vfs/inode.ts'
import type { fuse_regular } from './fuse_inode.ts'
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

/** Bits of req->flags, as enum fuse_req_flag has them. */
export const FR_ISREPLY = 1 << 0
export const FR_BACKGROUND = 1 << 2
/** Its connection went while the request was copied. */
export const FR_ABORTED = 1 << 4
/** A signal came for who waits. */
export const FR_INTERRUPTED = 1 << 5
/** On its way to the server's buffer. */
export const FR_LOCKED = 1 << 6
export const FR_PENDING = 1 << 7
export const FR_SENT = 1 << 8
export const FR_FINISHED = 1 << 9
/** No bit in C: there in.h.unique has FUSE_UNIQUE_RESEND in it. */
export const FR_RESENT = 1 << 16

export class fuse_req {
  readonly id: number
  readonly args: fuse_args
  readonly unique: number
  /** The request as it travels. */
  readonly bytes: Uint8Array
  readonly flags: Cell<number>
  readonly waitq: WaitQueue
  readonly fm: fuse_mount
  error = 0
  /** When it was made, ns; kept when requests have a time limit. */
  create_time = 0
  constructor(fm: fuse_mount, args: fuse_args, unique: number, bytes: Uint8Array, flags: number) {
    this.fm = fm
    this.args = args
    this.unique = unique
    this.bytes = bytes
    this.flags = new Cell(fm.fc.k.m, 'req->flags', flags)
    this.waitq = new WaitQueue(fm.fc.k.m, `reply to ${args.op.name}`)
    this.id = this.waitq.id
  }
  test(bit: number): boolean {
    return (this.flags.peek() & bit) !== 0
  }
  set(bit: number): void {
    this.flags.poke(this.flags.peek() | bit)
  }
  clear(bit: number): void {
    this.flags.poke(this.flags.peek() & ~bit)
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

interface fuse_conn_options {
  readonly default_permissions: boolean
  /** DESTROY is sent when it is unmounted (fuseblk). */
  readonly destroy: boolean
  readonly ops: fuse_ops
  check_timeout(fc: fuse_conn): Op<void>
}

/** So many reads give forgets, then so many requests, while there are both. */
export const FORGETS_FIRST = 16
export const REQUESTS_THEN = 8

const FUSE_DEFAULT_MAX_BACKGROUND = 12
const FUSE_DEFAULT_CONGESTION_THRESHOLD = (FUSE_DEFAULT_MAX_BACKGROUND * 3) / 4
const FUSE_DEFAULT_MAX_PAGES_PER_REQ = 32

export class fuse_conn {
  readonly k: Kernel
  readonly id: number
  readonly name: string
  readonly alloc: Alloc
  readonly life: Lifecycle<ConnState, ConnEvent>
  /** Minor number of its mount, which names its control files; 0: not mounted. */
  readonly dev: Cell<number>
  /** One for the superblock, one for each open device file. */
  readonly count: Refcount
  readonly fiq_lock: SpinLock
  readonly fiq_waitq: WaitQueue
  readonly pending: JList<fuse_req>
  readonly forgets: JList<fuse_forget>
  /** How many forgets go out before requests have their turn. */
  readonly forget_batch: Cell<number>
  /** Requests that an INTERRUPT is to be read for. */
  readonly interrupts: JList<fuse_req>
  readonly reqctr: Cell<number>
  readonly fpq_lock: SpinLock
  /** Being copied to the server, and in its hands. */
  readonly io: JList<fuse_req>
  readonly processing: JList<fuse_req>
  readonly initialized: Cell<boolean>
  readonly blocked_waitq: WaitQueue
  /** Background requests: all there are, those sent (at most max_background), and those that wait their turn. */
  readonly num_background: Cell<number>
  readonly active_background: Cell<number>
  readonly bg_queue: JList<fuse_req>
  readonly max_background: Cell<number>
  readonly congestion_threshold: Cell<number>
  /** There are as many as may be: who wants one more waits. */
  readonly blocked: Cell<boolean>
  /** Aborted through its control file, by a server that knows ABORT_ERROR. */
  readonly aborted: Cell<boolean>
  /** The oldest request may be this old, ns; 0: as old as it likes. */
  readonly req_timeout: Cell<number>
  /** Looks for one that is older, at whole periods since `timeout_start`; set while there is any. */
  readonly timeout_work: Timer
  readonly timeout_start: Cell<number>
  readonly inodes: JMap<number, Inode>
  /** By the inode's id. */
  readonly regular: JMap<number, fuse_regular>
  /** 64-bit INIT flags that were offered and granted, as two words. */
  readonly offered: Cell<{ flags: number; flags2: number }>
  readonly granted: Cell<{ flags: number; flags2: number }>
  readonly max_write: Cell<number>
  /** Pages of one READ or WRITE. */
  readonly max_pages: Cell<number>
  /** Bytes that are read ahead. */
  readonly ra_bytes: Cell<number>
  /** Of the protocol, as the server says; 0 before it does. */
  readonly minor: Cell<number>
  /** Counts INC_EPOCH: a look-up that was under way meanwhile is no news. */
  readonly epoch: Cell<number>
  /** Held for reading by a notification: its file system stays mounted meanwhile. */
  readonly killsb: RwSemaphore
  /** What the server answered with ENOSYS and is not asked for again: no_open, no_flush, no_setxattr and so on. */
  readonly no_op: JMap<OpName, true>
  /** ff->flock: open files (the id of their memory) that asked the server for a lock. */
  readonly flock: JMap<number, true>
  /** Operations of this file system's inodes. */
  readonly ops: fuse_ops
  /** Mount option: the kernel checks mode bits itself. */
  readonly default_permissions: boolean
  readonly destroy: boolean

  /** famfs (kernel.md 1.4): negotiated at INIT. */
  readonly famfs_iomap: Cell<number>
  readonly famfs_devlist_sem: RwSemaphore
  /** What init_rwsem() was called for. */
  readonly made: JMap<'famfs_devlist_sem', true>
  readonly dax_devlist: Cell<famfs_dax_devlist | null>
  /** Strings of mount options that are kept to be shown. */
  readonly kept_options: JMap<'shadow', Alloc>

  constructor(k: Kernel, o: fuse_conn_options) {
    const m = k.m
    this.k = k
    this.name = 'fuse_conn'
    this.alloc = k.heap.take({ name: this.name, size: 1024, nofail: true })!
    this.id = this.alloc.id
    this.life = new Lifecycle(m, connectionLife)
    this.dev = new Cell(m, 'fc->dev', 0)
    this.count = new Refcount(m, 'fc->count')
    this.fiq_lock = new SpinLock(m, 'fiq->lock')
    this.fiq_waitq = new WaitQueue(m, 'fiq->waitq')
    this.pending = new JList(m.journal)
    this.forgets = new JList(m.journal)
    this.forget_batch = new Cell(m, 'fiq->forget_batch', FORGETS_FIRST)
    this.interrupts = new JList(m.journal)
    this.reqctr = new Cell(m, 'fiq->reqctr', 0)
    this.fpq_lock = new SpinLock(m, 'fpq->lock')
    this.io = new JList(m.journal)
    this.processing = new JList(m.journal)
    this.initialized = new Cell(m, 'fc->initialized', false)
    this.blocked_waitq = new WaitQueue(m, 'fc->blocked_waitq')
    this.num_background = new Cell(m, 'fc->num_background', 0)
    this.active_background = new Cell(m, 'fc->active_background', 0)
    this.bg_queue = new JList(m.journal)
    this.max_background = new Cell(m, 'fc->max_background', FUSE_DEFAULT_MAX_BACKGROUND)
    this.congestion_threshold = new Cell(m, 'fc->congestion_threshold', FUSE_DEFAULT_CONGESTION_THRESHOLD)
    this.blocked = new Cell(m, 'fc->blocked', false)
    this.aborted = new Cell(m, 'fc->aborted', false)
    this.req_timeout = new Cell(m, 'fc->timeout.req_timeout', 0)
    this.timeout_start = new Cell(m, 'fc->timeout start', 0)
    this.timeout_work = new Timer(m, 'fc->timeout.work', () => o.check_timeout(this))
    this.inodes = new JMap(m.journal)
    this.regular = new JMap(m.journal)
    this.offered = new Cell(m, 'init flags offered', { flags: 0, flags2: 0 })
    this.granted = new Cell(m, 'init flags granted', { flags: 0, flags2: 0 })
    this.max_write = new Cell(m, 'fc->max_write', 4096)
    this.max_pages = new Cell(m, 'fc->max_pages', FUSE_DEFAULT_MAX_PAGES_PER_REQ)
    this.ra_bytes = new Cell(m, 'bdi->ra_pages', 0)
    this.minor = new Cell(m, 'fc->minor', 0)
    this.epoch = new Cell(m, 'fc->epoch', 0)
    this.killsb = new RwSemaphore(m, 'fc->killsb')
    this.no_op = new JMap(m.journal)
    this.flock = new JMap(m.journal)
    this.default_permissions = o.default_permissions
    this.destroy = o.destroy
    this.ops = o.ops
    this.famfs_iomap = new Cell(m, 'fc->famfs_iomap', 0)
    this.famfs_devlist_sem = new RwSemaphore(m, 'fc->famfs_devlist_sem')
    this.made = new JMap(m.journal)
    if (k.profile.t.devlist_sem_init === 'connection') this.made.set('famfs_devlist_sem', true)
    this.kept_options = new JMap(m.journal)
    this.dax_devlist = new Cell<famfs_dax_devlist | null>(m, 'fc->dax_devlist', null)
    this.alloc.owns(this.dev, this.count, this.fiq_lock, this.fiq_waitq, this.reqctr, this.fpq_lock, this.initialized)
    this.alloc.owns(this.num_background, this.active_background, this.max_background, this.congestion_threshold)
    this.alloc.owns(
      this.blocked,
      this.aborted,
      this.req_timeout,
      this.epoch,
      this.max_pages,
      this.ra_bytes,
      this.forget_batch,
    )
    this.alloc.owns(this.blocked_waitq, this.offered, this.granted, this.max_write, this.minor)
    this.alloc.owns(this.killsb, this.famfs_iomap, this.famfs_devlist_sem, this.dax_devlist)
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
