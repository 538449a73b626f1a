// Facts measured on a real kernel that memory management and DAX answer for, one test each, named by the fact's id.
import { describe, expect, it } from 'vitest'
import { type Rig, simpleMap } from '../../src/conform/index.ts'
import {
  FOLL_LONGTERM,
  MADV_COLD,
  MADV_COLLAPSE,
  MADV_DONTNEED,
  MADV_FREE,
  MADV_HUGEPAGE,
  MADV_NOHUGEPAGE,
  MADV_PAGEOUT,
  MADV_POPULATE_READ,
  MADV_POPULATE_WRITE,
  MADV_REMOVE,
  MADV_WILLNEED,
  MAP_POPULATE,
  MAP_PRIVATE,
  MAP_SHARED,
  MAP_SHARED_VALIDATE,
  MAP_SYNC,
  O_RDWR,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  pin_user_pages,
  type Sys,
  unpin_user_pages,
} from '../../src/kernel/index.ts'
import { KiB, MiB, type Step } from '../../src/sim/index.ts'
import { errnoNumber } from '../../src/wire/index.ts'
import { E, ONE, setUp, TWO } from './set-up.ts'

const fact = it

const FOUR = simpleMap([[0, MiB(8), MiB(4)]])
const RW = PROT_READ | PROT_WRITE

/** 'ok' or the signal and si_code of touching an address. */
function* touch(sys: Sys, addr: number, write = false): Step<string> {
  const one = new Uint8Array(1)
  const sig = yield* write ? sys.store_or_signal(addr, one) : sys.load_or_signal(addr, one)
  return sig === null ? 'ok' : `${sig.signal} ${sig.si_code}`
}
function* byte(sys: Sys, addr: number): Step<number> {
  const b = new Uint8Array(1)
  yield* sys.load(addr, b)
  return b[0]!
}
const warns = (rig: Rig): string[] => rig.problems().filter(p => p.startsWith('WARN'))

describe('system calls on mappings', () => {
  fact('mmap.args', () => {
    const { rig } = setUp({ f: FOUR })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const map = function* (len: number, off: number, flags = MAP_SHARED, prot = PROT_READ): Step<number | string> {
        const at = yield* sys.mmap(0, len, prot, flags, fd, off)
        return at < 0 ? E(at) : 'ok'
      }
      const far = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd, MiB(64))
      return [
        yield* map(TWO, 100),
        yield* map(TWO, 4096),
        yield* touch(sys, far),
        yield* map(0, 0),
        yield* map(TWO, 0, MAP_SHARED_VALIDATE | MAP_SYNC),
        // Who does not ask for the check gets a mapping that is not what was asked for.
        yield* map(TWO, 0, MAP_SHARED | MAP_SYNC),
        yield* map(TWO, 0, MAP_SHARED | MAP_POPULATE),
        yield* map(TWO, 0, MAP_SHARED, PROT_READ | PROT_EXEC),
        (yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)) % TWO,
      ]
    })
    expect(got).toEqual(['EINVAL', 'ok', 'SIGBUS BUS_ADRERR', 'EINVAL', 'EOPNOTSUPP', 'ok', 'ok', 'ok', 0])
    // Populating is one fault of 2 MiB.
    expect(rig.k.faults.entries()).toEqual([['PMD', 1]])
  })
  fact('mmap.mprotect', () => {
    const { rig } = setUp({ f: ONE })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, TWO, RW, MAP_SHARED, fd)
      const out: unknown[] = [yield* touch(sys, at, true)]
      out.push(yield* sys.mprotect(at, TWO, PROT_READ), yield* touch(sys, at, true), yield* touch(sys, at))
      out.push(yield* sys.mprotect(at, TWO, RW), yield* touch(sys, at, true))
      return out
    })
    expect(got).toEqual(['ok', 0, 'SIGSEGV SEGV_ACCERR', 'ok', 0, 'ok'])
  })
  fact('mmap.madvise', () => {
    const { rig } = setUp({ f: FOUR }, {}, s => {
      s.errnos.FALLOCATE = errnoNumber('ENOSYS')
    })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, MiB(8), RW, MAP_SHARED, fd)
      const out: (number | string)[] = []
      for (const advice of [
        MADV_DONTNEED,
        MADV_REMOVE,
        MADV_FREE,
        MADV_WILLNEED,
        MADV_HUGEPAGE,
        MADV_NOHUGEPAGE,
        MADV_COLD,
        MADV_PAGEOUT,
        MADV_POPULATE_WRITE,
        MADV_COLLAPSE,
      ])
        out.push(E(yield* sys.madvise(at, MiB(4), advice)))
      out.push(E(yield* sys.madvise(at + MiB(4), 4096, MADV_POPULATE_READ)))
      return out
    })
    expect(got).toEqual([0, 'EOPNOTSUPP', 'EINVAL', 0, 0, 0, 0, 0, 0, 'EINVAL', 'EFAULT'])
  })
  fact('mmap.mlock', () => {
    const { rig } = setUp({ f: ONE })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, TWO, RW, MAP_SHARED, fd)
      const before = (yield* sys.mincore(at, TWO)) as Uint8Array
      const rc = yield* sys.mlock(at, 4096)
      const after = (yield* sys.mincore(at, TWO)) as Uint8Array
      return [before.every(p => p === 0), rc, after[0]]
    })
    expect(got).toEqual([true, 0, 1])
  })
  fact('mmap.fork', () => {
    const { rig } = setUp({ f: FOUR })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const shared = yield* sys.mmap(0, TWO, RW, MAP_SHARED, fd)
      const own = yield* sys.mmap(0, TWO, RW, MAP_PRIVATE, fd, TWO)
      yield* sys.store(own, Uint8Array.of(1))
      const pid = yield* sys.fork(function* (child) {
        yield* child.store(shared, Uint8Array.of(7))
        yield* child.store(own, Uint8Array.of(8))
        yield* child.store(own + 4096, Uint8Array.of(9))
        return [yield* byte(child, own), yield* byte(child, own + 4096)]
      })
      const end = yield* sys.waitpid(pid)
      const child = typeof end === 'number' ? end : end.value
      return [child, yield* byte(sys, shared), yield* byte(sys, own), yield* byte(sys, own + 4096)]
    })
    expect(got).toEqual([[8, 9], 7, 1, 0])
    expect(rig.problems()).toEqual([])
  })
  fact('mmap.gup', () => {
    const { rig } = setUp({ f: ONE })
    const got = rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const at = yield* sys.mmap(0, TWO, RW, MAP_SHARED, fd)
      const short = yield* pin_user_pages(sys.ts, at, 4096)
      if (typeof short === 'number') return short
      yield* unpin_user_pages(short)
      return [short.len, E((yield* pin_user_pages(sys.ts, at, 4096, FOLL_LONGTERM)) as number)]
    })
    expect(got).toEqual([4096, 'EOPNOTSUPP'])
  })
})

