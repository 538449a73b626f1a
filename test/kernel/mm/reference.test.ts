// The whole of memory management against a reference that knows pages only: random calls of a process and its child, on one file
// of 4 MiB, anonymous and shared memory, at addresses where entries of 2 MiB are made, cut, moved and copied.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Rig, simpleMap } from '../../../src/conform/index.ts'
import {
  MADV_DONTNEED,
  MAP_ANONYMOUS,
  MAP_FIXED,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_FIXED,
  MREMAP_MAYMOVE,
  O_RDWR,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  type Sys,
} from '../../../src/kernel/index.ts'
import { MiB, type Step } from '../../../src/sim/index.ts'
import { errnoName } from '../../../src/wire/index.ts'
import { times } from '../../times.ts'

const PAGE = 4096
const BASE = 0x600000000000
/** Pages of the file; the arena has half as many more, which lie past its end. */
const FILE = 2 * 512
const RW = PROT_READ | PROT_WRITE

/** What a page shows when the process has no copy of its own: one byte of each page is looked at. */
type Backing = {
  readonly shared: boolean
  readonly at: number
  readonly of: Map<number, number>
  readonly file: boolean
}
interface Page {
  readonly prot: number
  readonly backing: Backing
  /** The process's own copy. */
  readonly own: number | null
}

class Reference {
  readonly pages: Map<number, Page>
  readonly file: Map<number, number>
  constructor(file: Map<number, number>, pages = new Map<number, Page>()) {
    this.file = file
    this.pages = pages
  }
  fork(): Reference {
    return new Reference(this.file, new Map(this.pages))
  }
  range(at: number, n: number): number[] {
    return Array.from({ length: n }, (_, i) => at + i).filter(p => this.pages.has(p))
  }
  load(at: number): string | number {
    const p = this.pages.get(at)
    if (p === undefined) return 'SEGV_MAPERR'
    if (p.prot === PROT_NONE) return 'SEGV_ACCERR'
    if (p.own !== null) return p.own
    if (p.backing.file && p.backing.at >= FILE) return 'BUS_ADRERR'
    return p.backing.of.get(p.backing.at) ?? 0
  }
  store(at: number, v: number): string {
    const p = this.pages.get(at)
    if (p === undefined) return 'SEGV_MAPERR'
    if ((p.prot & PROT_WRITE) === 0) return 'SEGV_ACCERR'
    if (p.own === null && p.backing.file && p.backing.at >= FILE) return 'BUS_ADRERR'
    if (p.backing.shared) p.backing.of.set(p.backing.at, v)
    else this.pages.set(at, { ...p, own: v })
    return 'ok'
  }
  /** Is page b the next of page a in one mapping? */
  private next(a: number): boolean {
    const p = this.pages.get(a)
    const q = this.pages.get(a + 1)
    if (p === undefined || q === undefined) return false
    const [x, y] = [p.backing, q.backing]
    return p.prot === q.prot && x.of === y.of && x.shared === y.shared && x.at + 1 === y.at && x.file === y.file
  }
  /** Pages from `at` on that are of one mapping. */
  run(at: number): number {
    if (!this.pages.has(at)) return 0
    let n = 1
    while (this.next(at + n - 1)) n++
    return n
  }
  mremap(at: number, old: number, len: number, to: number | null): string {
    if (to !== null) {
      if (at + old > to && to + len > at) return 'EINVAL'
      for (const p of this.range(to, len)) this.pages.delete(p)
    }
    for (const p of this.range(at + len, old > len ? old - len : 0)) this.pages.delete(p)
    if (to === null && old > len) return 'ok'
    const have = old > len ? len : old
    const run = this.run(at)
    if (run === 0 || have > run) return 'EFAULT'
    const first = this.pages.get(at)!
    const grown = (i: number): Page => ({
      ...first,
      backing: { ...first.backing, at: first.backing.at + i },
      own: null,
    })
    if (to === null) {
      if (have === len) return 'ok'
      if (have !== run || this.range(at + have, len - have).length > 0) return 'ENOMEM'
      for (let i = have; i < len; i++) this.pages.set(at + i, grown(i))
      return 'ok'
    }
    const moved = Array.from({ length: len }, (_, i) => (i < have ? this.pages.get(at + i)! : grown(i)))
    for (let i = 0; i < have; i++) this.pages.delete(at + i)
    moved.forEach((p, i) => {
      this.pages.set(to + i, p)
    })
    return 'ok'
  }
}

type Call =
  | { readonly do: 'mmap'; at: number; len: number; prot: number; kind: 'file' | 'anon'; shared: boolean; off: number }
  | { readonly do: 'munmap' | 'dontneed'; at: number; len: number }
  | { readonly do: 'mprotect'; at: number; len: number; prot: number }
  | { readonly do: 'mremap'; at: number; len: number; to: number | null; more: number }
  | { readonly do: 'store' | 'pwrite'; at: number; v: number }
  | { readonly do: 'load'; at: number }

// Few places, so that calls meet.
const page = fc.constantFrom(0, 0, 0, 1, 511, 512, 512, 513, 1024)
const len = fc.constantFrom(1, 1, 2, 511, 512, 512, 1024)
const prot = fc.constantFrom(RW, RW, RW, PROT_READ, PROT_NONE)
const byte = fc.integer({ min: 1, max: 255 })
const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('mmap' as const),
      at: page,
      len,
      prot,
      kind: fc.constantFrom('file' as const, 'file' as const, 'anon' as const),
      shared: fc.boolean(),
      off: fc.constantFrom(0, 0, 512, 1),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('munmap' as const, 'dontneed' as const), at: page, len }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('mprotect' as const), at: page, len, prot }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('mremap' as const),
      at: page,
      len,
      to: fc.option(page),
      more: fc.constantFrom(0, 0, 1, -1, 512),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      do: fc.constantFrom('store' as const, 'store' as const, 'pwrite' as const),
      at: page,
      v: byte,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('load' as const), at: page }) },
)

