// Random changes to the host's tmpfs against a plain model of files and names, and back again: after a rewind everything is as
// it was, and the same changes give the same digest.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { O_CREAT, O_RDONLY, O_RDWR, S_IFDIR, S_IFMT, type Sys } from '../../../src/kernel/index.ts'
import type { Step } from '../../../src/sim/index.ts'
import { EEXIST, EISDIR, ENOENT, ENOTDIR, ENOTEMPTY } from '../../../src/wire/index.ts'
import { World } from '../../../src/world/index.ts'

/** Directories are few and fixed in depth, so that random paths meet. */
const DIRS = ['', '/p', '/p/q']
const NAMES = ['a', 'p', 'q']
const path = fc.tuple(fc.constantFrom(...DIRS), fc.constantFrom(...NAMES)).map(([d, n]) => `${d}/${n}`)
const place = fc.oneof(fc.nat(300), fc.integer({ min: 65_400, max: 65_700 }), fc.nat(200_000))

type Change =
  | { readonly op: 'mkdir' | 'rmdir' | 'create' | 'unlink'; readonly path: string }
  | { readonly op: 'rename' | 'link'; readonly path: string; readonly to: string }
  | { readonly op: 'write'; readonly path: string; readonly at: number; readonly len: number; readonly byte: number }
  | { readonly op: 'truncate'; readonly path: string; readonly size: number }

const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({ op: fc.constantFrom('mkdir' as const, 'rmdir' as const, 'create' as const, 'unlink' as const), path }),
  fc.record({ op: fc.constantFrom('rename' as const, 'link' as const), path, to: path }),
  fc.record({
    op: fc.constant('write' as const),
    path,
    at: place,
    len: fc.nat(100),
    byte: fc.integer({ min: 1, max: 255 }),
  }),
  fc.record({ op: fc.constant('truncate' as const), path, size: place }),
)

/** A regular file; several names may lead to it. */
interface PlainFile {
  bytes: Uint8Array
}

/** Names and files, in the plainest way: every path in one map; null is a directory. */
class Model {
  readonly at = new Map<string, PlainFile | null>([['', null]])

  private parent(p: string): number {
    for (let i = p.indexOf('/', 1); i !== -1; i = p.indexOf('/', i + 1)) {
      const up = this.at.get(p.slice(0, i))
      if (up === undefined) return -ENOENT
      if (up !== null) return -ENOTDIR
    }
    return 0
  }
  private below(p: string): string[] {
    return [...this.at.keys()].filter(k => k.startsWith(`${p}/`))
  }
  private file(p: string): PlainFile | number {
    const bad = this.parent(p)
    if (bad < 0) return bad
    const f = this.at.get(p)
    return f === undefined ? -ENOENT : (f ?? -EISDIR)
  }
  private make(p: string, f: PlainFile | null): number {
    const bad = this.parent(p)
    if (bad < 0) return bad
    if (this.at.has(p)) return -EEXIST
    this.at.set(p, f)
    return 0
  }

  apply(c: Change): number {
    switch (c.op) {
      case 'mkdir':
        return this.make(c.path, null)
      case 'create':
        return this.make(c.path, { bytes: new Uint8Array() })
      case 'rmdir': {
        const bad = this.parent(c.path)
        if (bad < 0) return bad
        const f = this.at.get(c.path)
        if (f === undefined) return -ENOENT
        if (f !== null) return -ENOTDIR
        if (this.below(c.path).length > 0) return -ENOTEMPTY
        this.at.delete(c.path)
        return 0
      }
      case 'unlink': {
        const f = this.file(c.path)
        if (typeof f !== 'number') this.at.delete(c.path)
        return typeof f === 'number' ? f : 0
      }
      case 'link': {
        const f = this.file(c.path)
        if (f === -EISDIR) {
          const bad = this.parent(c.to)
          return bad < 0 ? bad : this.at.has(c.to) ? -EEXIST : -1
        }
        return typeof f === 'number' ? f : this.make(c.to, f)
      }
      case 'rename':
        return this.rename(c.path, c.to)
      case 'write': {
        const f = this.file(c.path)
        if (typeof f === 'number') return f
        if (c.len === 0) return 0
        const grown = new Uint8Array(Math.max(f.bytes.length, c.at + c.len))
        grown.set(f.bytes)
        grown.fill(c.byte, c.at, c.at + c.len)
        f.bytes = grown
        return c.len
      }
      case 'truncate': {
        const f = this.file(c.path)
        if (typeof f === 'number') return f
        const cut = new Uint8Array(c.size)
        cut.set(f.bytes.subarray(0, c.size))
        f.bytes = cut
        return 0
      }
    }
  }

