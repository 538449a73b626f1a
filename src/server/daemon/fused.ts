// One famfs daemon: what its threads share. Made when it starts; everything that changes is journaled, so that a rewound world has
// the daemon it had.
import type { DirEntry, Kernel, Sys } from '../../kernel/index.ts'
import type { ServerProfile } from '../../profile/index.ts'
import { Cell, divDown, JMap, type Op } from '../../sim/index.ts'
import { type Flock, GlobalFlock, OwnedFlock } from './flock.ts'
import { Icache, type NewInode } from './icache.ts'
import { FusedLog } from './log.ts'
import type { FusedOptions } from './options.ts'
import { Pusher } from './push.ts'
import type { Reply } from './session.ts'
import type { Transport } from './transport/transport.ts'

/** What one thread has of its own. */
export interface Worker {
  readonly sys: Sys
  /** The last system call of this thread that failed left this here. */
  readonly errno: Cell<number>
  /** Answer a request before its handler returns, or another one. */
  reply(unique: number, r: Exclude<Reply, null>): Op<number>
}

/** An open directory of the shadow tree. */
export interface OpenDir {
  readonly fd: number
  /** Its names as they were when it was read from the start. */
  readonly names: Cell<readonly DirEntry[]>
}

export interface FusedParts {
  readonly k: Kernel
  readonly pid: number
  readonly options: FusedOptions
  readonly server: ServerProfile
  readonly transport: Transport
  /** The shadow tree's `root`, and its open directory. */
  readonly rootPath: string
  readonly root: NewInode
  /** Its Unix socket. */
  readonly sock: string
}

export class Fused {
  readonly k: Kernel
  readonly pid: number
  readonly options: FusedOptions
  readonly server: ServerProfile
  readonly transport: Transport
  readonly rootPath: string
  readonly sock: string
  readonly icache: Icache
  readonly flock: Flock
  readonly log: FusedLog
  /** Open directories by handle. */
  readonly dirs: JMap<number, OpenDir>
  /** Null: the kernel asks for devices. */
  readonly pusher: Pusher | null
  /** Device paths by index, as far as this daemon knows them. */
  readonly daxdevs: readonly string[]
  /** Timeout of names and attributes. */
  readonly valid: number
  readonly valid_nsec: number
  /** What each thread's last failed system call left: it outlives a rewind, which the threads do not. */
  readonly errnos: readonly Cell<number>[]
  /** Threads that still serve. */
  readonly serving: Cell<number>

  constructor(p: FusedParts) {
    const { k, server, options } = p
    const { m, profile } = k
    this.k = k
    this.pid = p.pid
    this.options = options
    this.server = server
    this.transport = p.transport
    this.rootPath = p.rootPath
    this.sock = p.sock
    this.icache = new Icache(m, p.root)
    this.flock = new (server.has('Q1') ? GlobalFlock : OwnedFlock)(m, server.has('Q2'))
    this.log = new FusedLog(m, options.logLevel)
    this.dirs = new JMap(m.journal)
    this.daxdevs = options.daxdevs
    this.pusher =
      profile.t.daxdev === 'push' && this.daxdevs.length > 0
        ? new Pusher(m, this.daxdevs, p.transport.push, profile.has('B54'))
        : null
    this.valid = divDown(options.timeout, 1)
    this.valid_nsec = divDown((options.timeout - this.valid) * 1e9, 1)
    this.errnos = Array.from({ length: options.threads }, () => new Cell(m, 'errno', 0))
    this.serving = new Cell(m, 'famfs_fused threads', options.threads)
  }
}
