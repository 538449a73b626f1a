// Loads and stores that meet a huge entry which may not be written: fault sizes that no measured fact names.
import { describe, expect, it } from 'vitest'
import { Rig, simpleMap } from '../../src/conform/index.ts'
import { MAP_FIXED, MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from '../../src/kernel/index.ts'
import { defaultChooser, MiB } from '../../src/sim/index.ts'
import { after, GiB, poison, runScenario, scenario } from '../../src/world/index.ts'

/** Load at 0, store at `at`, load at 0 and at 8192; the faults after each. */
const faults = (flags: number, at: number): { counts: string[]; byte: number } => {
  const rig = new Rig()
  const s = rig.server()
  s.files.set('f', { nodeid: 100, size: MiB(2), fmap: simpleMap([[0, MiB(8), MiB(2)]]) })
  rig.mount(s)
  const counts: string[] = []
  rig.run(function* (sys) {
    const fd = yield* sys.open('/mnt/f', 2)
    const map = yield* sys.mmap(0, MiB(2), PROT_READ | PROT_WRITE, flags, fd)
    const b = new Uint8Array(1)
    const note = () => counts.push(rig.k.faults.entries().flat().join(' '))
    yield* sys.load(map, b)
    note()
    yield* sys.store(map + at, Uint8Array.of(9))
    note()
    yield* sys.load(map, b)
    yield* sys.load(map + 8192, b)
    note()
  })
  const byte = new Uint8Array(1)
  rig.mems[0]!.memory.read(MiB(8) + at, byte)
  expect(rig.problems()).toEqual([])
  return { counts, byte: byte[0]! }
}

describe('a store into a huge entry that was made for reading', () => {
  it('shared: the entry is asked for again, for writing, and stays huge', () => {
    expect(faults(MAP_SHARED, 4096)).toEqual({ counts: ['PMD 1', 'PMD 2', 'PMD 2'], byte: 9 })
  })
  it('private: it is split, so that every page of it faults again by itself (oracle fault.private_write)', () => {
    const { counts, byte } = faults(MAP_PRIVATE, 4096)
    expect(counts).toEqual(['PMD 1', 'PMD 1 PTE 1', 'PMD 1 PTE 3'])
    expect(byte).toBe(0)
  })
})

describe('poison under a mapping of small pages', () => {
  it('the first toucher gets BUS_ADRERR, as measured, and so does everybody after it', () => {
    const s = scenario('t', ({ world }) => {
      const dev = world.daxdev('dax0.0', { size: GiB(4) })
      const h0 = world.host('h0')
      const fs = h0.famfs('/mnt', { mkfs: dev })
      fs.creat('/x', MiB(4))
      const bad = world.fault(after('poison now says'), poison('dax0.0', MiB(10)))
      h0.app('a', function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        const at = yield* sys.mmap(0x600000001000, MiB(4), PROT_READ, MAP_SHARED | MAP_FIXED, fd)
        world.say('poison now')
        yield* bad.wait()
        for (let i = 0; i < 3; i++) {
          const sig = yield* sys.load_or_signal(at + i * 4096, new Uint8Array(8))
          world.expect(`touch ${i}`, sig?.si_code, 'BUS_ADRERR')
        }
      })
    })
    expect(runScenario(s, defaultChooser).problems).toEqual([])
  })
})
