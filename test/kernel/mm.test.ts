// Loads and stores that meet a huge entry which may not be written: fault sizes that no measured fact names.
import { describe, expect, it } from 'vitest'
import { MAP_PRIVATE, MAP_SHARED, PROT_READ, PROT_WRITE } from '../../src/kernel/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { Rig, simpleMap } from './raw-server.ts'

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
