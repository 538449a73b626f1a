// The host's own tmpfs and the system calls on it, against what the same calls gave on a real one.
import { expect, it } from 'vitest'
import { type Cred, type Stat, type Sys, tmpfs_mkdir } from '../../../src/kernel/index.ts'
import type { Op, Step } from '../../../src/sim/index.ts'
import { errnoName, getText, putText, textLength } from '../../../src/wire/index.ts'
import { World } from '../../../src/world/index.ts'
import vectors from '../../vectors/tmpfs.json' with { type: 'json' }

/** A call and its arguments. */
type Call = readonly (string | number)[]
/** What a call gave: a number, `-ENAME`, text that was read, a path, names, or attributes. */
type Got = unknown

const bytes = (text: string): Uint8Array => {
  const b = new Uint8Array(textLength(text))
  putText(b, 0, text)
  return b
}
const text = (b: Uint8Array): string => getText(b, 0, b.length)

const result = (r: number): Got => (r < 0 ? `-${errnoName(r)}` : r)
const path = (r: string | number): Got => (typeof r === 'string' ? { text: r } : result(r))
const names = (r: readonly string[] | number): Got => (typeof r === 'number' ? result(r) : { names: [...r].sort() })
const attributes = (r: Stat | number): Got => {
  if (typeof r === 'number') return result(r)
  const { mode, nlink, uid, gid, size, rdev, blocks } = r
  return { mode: mode.toString(8), nlink, uid, gid, size, rdev, blocks }
}

/** `base`: the directory that the recorded paths were in. */
function* call(sys: Sys, base: string, [op, ...args]: Call): Step<Got> {
  const a = args as any[]
  switch (op) {
    case 'read':
    case 'pread': {
      const b = new Uint8Array(a[1])
      const n = yield* op === 'read' ? sys.read(a[0], b) : sys.pread(a[0], b, a[2])
      return n < 0 ? result(n) : text(b.subarray(0, n))
    }
    case 'write':
      return result(yield* sys.write(a[0], bytes(a[1])))
    case 'pwrite':
      return result(yield* sys.pwrite(a[0], bytes(a[1]), a[2]))
    case 'stat':
    case 'lstat':
    case 'fstat':
      return attributes(yield* (sys[op] as (x: any) => Op<Stat | number>).call(sys, a[0]))
    case 'readlink':
      return path(yield* sys.readlink(a[0]))
    case 'getcwd':
      return { text: sys.getcwd().replace(base, 'BASE') }
    case 'names': {
      const fd = yield* sys.open(a[0], 0o200000)
      if (fd < 0) return result(fd)
      const got = yield* sys.getdents(fd)
      yield* sys.close(fd)
      return names(typeof got === 'number' ? got : got.map(e => e.name))
    }
    case 'getdents': {
      const got = yield* sys.getdents(a[0])
      return names(typeof got === 'number' ? got : got.map(e => e.name))
    }
    case 'chown':
      return result(yield* sys.chown(a[0], a[1] < 0 ? undefined : a[1], a[2] < 0 ? undefined : a[2]))
    case 'getxattr': {
      const v = yield* sys.getxattr(a[0], a[1])
      return path(typeof v === 'number' ? v : text(v))
    }
    case 'setxattr':
      return result(yield* sys.setxattr(a[0], a[1], bytes(a[2]), a[3]))
    case 'listxattr':
      return names(yield* sys.listxattr(a[0]))
    case 'umask':
      return sys.umask(a[0])
    case 'kill':
      return result(yield* sys.kill(a[1] === 'self' ? sys.getpid() : a[1], a[0]))
    case 'setuid': {
      const cred: Cred = { uid: a[0], gid: a[0], caps: [] }
      Object.assign(sys.ts, { cred })
      return 0
    }
    default:
      return result(yield* (sys as any)[op as string](...a))
  }
}

const world = new World()
const host = world.host('h0')

/** Every step of a case in a process of its own, in a directory of its own. */
const run = (at: number, calls: readonly Call[]): Got[] => {
  const base = `/dev/shm/famsim-rec/c${at}`
  tmpfs_mkdir(host.k, '/dev/shm', 0o1777)
  tmpfs_mkdir(host.k, base)
  return world.setup(host, 'case', function* (sys) {
    yield* sys.chdir(base)
    const got: Got[] = []
    for (const c of calls) got.push(yield* call(sys, base, c))
    return got
  })
}

it.each(vectors.cases.map((c, i) => ({ i, ...c })))('$name', ({ i, steps }) => {
  const got = run(
    i,
    steps.map(s => s[0] as Call),
  )
  const text = (v: Got): string => JSON.stringify(v)
  const wrong = steps.flatMap(([c, want], n) =>
    text(got[n]) === text(want) ? [] : [`${text(c)}: expected ${text(want)}, got ${text(got[n])}`],
  )
  expect(wrong.join('\n')).toBe('')
})
