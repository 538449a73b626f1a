// A host with a shadow tree, and a daemon on it that is asked without a kernel in between.
import { expect } from 'vitest'
import { Rig, type RigOptions } from '../../../src/conform/index.ts'
import {
  fuse_dev_open,
  O_CREAT,
  O_DIRECTORY,
  O_PATH,
  O_WRONLY,
  type Stat,
  Sys,
  task_struct,
} from '../../../src/kernel/index.ts'
import { serverProfile } from '../../../src/profile/index.ts'
import { rest_request } from '../../../src/server/daemon/diagnostics.ts'
import { Fused, type Worker } from '../../../src/server/daemon/fused.ts'
import { attr_of } from '../../../src/server/daemon/lookup.ts'
import { fused_handlers } from '../../../src/server/daemon/operations.ts'
import { parse_options } from '../../../src/server/daemon/options.ts'
import type { Reply } from '../../../src/server/daemon/session.ts'
import { sock_request } from '../../../src/server/daemon/sock.ts'
import { insim } from '../../../src/server/daemon/transport/insim.ts'
import { exec, type Site } from '../../../src/server/index.ts'
import { Cell, GiB, kfn, MiB, roundUp, type Step } from '../../../src/sim/index.ts'
import { decodeRequest, encodeRequest, type OpName } from '../../../src/wire/index.ts'

export const SHADOW = '/tmp/shadow'

/** Files by path below the root; a path that ends in '/' is a directory. */
export type Tree = Readonly<Record<string, string>>

export const write_file = kfn('write file', function* (sys: Sys, path: string, text: string): Step<number> {
  const fd = yield* sys.open(path, O_WRONLY | O_CREAT)
  if (fd < 0) return fd
  const n = yield* sys.write(fd, new TextEncoder().encode(text))
  yield* sys.close(fd)
  return n
})

/** Make a shadow tree on the host. */
export function make_tree(rig: Rig, tree: Tree, shadow = SHADOW): void {
  rig.run(function* (sys) {
    for (const d of ['/tmp', shadow, `${shadow}/root`, `${shadow}/root/.meta`]) yield* sys.mkdir(d, 0o755)
    for (const [path, text] of Object.entries(tree)) {
      const at = `${shadow}/root/${path}`
      const rc = path.endsWith('/') ? yield* sys.mkdir(at.slice(0, -1), 0o755) : yield* write_file(sys, at, text)
      expect(rc).toBeGreaterThanOrEqual(0)
    }
  })
}

/** The text of a shadow file with one extent. */
export const yaml = (path: string, size: number, offset = 0xa00000): string =>
  `---\nfile:\n  path: ${path}\n  size: ${size}\n  flags: 2\n  mode: 0644\n  uid: 0\n  gid: 0\n  nextents: 1\n` +
  `  simple_ext_list:\n  - devindex: 0\n    offset: 0x${offset.toString(16)}\n    length: 0x${roundUp(size, MiB(2)).toString(16)}\n...\n`

export interface DaemonOptions extends RigOptions {
  readonly server?: string
  /** Further -o options. */
  readonly o?: string
}