describe('two files with the same extent', () => {
  /** Both are mapped, touched and read; then unmapped. What the second reads after the first stored. */
  const both = (rig: Rig): unknown =>
    rig.run(function* (sys) {
      const maps: number[] = []
      const fds: number[] = []
      for (const name of ['f', 'g']) {
        const fd = yield* sys.open(`/mnt/${name}`, O_RDWR)
        const at = yield* sys.mmap(0, TWO, RW, MAP_SHARED, fd)
        yield* touch(sys, at)
        maps.push(at)
        fds.push(fd)
      }
      yield* sys.store(maps[0]! + KiB(5), Uint8Array.of(42))
      const seen = yield* byte(sys, maps[1]! + KiB(5))
      for (const at of maps) yield* sys.munmap(at, TWO)
      for (const fd of fds) yield* sys.close(fd)
      return seen
    })

  fact('shared_extent', () => {
    const { rig } = setUp({ f: ONE, g: ONE })
    expect(both(rig)).toBe(42)
    // The three places of fs/dax.c.
    expect(warns(rig)).toEqual([
      'WARN: h0: dax_associate_entry: folio->mapping is set: the page belongs to another',
      'WARN: h0: dax_folio_init: the folio is not a single page',
      'WARN: h0: dax_folio_init: the folio that is made compound has references',
    ])
    // Teardown never ends, and SIGKILL does not help.
    const t = rig.spawn('umount', sys => sys.umount('/mnt')[Symbol.iterator]() as Step<number>)
    expect(rig.go()).toBe('deadlock')
    expect(t.value).toBeUndefined()
    expect(rig.problems().filter(p => p.startsWith('soft lockup'))).toHaveLength(1)
  })
  it('without L21 they share it, and teardown ends', () => {
    const { rig } = setUp({ f: ONE, g: ONE }, { switches: { noDefect: ['L21'] } })
    expect(both(rig)).toBe(42)
    expect(rig.run(sys => sys.umount('/mnt')[Symbol.iterator]() as Step<number>)).toBe(0)
    expect(rig.problems()).toEqual([])
    expect(rig.k.bus.devices()[0]!.folios.entries()).toEqual([])
  })
})
