// An application that opens, reads, maps and faults while the driver of its device goes: whatever the order, it gets data or
// an error of the list below, and nothing crashes but what is measured to crash (oracle hold.unbind_mapped).
import { describe, expect, it } from 'vitest'
import { Rig, simpleMap } from '../../src/conform/index.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { MAP_SHARED, O_RDONLY, PROT_READ, type ProcessEnd } from '../../src/kernel/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { EHWPOISON, EIO, errnoName } from '../../src/wire/index.ts'

const TWO = MiB(2)
const RUNS = 60

/** What the application saw, and the problems, in one execution. */
function race(dax: string, seed: number): { seen: Set<string>; problems: string[] } {
  const rig = new Rig({ dax, policy: 'free', devices: [{ size: MiB(256) }] })
  const s = rig.server()
  for (const [i, name] of ['f', 'g'].entries())
    s.files.set(name, { nodeid: 100 + i, size: TWO, fmap: simpleMap([[0, i * TWO, TWO]]) })
  rig.mount(s)
  rig.run(function* (sys) {
    yield* sys.pread(yield* sys.open('/mnt/f', O_RDONLY), 8, 0)
  })
  const seen = new Set<string>()
  const see = (what: string, n: number) => seen.add(`${what} ${n < 0 ? errnoName(n) : 'ok'}`)
  for (const name of ['f', 'g'])
    rig.spawn(`app ${name}`, function* (sys) {
      const fd = yield* sys.open(`/mnt/${name}`, O_RDONLY)
      see('open', fd)
      if (fd < 0) return
      see('read', yield* sys.pread(fd, 8, 0))
      const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
      see('mmap', at)
      if (at < 0) return
      const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
      seen.add(`load ${sig === null ? 'ok' : sig.si_code}`)
      // It keeps its page for a while, and gives it back at exit.
      if (sig === null) for (let i = 0; i < 40; i++) yield* sys.load(at, new Uint8Array(8))
    })
  rig.spawn('unbind', function* (sys) {
    for (let i = 0; i < (seed % 12) * 10; i++) yield* sys.sysfs_read('/sys/bus/dax/devices/dax0.0/driver')
    see('unbind', yield* sys.sysfs_write('/sys/bus/dax/drivers/fsdev_dax/unbind', 'dax0.0'))
  })
  const verdict = rig.go(new RandomChooser(seed))
  expect(['held', 'failed']).toContain(verdict)
  return { seen, problems: rig.problems() }
}

describe.each(['fsdev-v8', 'fix'])('%s', dax => {
  it('gives data or an errno, and crashes in munmap only', () => {
    const seen = new Set<string>()
    const problems = new Set<string>()
    for (let seed = 1; seed <= RUNS; seed++) {
      const r = race(dax, seed)
      for (const x of r.seen) seen.add(x)
      for (const p of r.problems) problems.add(p.replace(/0x[0-9a-f]+|(?<=page )\d+/, 'N'))
    }
    const may = ['open ok', 'unbind ok', 'mmap ok', `mmap ${errnoName(EIO)}`, 'load ok', 'load BUS_ADRERR']
    for (const what of ['ok', errnoName(EHWPOISON), errnoName(EIO), 'ENXIO', 'EOPNOTSUPP']) may.push(`read ${what}`)
    expect([...seen].filter(x => !may.includes(x))).toEqual([])
    // Both sides of the race are met.
    for (const x of ['read ok', 'read EHWPOISON', 'load ok', 'load BUS_ADRERR']) expect([...seen]).toContain(x)
    const oops = 'oops: unable to handle page fault: the struct page of dax0.0 at N is gone'
    // Between the reset of the folios and the end of their struct pages (L17).
    const reset = 'WARN: bad page map: dax0.0 page N is unmapped but counts as mapped by nobody (L17)'
    expect([...problems]).toContain(oops)
    expect([...problems].filter(p => p !== oops && p !== reset)).toEqual([])
  })
})
it('fsdev-v3 refuses the unbind, and nothing happens', () => {
  for (let seed = 1; seed <= RUNS / 3; seed++) {
    const { seen, problems } = race('fsdev-v3', seed)
    expect([...seen].sort()).toEqual(['load ok', 'mmap ok', 'open ok', 'read ok', 'unbind EBUSY'])
    expect(problems).toEqual([])
  }
})

it.each([
  [['L17'], []],
  [[], ['oops']],
] as const)('a page that is mapped when the driver goes: without %j, munmap meets %j', (noDefect, kinds) => {
  const rig = new Rig({ devices: [{ size: MiB(256) }], switches: { noDefect } })
  const s = rig.server()
  s.files.set('f', { nodeid: 100, size: TWO, fmap: simpleMap([[0, 0, TWO]]) })
  rig.mount(s)
  const maps = rig.spawn('app', function* (sys) {
    const fd = yield* sys.open('/mnt/f', O_RDONLY)
    const at = yield* sys.mmap(0, TWO, PROT_READ, MAP_SHARED, fd)
    yield* sys.load(at, new Uint8Array(8))
    yield* sys.sysfs_write('/sys/bus/dax/drivers/fsdev_dax/unbind', 'dax0.0')
    const sig = yield* sys.load_or_signal(at, new Uint8Array(8))
    const rc = yield* sys.munmap(at, TWO)
    return [sig?.si_code ?? 'data', rc]
  })
  rig.go()
  expect(rig.problems().map(p => p.split(':')[0])).toEqual(kinds)
  if (kinds.length === 0) expect((maps.value as ProcessEnd).value).toEqual(['BUS_ADRERR', 0])
})
