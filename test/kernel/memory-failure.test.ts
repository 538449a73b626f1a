// Every row of the table of what memory_failure() does (kernel.md 2.14), on every DAX level, and who dies of the generic path.
import { describe, expect, it } from 'vitest'
import { Rig, simpleMap } from '../../src/conform/index.ts'
import type { DriverName } from '../../src/devdax/index.ts'
import {
  MADV_HWPOISON,
  MAP_SHARED,
  memory_failure,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  type ProcessEnd,
  type Sys,
} from '../../src/kernel/index.ts'
import { DAX_LEVELS, type DaxLevelTable } from '../../src/profile/index.ts'
import { MiB, ms, type Step, sleep, step } from '../../src/sim/index.ts'
import { errnoName } from '../../src/wire/index.ts'

const E = (n: number): number | string => (n < 0 ? errnoName(-n) : n)
const TWO = MiB(2)
const BAD = MiB(8) + 4096

/** A host with one device; `mapped`: a process has a page of the bad 2 MiB of /mnt/f mapped, and waits. */
const host = (level: DaxLevelTable, driver: DriverName | null, o: { region?: 'static' } = {}) => {
  const rig = new Rig({ dax: level.name, devices: [{ driver, region: o.region }] })
  const d = rig.k.bus.devices()[0]!
  return { rig, d }
}
/** What a mapper of the device saw: its end, and what two loads after the failure answered. */
function* mapper(sys: Sys, path: string, off: number, policy: 'default' | 'early'): Step<string[]> {
  sys.mce_kill(policy)
  const fd = yield* sys.open(path, O_RDWR)
  const at = yield* sys.mmap(0, TWO, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off)
  const touch = function* (): Step<string> {
    const sig = yield* sys.load_or_signal(at + 4096, new Uint8Array(1))
    return sig === null ? 'ok' : `${sig.si_code} +${sig.si_addr - at} ${sig.si_addr_lsb ?? ''}`
  }
  const out = [yield* touch()]
  yield* sleep(ms(2))
  yield* step()
  out.push(yield* touch())
  return out
}

/** Fail the page while a process of each policy has it mapped; the errno, what each saw, and whether the holder learnt. */
const failed = (
  level: DaxLevelTable,
  driver: DriverName,
  path: string,
  change: (d: ReturnType<typeof host>['d']) => void = () => {},
) => {
  const { rig, d } = host(level, driver)
  if (path === '/mnt/f') {
    const s = rig.server()
    s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, MiB(8), TWO]]) })
    rig.mount(s)
  }
  const off = path === '/mnt/f' ? 0 : MiB(8)
  const tasks = (['default', 'early'] as const).map(p => rig.spawn(p, sys => mapper(sys, path, off, p)))
  const mf = rig.kthread('memory_failure', function* (k) {
    yield* sleep(ms(1))
    yield* step()
    change(d)
    return yield* memory_failure(k, rig.mems[0]!, BAD, 0)
  })
  rig.go()
  const saw = tasks.map(t => {
    const end = t.value as ProcessEnd
    return end.signal === null ? (end.value as string[])[1]! : end.signal.signal
  })
  const told = rig.run(function* (sys) {
    if (path !== '/mnt/f') return 'no holder'
    const fd = yield* sys.open(path, O_RDWR)
    return E(yield* sys.pread(fd, new Uint8Array(8), 0))
  })
  return { rc: E(mf.value as number), saw, told, poisoned: d.folios.hwpoison.keys(), stats: rig.k.mf_stats.entries() }
}

const FSDEV = DAX_LEVELS.filter(l => l.fs_driver === 'fsdev_dax')
const BEFORE = DAX_LEVELS.filter(l => l.fs_driver === 'device_dax')
const HEAD = MiB(8) / 4096

