// What processes see of their memory that no measured fact names: cutting and joining, counts, pins, and races with taking away.
import { describe, expect, it } from 'vitest'
import { Rig, type RigOptions, simpleMap } from '../../../src/conform/index.ts'
import {
  MAP_ANONYMOUS,
  MAP_FIXED_NOREPLACE,
  MAP_PRIVATE,
  MAP_SHARED,
  MREMAP_DONTUNMAP,
  MREMAP_MAYMOVE,
  O_RDONLY,
  O_RDWR,
  type Pinned,
  PROT_NONE,
  PROT_READ,
  PROT_WRITE,
  pin_user_pages,
  read_pinned,
  type Sys,
  unpin_user_pages,
} from '../../../src/kernel/index.ts'
import {
  type Chooser,
  down_write,
  KiB,
  MiB,
  ms,
  type Option,
  type Step,
  sleep,
  type Task,
  up_write,
} from '../../../src/sim/index.ts'
import { errnoName } from '../../../src/wire/index.ts'

const RW = PROT_READ | PROT_WRITE
const TWO = MiB(2)
const SIZE = MiB(8)

const E = (n: number): number | string => (n < 0 ? errnoName(-n) : n)

/** A host with one file of 8 MiB. */
const host = (o: RigOptions = {}): Rig => {
  const rig = new Rig({ devices: [{ size: MiB(32) }], ...o })
  const s = rig.server()
  s.files.set('f', { nodeid: 100, size: SIZE, fmap: simpleMap([[0, MiB(8), SIZE]]) })
  rig.mount(s)
  return rig
}
const inode = (rig: Rig) => rig.k.supers.items.find(sb => sb.fuse !== null)!.fuse!.inodes.get(100)!

/** The file mapped whole; its descriptor and the address. */
function* mapped(sys: Sys, flags = MAP_SHARED, len = SIZE): Step<[number, number]> {
  const fd = yield* sys.open('/mnt/f', O_RDWR)
  return [fd, yield* sys.mmap(0, len, RW, flags, fd)]
}
function* byte(sys: Sys, addr: number): Step<number | string> {
  const b = new Uint8Array(1)
  const sig = yield* sys.load_or_signal(addr, b)
  return sig === null ? b[0]! : sig.si_code
}
const put = (sys: Sys, addr: number, v: number) => sys.store_or_signal(addr, Uint8Array.of(v))

describe('mappings', () => {
  it('are joined again when nothing tells them apart: mremap takes one only', () => {
    const got = host().run(function* (sys) {
      const [, at] = yield* mapped(sys)
      const grow = () => sys.mremap(at, SIZE, SIZE, MREMAP_MAYMOVE)
      const out: unknown[] = []
      for (const [off, prot] of [
        [TWO, PROT_READ],
        [TWO, RW],
      ] as const) {
        yield* sys.mprotect(at + off, TWO, prot)
        const rc = yield* grow()
        out.push(rc === at ? 'whole' : E(rc))
      }
      return out
    })
    expect(got).toEqual(['EFAULT', 'whole'])
  })
  it('may be moved in part: an entry of 2 MiB across the cut goes, and the bytes are where they were', () => {
    const rig = host()
    const got = rig.run(function* (sys) {
      const [, at] = yield* mapped(sys)
      yield* put(sys, at + MiB(1), 5)
      const to = yield* sys.mremap(at + MiB(1), MiB(1), MiB(1), MREMAP_MAYMOVE | 2, at - MiB(16))
      return [
        to === at - MiB(16),
        yield* byte(sys, to),
        yield* byte(sys, at),
        yield* byte(sys, at + MiB(1)),
        sys.rss().file,
      ]
    })
    expect(got).toEqual([true, 5, 0, 'SEGV_MAPERR', KiB(8)])
    expect(rig.problems()).toEqual([])
  })
  it('may be moved and left behind', () => {
    const got = host().run(function* (sys) {
      const at = yield* sys.mmap(0, KiB(8), RW, MAP_PRIVATE | MAP_ANONYMOUS)
      yield* put(sys, at, 3)
      const to = yield* sys.mremap(at, KiB(8), KiB(8), MREMAP_MAYMOVE | MREMAP_DONTUNMAP)
      return [to !== at, yield* byte(sys, to), yield* byte(sys, at)]
    })
    expect(got).toEqual([true, 3, 0])
  })
  it('are not replaced with MAP_FIXED_NOREPLACE, and may not be made what the file is not open for', () => {
    const got = host().run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDONLY)
      const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
      const again = yield* sys.mmap(at, 4096, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd)
      return [E(again), E(yield* sys.mprotect(at, TWO, RW)), E(yield* sys.mprotect(at, MiB(4), PROT_READ))]
    })
    expect(got).toEqual(['EEXIST', 'EACCES', 'ENOMEM'])
  })
  it('keep what was written when they cannot be reached for a while', () => {
    const got = host().run(function* (sys) {
      const [, at] = yield* mapped(sys)
      yield* put(sys, at, 9)
      const rc = [yield* sys.mprotect(at, TWO, PROT_NONE), yield* byte(sys, at), yield* sys.mprotect(at, TWO, RW)]
      const faults = sys.faults()
      yield* put(sys, at + 1, 8)
      return [...rc, yield* byte(sys, at), sys.faults() - faults]
    })
    expect(got).toEqual([0, 'SEGV_ACCERR', 0, 9, 0])
  })
})