  private rename(from: string, to: string): number {
    const bad = this.parent(from) || this.parent(to)
    if (bad < 0) return bad
    const f = this.at.get(from)
    if (f === undefined) return -ENOENT
    if (to.startsWith(`${from}/`)) return -22
    if (from.startsWith(`${to}/`)) return -ENOTEMPTY
    const old = this.at.get(to)
    if (from === to || (old !== undefined && old !== null && old === f)) return 0
    if (old !== undefined) {
      if ((f === null) !== (old === null)) return f === null ? -ENOTDIR : -EISDIR
      if (this.below(to).length > 0) return -ENOTEMPTY
    }
    const moved = [from, ...this.below(from)].map(k => [k, this.at.get(k)!] as const)
    for (const [k] of moved) this.at.delete(k)
    for (const [k, v] of moved) this.at.set(to + k.slice(from.length), v)
    return 0
  }

  /** Everything there is, as text. */
  dump(): string[] {
    const links = (f: PlainFile): number => [...this.at.values()].filter(x => x === f).length
    const dirs = (p: string): number =>
      [...this.at].filter(([k, f]) => f === null && k.lastIndexOf('/') === p.length && k.startsWith(`${p}/`)).length
    return [...this.at]
      .map(([p, f]) => (f === null ? `${p}/ ${2 + dirs(p)}` : `${p} ${links(f)} ${f.bytes.length} ${sum(f.bytes)}`))
      .sort()
  }
}

const sum = (b: Uint8Array): number => b.reduce((h, x) => (Math.imul(h, 31) + x) | 0, 7)

const ROOT = '/tmp/t'

function* apply(sys: Sys, c: Change): Step<number> {
  const p = ROOT + c.path
  switch (c.op) {
    case 'mkdir':
      return yield* sys.mkdir(p)
    case 'rmdir':
      return yield* sys.rmdir(p)
    case 'unlink':
      return yield* sys.unlink(p)
    case 'create':
      return yield* sys.mknod(p, 0o644)
    case 'link':
      return yield* sys.link(p, ROOT + c.to)
    case 'rename':
      return yield* sys.rename(p, ROOT + c.to)
    case 'truncate':
      return yield* sys.truncate(p, c.size)
    case 'write': {
      const fd = yield* sys.open(p, O_RDWR)
      if (fd < 0) return fd
      const n = yield* sys.pwrite(fd, new Uint8Array(c.len).fill(c.byte), c.at)
      yield* sys.close(fd)
      return n
    }
  }
}

/** Everything below a directory, as the model says it. */
function* dump(sys: Sys, dir: string, out: string[]): Step<string[]> {
  const fd = yield* sys.open(ROOT + dir, O_RDONLY)
  const names = yield* sys.getdents(fd)
  yield* sys.close(fd)
  const self = yield* sys.stat(ROOT + dir)
  if (typeof names === 'number' || typeof self === 'number') return [...out, `${dir}: lost`]
  out.push(`${dir}/ ${self.nlink}`)
  for (const { name } of names) {
    const p = `${dir}/${name}`
    const st = yield* sys.lstat(ROOT + p)
    if (typeof st === 'number') out.push(`${p}: lost`)
    else if ((st.mode & S_IFMT) === S_IFDIR) yield* dump(sys, p, out)
    else {
      const file = yield* sys.open(ROOT + p, O_RDONLY)
      const bytes = new Uint8Array(st.size + 1)
      const n = yield* sys.read(file, bytes)
      yield* sys.close(file)
      out.push(`${p} ${st.nlink} ${st.size} ${sum(bytes.subarray(0, n))}`)
    }
  }
  return out
}

it('random changes: results, names, links and bytes are the model’s; a rewind takes them back', () => {
  const world = new World()
  const host = world.host('h0')
  world.setup(host, 'mkdir', function* (sys) {
    yield* sys.mkdir(ROOT)
    // Something is there before the mark, for the rewind to keep.
    yield* sys.mkdir(`${ROOT}/p`)
    const fd = yield* sys.open(`${ROOT}/p/a`, O_RDWR | O_CREAT)
    yield* sys.write(fd, new Uint8Array(70_000).fill(9))
    yield* sys.close(fd)
  })
  let changes: readonly Change[] = []
  let seen = { results: [] as number[], before: [] as string[], after: [] as string[] }
  host.app('changes', function* (sys) {
    seen = { results: [], before: (yield* dump(sys, '', [])).sort(), after: [] }
    for (const c of changes) seen.results.push(yield* apply(sys, c))
    seen.after = (yield* dump(sys, '', [])).sort()
  })
  fc.assert(
    fc.property(fc.array(change, { minLength: 10, maxLength: 40 }), list => {
      const model = new Model()
      model.apply({ op: 'mkdir', path: '/p' })
      model.apply({ op: 'create', path: '/p/a' })
      model.apply({ op: 'write', path: '/p/a', at: 0, len: 70_000, byte: 9 })
      const before = model.dump()
      changes = list
      const first = world.run()
      const { results, after } = seen
      expect(first.problems).toEqual([])
      expect(seen.before).toEqual(before)
      expect(results).toEqual(list.map(c => model.apply(c)))
      expect(after).toEqual(model.dump())
      expect(world.run().digest).toBe(first.digest)
      expect(seen).toEqual({ before, results, after })
    }),
    { numRuns: 120 },
  )
})