describe('memory_failure() of a page of a device, by level', () => {
  describe.each(FSDEV)('$name', level => {
    it('held by famfs: the holder hears of it and says it is dealt with; nobody is unmapped or signalled (L02)', () => {
      expect(failed(level, 'fsdev_dax', '/mnt/f')).toEqual({
        rc: 0,
        saw: ['ok', 'ok'],
        told: 'EHWPOISON',
        poisoned: [],
        stats: [['Recovered', 1]],
      })
    })
    it('held, but the ops are not there: the generic path; whoever asked for early kill is signalled', () => {
      const r = failed(level, 'fsdev_dax', '/mnt/f', d => d.dax_dev.holder_ops.poke(null))
      expect(r).toEqual({
        rc: 0,
        saw: ['ok', 'BUS_MCEERR_AO +0 21'],
        told: 8,
        poisoned: [HEAD],
        stats: [['Recovered', 1]],
      })
    })
    it('not held: nobody has the page', () => {
      const { rig, d } = host(level, 'fsdev_dax')
      expect(E(rig.poison(0, BAD))).toBe('EBUSY')
      expect([d.folios.hwpoison.size, rig.k.mf_stats.entries()]).toEqual([0, [['Failed', 1]]])
    })
    it('claimed, the ops not yet stored and nothing mapped: nobody has the page, the holder never learns (R6)', () => {
      const { rig, d } = host(level, 'fsdev_dax')
      d.dax_dev.holder_data.poke({ who: 'somebody' })
      expect(E(rig.poison(0, BAD))).toBe('EBUSY')
    })
    it('dead: ENXIO', () => {
      const { rig, d } = host(level, 'fsdev_dax')
      d.dax_dev.alive.poke(false)
      expect(E(rig.poison(0, BAD))).toBe('ENXIO')
    })
    it.each([
      [
        'a static pgmap after fsdev, device_dax now',
        'static',
        level.name === 'fix' ? [] : [/device_dax; .*fsdev_dax left/],
      ],
      ['a pgmap of its own', undefined, []],
    ] as const)('%s: whose handler is called (B34)', (_name, region, want) => {
      const { rig } = host(level, 'fsdev_dax', { region })
      expect(rig.bind(0, 'device_dax')).toBe(0)
      expect(E(rig.poison(0, BAD))).toBe('EBUSY')
      expect(rig.problems()).toHaveLength(want.length)
      for (const [i, w] of want.entries()) expect(rig.problems()[i]).toMatch(w)
    })
  })
  describe.each(BEFORE)('$name', level => {
    it('held by famfs: device_dax has no handler, so mappers are found by their folios and the holder never learns', () => {
      expect(failed(level, 'device_dax', '/mnt/f')).toEqual({
        rc: 0,
        saw: ['ok', 'BUS_MCEERR_AO +0 21'],
        told: 8,
        poisoned: [HEAD],
        stats: [['Recovered', 1]],
      })
    })
  })
  describe.each(DAX_LEVELS)('$name', level => {
    it('device_dax, mapped raw: the generic path', () => {
      expect(failed(level, 'device_dax', '/dev/dax0.0')).toEqual({
        rc: 0,
        saw: ['ok', 'BUS_MCEERR_AO +0 21'],
        told: 'no holder',
        poisoned: [HEAD],
        stats: [['Recovered', 1]],
      })
    })
    it('kmem: a page of system RAM, taken out of use; of a block that is offline nobody knows it', () => {
      const { rig, d } = host(level, null)
      expect([rig.bind(0, 'kmem'), E(rig.poison(0, BAD)), rig.unbind(0)]).toEqual([0, 'ENXIO', 0])
      rig.k.hotplug.auto_online.poke('online_movable')
      expect(rig.bind(0, 'kmem')).toBe(0)
      expect(rig.poison(0, BAD)).toBe(0)
      expect(d.folios.hwpoison.keys()).toEqual([HEAD + 1])
    })
    it('no driver, or no such page: ENXIO', () => {
      const { rig } = host(level, null)
      expect([E(rig.poison(0, BAD)), E(rig.poison(0, rig.mems[0]!.size))]).toEqual(['ENXIO', 'ENXIO'])
    })
  })
})

describe('the generic path', () => {
  const level = DAX_LEVELS.at(-1)!
  it('the process that touched it gets BUS_MCEERR_AR, others by their policy; all lose the mapping', () => {
    const { rig } = host(level, 'device_dax')
    const others = (['default', 'early'] as const).map(p => rig.spawn(p, sys => mapper(sys, '/dev/dax0.0', MiB(8), p)))
    const toucher = rig.spawn('toucher', function* (sys) {
      const fd = yield* sys.open('/dev/dax0.0', O_RDWR)
      const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd, MiB(8))
      yield* sleep(ms(1))
      yield* step()
      yield* sys.madvise(at + 4096, 4096, MADV_HWPOISON)
    })
    rig.go()
    const end = toucher.value as ProcessEnd
    expect(end.signal?.info).toMatchObject({ signal: 'SIGBUS', si_code: 'BUS_MCEERR_AR', si_addr_lsb: 21 })
    expect(others.map(t => (t.value as ProcessEnd).value)).toEqual([
      ['ok', 'ok'],
      ['ok', 'BUS_MCEERR_AO +0 21'],
    ])
    // Three first touches, and the default process faults again because its mapping went too.
    expect(rig.k.faults.entries()).toEqual([['PMD', 4]])
  })
  it('a process that touches nothing any more dies of BUS_MCEERR_AO where it asked for early kill, and lives otherwise', () => {
    const ends = (['default', 'early'] as const).map(policy => {
      const { rig } = host(level, 'device_dax')
      const t = rig.spawn('idle', function* (sys) {
        sys.mce_kill(policy)
        const fd = yield* sys.open('/dev/dax0.0', O_RDWR)
        const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd, 0)
        yield* sys.load(at, new Uint8Array(1))
        yield* sleep(ms(2))
        return 'lived'
      })
      rig.kthread('memory_failure', function* (k) {
        yield* sleep(ms(1))
        yield* step()
        return yield* memory_failure(k, rig.mems[0]!, 0, 0)
      })
      rig.go()
      const end = t.value as ProcessEnd
      return end.signal === null ? end.value : (end.signal.info as { si_code: string }).si_code
    })
    expect(ends).toEqual(['lived', 'BUS_MCEERR_AO'])
  })
  it.each([
    ['not the administrator', 0, 4096, { uid: 1000, gid: 1000, caps: [] }, 'EPERM'],
    ['not a page', 8, 4096, undefined, 'EINVAL'],
    ['nothing mapped there', TWO, 4096, undefined, 'EFAULT'],
  ])('madvise: %s', (_name, off, len, cred, want) => {
    const { rig } = host(level, 'device_dax')
    const rc = rig.run(
      function* (sys) {
        const fd = yield* sys.open('/dev/dax0.0', O_RDWR)
        const at = fd < 0 ? 0x600000000000 : yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd, 0)
        return yield* sys.madvise(at + off, len, MADV_HWPOISON)
      },
      { cred },
    )
    expect(E(rc)).toBe(want)
  })
})