describe('counts', () => {
  it('memory by kind', () => {
    const got = host().run(function* (sys) {
      const [fd, at] = yield* mapped(sys)
      for (let off = 0; off < SIZE; off += TWO) yield* byte(sys, at + off)
      const own = yield* sys.mmap(0, TWO, RW, MAP_PRIVATE, fd)
      yield* put(sys, own, 1)
      const anon = yield* sys.mmap(0, TWO, RW, MAP_PRIVATE | MAP_ANONYMOUS)
      yield* byte(sys, anon)
      const before = sys.rss()
      const shm = yield* sys.mmap(0, TWO, RW, MAP_SHARED | MAP_ANONYMOUS)
      yield* put(sys, shm, 1)
      return [before, sys.rss()]
    })
    expect(got).toEqual([
      { file: KiB(8192), anon: KiB(4), shmem: 0 },
      { file: KiB(8192), anon: KiB(4), shmem: KiB(4) },
    ])
  })
  it('a range that is taken away is one shoot-down for each process that has some of it', () => {
    const rig = host()
    const flushes = () => rig.k.vm_events.get('nr_tlb_remote_flush') ?? 0
    const got = rig.run(function* (sys) {
      const [fd, at] = yield* mapped(sys)
      yield* byte(sys, at)
      yield* byte(sys, at + TWO)
      const pid = yield* sys.fork(function* (child) {
        // A child has no entries of a shared file until it faults.
        const before = child.faults()
        yield* byte(child, at)
        const from = flushes()
        yield* child.pwrite(fd, new Uint8Array(1), 0)
        return [child.faults() - before, flushes() - from]
      })
      const end = yield* sys.waitpid(pid)
      const from = flushes()
      yield* sys.munmap(at, SIZE)
      return [typeof end === 'number' ? end : end.value, flushes() - from]
    })
    expect(got).toEqual([[1, 2], 1])
  })
  it('a store after a fork copies a page once, and not when nobody else has it any more', () => {
    const got = host().run(function* (sys) {
      const at = yield* sys.mmap(0, KiB(8), RW, MAP_PRIVATE | MAP_ANONYMOUS)
      yield* put(sys, at, 1)
      const pid = yield* sys.fork(function* (child) {
        yield* put(child, at, 2)
      })
      yield* sys.waitpid(pid)
      const before = sys.ts.mm!.ptes.values()[0]!
      const { min_flt } = sys.rusage()
      yield* put(sys, at, 3)
      const after = sys.ts.mm!.ptes.values()[0]!
      const same = before.memory === null && after.memory === null && before.page === after.page
      return [sys.rusage().min_flt - min_flt, same, yield* byte(sys, at)]
    })
    expect(got).toEqual([1, true, 3])
  })
  it('an entry of one page and one of 2 MiB over it, in two processes: nothing is counted twice or lost', () => {
    const rig = host()
    rig.run(function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      const small = yield* sys.mmap(0, KiB(64), RW, MAP_SHARED, fd)
      yield* byte(sys, small + KiB(8))
      const pid = yield* sys.fork(function* (child) {
        const [, at] = yield* mapped(child)
        yield* byte(child, at)
        yield* byte(child, small + KiB(12))
        yield* child.pwrite(fd, Uint8Array.of(1), 0)
        yield* byte(child, at)
      })
      yield* sys.waitpid(pid)
      yield* byte(sys, small + KiB(8))
    })
    expect(rig.k.faults.entries()).toEqual([
      ['PTE', 3],
      ['PMD', 2],
    ])
    expect(rig.problems()).toEqual([])
    expect(
      rig.k.bus
        .devices()[0]!
        .folios.entries()
        .filter(e => e[1].mapcount !== 0 || e[1].refcount !== 0),
    ).toEqual([])
  })
})

describe('a fault on a failed page', () => {
  it.each<[string, RigOptions, string, number | undefined]>([
    ['as measured', {}, 'BUS_ADRERR', undefined],
    ['without L04', { switches: { noDefect: ['L04'] } }, 'BUS_MCEERR_AR', 12],
  ])('%s', (_, o, code, lsb) => {
    for (const off of [0, 4096]) {
      const rig = host(o)
      rig.run(function* (sys) {
        yield* sys.open('/mnt/f')
      })
      rig.poison(0, MiB(8))
      const got = rig.run(function* (sys) {
        const fd = yield* sys.open('/mnt/f', O_RDWR)
        const at = yield* sys.mmap(0, TWO, RW, MAP_SHARED, fd, off)
        const sig = yield* sys.load_or_signal(at + 5000, new Uint8Array(1))
        return [sig?.signal, sig?.si_code, sig?.si_addr === at + 5000, sig?.si_addr_lsb]
      })
      expect(got).toEqual(['SIGBUS', code, true, lsb])
    }
  })
})

