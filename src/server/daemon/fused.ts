// One famfs daemon: what its threads share. Made when it starts; everything that changes is journaled, so that a rewound world has
// the daemon it had.
import { type DirEntry, type Kernel, Sys } from '../../kernel/index.ts'
import type { ServerProfile } from '../../profile/index.ts'
import { Cell, divDown, JMap, kfn, type Op, type Step } from '../../sim/index.ts'
import { read_daxdev } from '../lib/daxdev-file.ts'
import { type Flock, GlobalFlock, OwnedFlock } from './flock.ts'
import { Icache, type NewInode } from './icache.ts'
import { FusedLog, LOG_ERR } from './log.ts'
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
}

export class Fused {
  readonly k: Kernel
  readonly pid: number
  readonly options: FusedOptions
  readonly server: ServerProfile
  readonly transport: Transport
  readonly rootPath: string
  /** The directory that the tree is in; its Unix socket. */
  readonly dir: string
  readonly sock: string
  readonly icache: Icache
  readonly flock: Flock
  readonly log: FusedLog
  /** Open directories by handle. */
  readonly dirs: JMap<number, OpenDir>
  /** Null: the kernel asks for devices. */
  readonly pusher: Pusher | null
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
    this.dir = p.rootPath.slice(0, -'/root'.length)
    this.sock = `${this.dir}/sock`
    this.icache = new Icache(m, p.root)
    this.flock = new (server.has('Q1') ? GlobalFlock : OwnedFlock)(m, server.has('Q2'))
    this.log = new FusedLog(m, options.logLevel)
    this.dirs = new JMap(m.journal)
    this.pusher =
      profile.t.daxdev === 'push' && options.daxdev !== null
        ? new Pusher(m, index => fused_daxdev(this, new Sys(k.current), index), p.transport.push, profile.has('B54'))
        : null
    this.valid = divDown(options.timeout, 1)
    this.valid_nsec = divDown((options.timeout - this.valid) * 1e9, 1)
    this.errnos = Array.from({ length: options.threads }, () => new Cell(m, 'errno', 0))
    this.serving = new Cell(m, 'famfs_fused threads', options.threads)
  }
}

/**
 * Path of the device of an index; null: it is not known. The first is an option. Further ones, on a daemon that knows of them, are
 * published beside the shadow tree, and looked up each time: they may come while it runs.
 */
export const fused_daxdev = kfn('famfs_fused_daxdev', function* (d: Fused, sys: Sys, index: number): Step<
  string | null
> {
  if (index === 0) return d.options.daxdev
  const path = d.server.several_devices ? ((yield* read_daxdev(sys, d.dir, index))?.path ?? null) : null
  if (path === null)
    d.log.say(LOG_ERR, `device ${index}: ${d.server.several_devices ? 'not on this host' : 'not implemented yet'}`)
  return path
})