/** A daemon over a tree, and how to ask it. */
export function daemon(tree: Tree, o: DaemonOptions = {}) {
  const rig = new Rig({ devices: [], ...o })
  const { k, m } = rig
  make_tree(rig, tree)
  const server = serverProfile(o.server ?? 'famfs-48')
  const words = ['famfs_fused', '-o', `shadow=${SHADOW},${o.o ?? 'daxdev=/dev/dax0.0'}`, '/mnt']
  const parsed = parse_options(words)
  if (!('options' in parsed)) throw new Error(parsed.err[0])
  // Its process does nothing of its own accord; each question is a step of its only thread.
  const process = new task_struct(k, 'famfs_fused', { user: true })
  const sys = new Sys(process)
  const step = <T>(body: () => Step<T>): T => {
    process.task = m.spawn('famfs_fused', body(), { owner: process })
    expect(m.run()).toBe('held')
    const { error, value } = process.task
    if (error !== null) throw error
    return value as T
  }
  const rootPath = `${SHADOW}/root`
  const root = step(function* () {
    const fd = yield* sys.open(rootPath, O_PATH | O_DIRECTORY)
    return { name: '/', attr: attr_of((yield* sys.fstat(fd)) as Stat), fmap: null, fd }
  })
  const transport = insim(fuse_dev_open(k))
  const d = new Fused({ k, pid: process.pid, options: parsed.options, server, transport, rootPath, root })
  const handlers = fused_handlers(d)
  const errno = new Cell(m, 'errno', 0)
  /** Answers that came by themselves: early, or late. */
  const others: { unique: number; r: Reply }[] = []
  const w: Worker = {
    sys,
    errno,
    reply: kfn('reply', function* (unique: number, r: Exclude<Reply, null>): Step<number> {
      others.push({ unique, r })
      return 0
    }),
  }
  let unique = 0
  const ask = (name: OpName, nodeid: number, arg?: object, names?: string[], data?: Uint8Array): Reply => {
    unique += 2
    const req = decodeRequest(k.opcodes, encodeRequest(k.opcodes.op[name], { unique, nodeid }, arg, names, data))
    if ('error' in req) throw new Error(req.error)
    return step(function* () {
      return yield* handlers[name]!(req, w)
    })
  }
  const values = (r: Reply): any => (r !== null && 'values' in r ? r.values : r)
  const node = (path: string): number =>
    path.split('/').reduce((n, name) => values(ask('LOOKUP', n, undefined, [name])).nodeid as number, 1)
  return { rig, d, sys, step, ask, values, node, errno, others, last: () => unique }
}

export const MPT = '/mnt/famfs'
export const OPTIONS = `daxdev=/dev/dax0.0,shadow=${SHADOW},fsname=/dev/dax0.0,timeout=31536000.000000,allow_other,default_permissions`

/** A host with a shadow tree, a kernel, and no daemon yet; programs run in its user space. */
export const host = (tree: Tree, o: RigOptions & { server?: string } = {}) => {
  const rig = new Rig({ devices: [{ size: GiB(1) }], ...o })
  make_tree(rig, tree)
  rig.run(function* (sys) {
    yield* sys.mkdir(MPT)
  })
  const log: string[] = []
  for (const op of rig.k.opcodes.all) rig.m.hooks.on(`FUSE_${op.name} sent`, () => log.push(op.name))
  const site: Site = { server: serverProfile(o.server ?? 'famfs-48'), uuid: () => '', draw: () => 0, tell: () => {} }
  const fused = (options = OPTIONS, mpt = MPT) =>
    rig.run(function* (sys) {
      return yield* exec(sys, site, ['famfs_fused', '-o', options, mpt])
    })
  const stat = (path: string): Stat | number =>
    rig.run(function* (sys) {
      return yield* sys.stat(path)
    })
  const names = (path: string): string[] | number =>
    rig.run(function* (sys) {
      const fd = yield* sys.open(path, O_DIRECTORY)
      if (fd < 0) return fd
      const list = yield* sys.getdents(fd)
      yield* sys.close(fd)
      return typeof list === 'number' ? list : list.map(e => e.name)
    })
  const rest = (path: string) => rig.run(sys => ask_daemon(sys, path))
  const kill = (signal: string): number => {
    const pid = Number(/\d+/.exec((rest('/pid') as { body: string }).body)![0])
    return rig.run(function* (sys) {
      return yield* sys.kill(pid, signal)
    })
  }
  const mounts = (): string[] =>
    rig.run(function* (sys) {
      return sys.proc_mounts().split('\n').slice(1, -1)
    })
  return { rig, site, log, fused, stat, names, rest, kill, mounts, take: () => log.splice(0) }
}
export function* ask_daemon(sys: Sys, path: string): Step<{ status: number; body: string } | number> {
  return yield* sock_request(sys, `${SHADOW}/sock`, rest_request('GET', path))
}