describe('pinned pages', () => {
  /** A page of the file pinned by a process that unmaps and closes it; then the file's name is dropped. */
  const pinned = (rig: Rig, then: (sys: Sys, p: Pinned) => Step<unknown>): unknown =>
    rig.run(function* (sys) {
      const [fd, at] = yield* mapped(sys)
      yield* put(sys, at + 100, 7)
      const p = yield* pin_user_pages(sys.ts, at + 100, 5000)
      if (typeof p === 'number') throw new Error(errnoName(-p))
      yield* sys.munmap(at, SIZE)
      yield* sys.close(fd)
      return yield* then(sys, p)
    })

  it('stay readable when the mapping is gone', () => {
    const b = new Uint8Array(1)
    const got = pinned(host(), function* (_, p) {
      const n = yield* read_pinned(p, 0, b)
      yield* unpin_user_pages(p)
      return [p.len, p.pages.length, n, b[0]]
    })
    expect(got).toEqual([5000, 2, 1, 7])
  })
  it('keep the file from being evicted until they are let go (R15)', () => {
    const rig = host()
    rig.spawn('pin', function* (sys) {
      const [fd, at] = yield* mapped(sys)
      const p = (yield* pin_user_pages(sys.ts, at, 4096)) as Pinned
      yield* sys.munmap(at, SIZE)
      yield* sys.close(fd)
      yield* sys.sleep(ms(5))
      yield* unpin_user_pages(p)
    })
    const t = rig.spawn('umount', function* (sys) {
      yield* sys.sleep(ms(1))
      const rc = yield* sys.umount('/mnt')
      return [rc, sys.clock() >= ms(5)]
    })
    expect(rig.go()).toBe('held')
    expect(t.value).toMatchObject({ value: [0, true] })
    expect(rig.problems()).toEqual([])
  })
  it('let nobody go who waits for them, SIGKILL or not: a hung task', () => {
    const rig = host()
    let child = 0
    rig.spawn('pin', function* (sys) {
      const [fd, at] = yield* mapped(sys)
      yield* pin_user_pages(sys.ts, at, 4096)
      yield* sys.munmap(at, SIZE)
      yield* sys.close(fd)
      child = yield* sys.fork(own => own.umount('/mnt')[Symbol.iterator]() as Step<number>)
      yield* sys.sleep(ms(1))
      yield* sys.kill(child, 'SIGKILL')
      yield* sys.sleep(ms(130_000))
      expect(sys.proc_list().map(p => p.pid)).toContain(child)
    })
    expect(rig.go()).toBe('deadlock')
    expect(rig.problems().join()).toContain('in dax_break_layout_final waits for page idle')
  })
})

describe('races with taking away', () => {
  it('R22: a fault between the two halves of what write(2) takes away has an entry and no page', () => {
    const rig = host({ policy: 'free' })
    rig.run(function* (sys) {
      const [, at] = yield* mapped(sys)
      yield* byte(sys, at)
    })
    let loaded = false
    let written = false
    let seen: unknown
    rig.spawn('reader', function* (sys) {
      const [, at] = yield* mapped(sys)
      yield* byte(sys, at)
      loaded = true
      while (!written) yield* sys.sleep(1)
      seen = [inode(rig).i_mapping.i_pmds.size, sys.ts.mm!.pmds.size, yield* byte(sys, at), sys.faults()]
    })
    rig.spawn('writer', function* (sys) {
      const fd = yield* sys.open('/mnt/f', O_RDWR)
      yield* sys.pwrite(fd, Uint8Array.of(1), 0)
      written = true
    })
    // The writer stops where the entry is gone and the page tables are not looked at yet, until the reader has loaded.
    const between = (t: Task): boolean =>
      t.fn?.name === 'invalidate_inode_pages2_range' && t.pending!.kind.name === 'step'
    const later = (o: Option): boolean => {
      const t = o as Task
      if (t.label === 'h0/reader') return loaded ? !written : !waits
      return t.label === 'h0/writer' && between(t) && !loaded
    }
    let waits = false
    rig.go({
      choose: (kind, options) => {
        if (kind !== 'schedule') return 0
        waits = options.some(o => (o as Task).label === 'h0/writer' && between(o as Task))
        const first = options.findIndex(o => !later(o))
        return first < 0 ? 0 : first
      },
    } as Chooser)
    expect(seen).toEqual([1, 0, 1, 2])
    expect(rig.problems()).toEqual([])
  })
  it('without L08 a fault waits for who truncates', () => {
    const rig = host({ switches: { noDefect: ['L08'] } })
    rig.run(function* (sys) {
      yield* mapped(sys)
    })
    const lock = inode(rig).i_mapping.invalidate_lock!
    rig.kthread('truncate', function* () {
      yield* down_write(lock)
      yield* sleep(ms(5))
      yield* up_write(lock)
    })
    const t = rig.spawn('app', function* (sys) {
      const [, at] = yield* mapped(sys)
      const from = sys.clock()
      yield* byte(sys, at)
      return sys.clock() - from >= ms(4)
    })
    rig.go()
    expect(t.value).toMatchObject({ value: true })
  })
})