const E = (n: number): string => (n < 0 ? errnoName(-n) : 'ok')

/** Carry out calls on the kernel and on the reference; both must answer the same. */
function* play(sys: Sys, fd: number, ref: Reference, calls: readonly Call[]): Step<void> {
  for (const c of calls) {
    const addr = BASE + c.at * PAGE
    const same = (got: unknown, want: unknown): void => expect([c, got]).toEqual([c, want])
    if (c.do === 'mmap') {
      const flags = MAP_FIXED | (c.shared ? MAP_SHARED : MAP_PRIVATE) | (c.kind === 'anon' ? MAP_ANONYMOUS : 0)
      same(yield* sys.mmap(addr, c.len * PAGE, c.prot, flags, fd, c.off * PAGE), addr)
      const of = c.kind === 'file' ? ref.file : c.shared ? new Map<number, number>() : NOTHING
      // What anonymous memory is counted from: its address, or for shared the start.
      const first = c.kind === 'file' ? c.off : c.shared ? 0 : c.at
      for (let i = 0; i < c.len; i++) {
        const backing = { shared: c.shared, at: first + i, of, file: c.kind === 'file' }
        ref.pages.set(c.at + i, { prot: c.prot, backing, own: null })
      }
    } else if (c.do === 'munmap') {
      same(yield* sys.munmap(addr, c.len * PAGE), 0)
      for (const p of ref.range(c.at, c.len)) ref.pages.delete(p)
    } else if (c.do === 'dontneed') {
      const there = ref.range(c.at, c.len)
      same(E(yield* sys.madvise(addr, c.len * PAGE, MADV_DONTNEED)), there.length < c.len ? 'ENOMEM' : 'ok')
      for (const p of there) ref.pages.set(p, { ...ref.pages.get(p)!, own: null })
    } else if (c.do === 'mprotect') {
      let n = 0
      while (n < c.len && ref.pages.has(c.at + n)) n++
      same(E(yield* sys.mprotect(addr, c.len * PAGE, c.prot)), n < c.len ? 'ENOMEM' : 'ok')
      for (let i = 0; i < n; i++) ref.pages.set(c.at + i, { ...ref.pages.get(c.at + i)!, prot: c.prot })
    } else if (c.do === 'mremap') {
      const more = c.len + c.more < 1 ? 1 : c.len + c.more
      const flags = c.to === null ? 0 : MREMAP_MAYMOVE | MREMAP_FIXED
      const to = c.to === null ? 0 : BASE + c.to * PAGE
      const got = yield* sys.mremap(addr, c.len * PAGE, more * PAGE, flags, to)
      same(E(got), ref.mremap(c.at, c.len, more, c.to))
    } else if (c.do === 'store') {
      const sig = yield* sys.store_or_signal(addr, Uint8Array.of(c.v))
      same(sig?.si_code ?? 'ok', ref.store(c.at, c.v))
    } else if (c.do === 'pwrite') {
      same(yield* sys.pwrite(fd, Uint8Array.of(c.v), c.at * PAGE), c.at < FILE ? 1 : 0)
      if (c.at < FILE) ref.file.set(c.at, c.v)
    } else {
      const b = new Uint8Array(1)
      const sig = yield* sys.load_or_signal(addr, b)
      same(sig?.si_code ?? b[0], ref.load(c.at))
    }
  }
}
/** Private anonymous memory shows nothing of anybody's. */
const NOTHING = new Map<number, number>()

const calls = (most: number) => fc.array(call, { minLength: most / 2, maxLength: most })
/** What there is to begin with: the whole file, in one of the ways there are. */
const start = fc
  .tuple(fc.boolean(), fc.constantFrom('file' as const, 'file' as const, 'anon' as const))
  .map(([shared, kind]): Call => ({ do: 'mmap', at: 0, len: FILE, prot: RW, kind, shared, off: 0 }))

it('agrees with a model of pages', { timeout: times(20_000, 120_000) }, () => {
  fc.assert(
    fc.property(start, calls(24), calls(12), calls(12), (first, before, child, after) => {
      const rig = new Rig({ devices: [{ size: MiB(16) }] })
      const s = rig.server()
      s.files.set('f', { nodeid: 100, size: MiB(4), fmap: simpleMap([[0, MiB(8), MiB(4)]]) })
      rig.mount(s)
      const ref = new Reference(new Map())
      rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_RDWR)
        yield* play(sys, fd, ref, [first, ...before])
        const copy = ref.fork()
        const pid = yield* sys.fork(own => play(own, fd, copy, child))
        yield* sys.waitpid(pid)
        yield* play(sys, fd, ref, after)
        yield* play(
          sys,
          fd,
          ref,
          [...ref.pages.keys()].filter(p => p % 128 === 0).map(at => ({ do: 'load', at })),
        )
      })
      expect(rig.problems()).toEqual([])
      // Everybody is gone, and so is every count.
      const left = rig.k.bus
        .devices()[0]!
        .folios.entries()
        .filter(([, f]) => f.mapcount !== 0 || f.refcount !== 0)
      expect(left).toEqual([])
    }),
    { numRuns: times(25, 800), seed: 20261120 },
  )
})
