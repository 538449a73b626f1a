// msync(2) and madvise(MADV_DONTNEED) on a famfs file.
import { expect, it } from 'vitest'
import { Rig, simpleMap } from '../../src/conform/index.ts'
import {
  MADV_DONTNEED,
  MAP_PRIVATE,
  MAP_SHARED,
  MS_ASYNC,
  MS_INVALIDATE,
  MS_SYNC,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type Sys,
} from '../../src/kernel/index.ts'
import { MiB, type Step } from '../../src/sim/index.ts'

const RW = PROT_READ | PROT_WRITE
const TWO = MiB(2)

/** A file of 2 MiB, a process, and the messages of the last run. */
function rig() {
  const r = new Rig()
  const s = r.server()
  s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
  s.errnos.FSYNC = 0
  r.mount(s)
  const run = <T>(body: (sys: Sys) => Step<T>): { got: T; fsyncs: number } => {
    s.log.length = 0
    const got = r.run(body)
    return { got, fsyncs: s.log.filter(l => l.startsWith('FSYNC')).length }
  }
  return { s, run }
}

it.each<[string, number, number, number, number]>([
  ['a shared mapping: one FSYNC', O_RDWR, MAP_SHARED, MS_SYNC, 1],
  ['asynchronous: none', O_RDWR, MAP_SHARED, MS_ASYNC, 0],
  ['invalidate: none', O_RDWR, MAP_SHARED, MS_INVALIDATE, 0],
  ['a private mapping: none', O_RDWR, MAP_PRIVATE, MS_SYNC, 0],
  ['a file that is open for reading only: none', O_RDONLY, MAP_SHARED, MS_SYNC, 0],
])('msync of %s', (_what, flags, map, how, fsyncs) => {
  const { run } = rig()
  const r = run(function* (sys) {
    const fd = yield* sys.open('/mnt/f', flags)
    const at = yield* sys.mmap(0, TWO, PROT_READ, map, fd)
    return yield* sys.msync(at, TWO, how)
  })
  expect(r).toEqual({ got: 0, fsyncs })
})

it('msync says what the server says, and refuses what makes no sense', () => {
  const { s, run } = rig()
  s.errnos.FSYNC = 5
  const r = run(function* (sys) {
    const fd = yield* sys.open('/mnt/f', O_RDWR)
    const at = yield* sys.mmap(0, TWO, RW, MAP_SHARED, fd)
    return [
      yield* sys.msync(at, TWO, MS_SYNC),
      yield* sys.msync(at + 1, TWO, MS_SYNC),
      yield* sys.msync(at, TWO, MS_SYNC | MS_ASYNC),
      yield* sys.msync(at, TWO, 8),
      yield* sys.msync(at, TWO + 4096, MS_ASYNC),
      yield* sys.msync(at, 0, MS_SYNC),
    ]
  })
  expect(r.got).toEqual([-5, -22, -22, -22, -12, 0])
})

it('MADV_DONTNEED: shared bytes stay, a private copy goes, the next touch faults', () => {
  const { run } = rig()
  const { got } = run(function* (sys) {
    const fd = yield* sys.open('/mnt/f', O_RDWR)
    const shared = yield* sys.mmap(0, TWO, RW, MAP_SHARED, fd)
    const mine = yield* sys.mmap(0, TWO, RW, MAP_PRIVATE, fd)
    yield* sys.store(shared, new Uint8Array([1]))
    yield* sys.store(mine, new Uint8Array([2]))
    const out = [yield* sys.madvise(shared, TWO, MADV_DONTNEED), yield* sys.madvise(mine, TWO, MADV_DONTNEED)]
    const faults = sys.faults()
    const b = new Uint8Array(1)
    for (const at of [shared, mine]) {
      yield* sys.load(at, b)
      out.push(b[0]!)
    }
    out.push(sys.faults() - faults, yield* sys.madvise(shared + 1, TWO, MADV_DONTNEED))
    yield* sys.munmap(shared, TWO)
    return [...out, yield* sys.madvise(shared, TWO, MADV_DONTNEED)]
  })
  expect(got).toEqual([0, 0, 1, 1, 2, -22, -12])
})
