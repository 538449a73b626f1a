// A rewound world is a fresh world: whatever ran before, the next execution is, event for event, the one a newly built world
// would have had, and the memory is what set-up left.
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import type { DaxMemory } from '../../src/devdax/index.ts'
import { RandomChooser } from '../../src/explore/strategies/random.ts'
import type { Mark, Policy } from '../../src/sim/index.ts'
import {
  after,
  buildWorld,
  GiB,
  KiB,
  MAP_SHARED,
  MiB,
  O_RDONLY,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  poison,
  type RunResult,
  type Scenario,
  scenario,
  type World,
} from '../../src/world/index.ts'
import { times } from '../times.ts'

const MNT = '/mnt/famfs'
/** The smallest device mkfs takes, and how much of it these files reach. */
const SIZE = GiB(4)
const USED = MiB(64)

/** What a test looks at behind the scenario's back. */
interface Peek {
  dev: DaxMemory
  /** Device bytes at which the superblock, the log and the files begin. */
  places: number[]
  /** The page that goes bad, from the start of the device. */
  page: number
}

/**
 * Two hosts, one famfs, two files: one written by write(2), one by stores through a mapping; a reader on each host says what it
 * read; a page goes bad in the middle. Under random choices the readers see all kinds of mixtures.
 */
const two_hosts = (peek: Partial<Peek>, leak: { n: number } | null = null): Scenario =>
  scenario('two hosts write and read', ({ world }) => {
    const dev = world.daxdev('dax0.0', { size: SIZE })
    const h0 = world.host('h0')
    const h1 = world.host('h1')
    const fs = h0.famfs(MNT, { mkfs: dev })
    fs.creat('/a', MiB(2))
    fs.creat('/b', MiB(4))
    h1.famfs(MNT, { mount: dev })
    const first = (path: string): number => {
      const map = fs.fmap(path)
      return map.kind === 'simple' ? map.extents[0]!.offset : map.strips[0]!.offset
    }
    const page = first('/b') / KiB(4) + 1
    Object.assign(peek, { dev, page, places: [0, MiB(2), first('/a'), first('/b')] })

    h0.app('writer', function* (sys) {
      const fd = yield* sys.open(`${MNT}/a`, O_RDWR)
      for (let i = 0; i < 3; i++) yield* sys.pwrite(fd, new Uint8Array(KiB(8)).fill(i + 1), i * KiB(6))
      yield* sys.close(fd)
      world.say('written')
    })
    h0.app('mapper', function* (sys) {
      const fd = yield* sys.open(`${MNT}/b`, O_RDWR)
      const at = yield* sys.mmap(0, MiB(4), PROT_READ | PROT_WRITE, MAP_SHARED, fd)
      for (let i = 0; i < 3; i++) {
        const sig = yield* sys.store_or_signal(at + i * KiB(4), new Uint8Array(KiB(1)).fill(0x40 + i))
        world.say(`mapper: store ${i} ${sig?.signal ?? 'ok'}`)
        if (sig !== null) continue
        yield* sys.clwb(at + i * KiB(4), KiB(1))
        yield* sys.sfence()
      }
    })
    for (const h of [h0, h1])
      h.app('reader', function* (sys) {
        const buf = new Uint8Array(KiB(16))
        for (const path of ['a', 'b']) {
          const fd = yield* sys.open(`${MNT}/${path}`, O_RDONLY)
          for (let i = 0; i < 2; i++) {
            const n = yield* sys.pread(fd, buf, 0)
            world.say(`${h.name} reads ${n} of ${path}: ${crc32(buf)}`)
          }
          yield* sys.close(fd)
        }
        if (leak !== null) world.say(`${h.name} remembers ${leak.n++}`)
      })
    world.fault(after('written says'), poison('dax0.0', page * KiB(4), { how: 'hardware', len: KiB(4), hosts: ['h0'] }))
  })

const open: World[] = []
const build = (s: Scenario, seed: number, policy: Policy): World => {
  const w = buildWorld(s, { seed, policy, trace: true })
  open.push(w)
  return w
}
afterAll(() => {
  for (const w of open) w.close()
})

/** One execution in a world made for it alone. */
const fresh = (s: Scenario, seed: number, policy: Policy, choices: number): RunResult => {
  const w = buildWorld(s, { seed, policy, trace: true })
  try {
    return w.run(new RandomChooser(choices))
  } finally {
    w.close()
  }
}

/** Several executions in one world, each against a fresh one. */
const rewound = (make: () => Scenario) =>
  fc.property(
    fc.nat(1000),
    fc.constantFrom<Policy>('timed', 'free'),
    fc.array(fc.nat(), { minLength: 2, maxLength: 4 }),
    (seed, policy, choices) => {
      const w = buildWorld(make(), { seed, policy, trace: true })
      try {
        for (const c of choices) expect(w.run(new RandomChooser(c))).toEqual(fresh(make(), seed, policy, c))
      } finally {
        w.close()
      }
    },
  )

describe('a rewound world', () => {
  it('runs as a fresh one: digest, interleaving, messages, faults, time, problems', () => {
    fc.assert(
      rewound(() => two_hosts({})),
      { numRuns: times(8, 25) },
    )
  })
  it('canary: a scenario that remembers an earlier execution is found out', () => {
    const found = fc.check(
      rewound(() => two_hosts({}, { n: 0 })),
      { numRuns: 3 },
    )
    expect([found.failed, `${found.errorInstance}`]).toEqual([true, expect.stringContaining('to deeply equal')])
  })
  it('tells choices apart: other seeds, other interleavings and digests', () => {
    const w = build(two_hosts({}), 1, 'free')
    const results = Array.from({ length: 30 }, (_, i) => w.run(new RandomChooser(i)))
    expect(new Set(results.map(r => r.interleaving)).size).toBe(30)
    expect(new Set(results.map(r => r.digest)).size).toBe(30)
    // What the readers saw differs as well, so there was something to restore.
    expect(new Set(results.map(r => r.now_ns)).size).toBeGreaterThan(1)
  })
})

/** Undo buffers that one execution of this world can need, with room to spare, bytes. */
const MOST_POOLED = 1 << 20

describe('rewinding', () => {
  const mark = (w: World): Mark => Reflect.get(w, 'mark')
  const bytes = (p: Peek): number[] => p.places.map(at => p.dev.memory.digest(at, KiB(64)))

  it('restores device bytes and poison, two hundred times, and leaves no undo behind', () => {
    const p = {} as Peek
    const w = build(two_hosts(p), 7, 'free')
    const { journal } = w.m
    const { at } = mark(w)
    const whole = p.dev.memory.digest(0, USED)
    const set_up = bytes(p)
    let changed = 0
    let poisoned = 0
    let most = 0
    for (let i = 0; i < 200; i++) {
      w.run(new RandomChooser(i))
      expect(journal.n).toBeGreaterThan(at)
      if (journal.n > most) most = journal.n
      if (`${bytes(p)}` !== `${set_up}`) changed++
      if (p.dev.poison.count > 0) poisoned++
      w.m.dropTasks()
      journal.rewind(mark(w))
      expect(journal.n).toBe(at)
      expect(bytes(p)).toEqual(set_up)
      expect([p.dev.poison.pages(), w.m.problems]).toEqual([[], []])
      const undo = p.dev.memory.undoStats()
      expect([undo.marks, undo.savedBytes]).toEqual([1, 0])
      expect(undo.pooledBytes).toBeLessThanOrEqual(MOST_POOLED)
    }
    expect(p.dev.memory.digest(0, USED)).toBe(whole)
    // The canary: every execution did change bytes and poison.
    expect([changed, poisoned]).toEqual([200, 200])
    // What one execution logs is bounded, and nothing of the others is left in it.
    expect(most - at).toBeLessThan(20_000)
  })
  it('puts the poisoned page where the scenario said', () => {
    const p = {} as Peek
    const w = build(two_hosts(p), 3, 'timed')
    for (let i = 0; i < 3; i++) {
      w.run(new RandomChooser(i))
      expect(p.dev.poison.pages()).toEqual([p.page])
    }
  })
  it('the set-up is part of the digest, and stays', () => {
    const w = build(two_hosts({}), 2, 'free')
    const set_up = w.m.trace.hex()
    const { seq } = w.m.trace
    w.run(new RandomChooser(1))
    expect(w.m.trace.hex()).not.toBe(set_up)
    w.m.dropTasks()
    w.m.journal.rewind(mark(w))
    expect([w.m.trace.hex(), w.m.trace.seq]).toEqual([set_up, seq])
    expect(seq).toBeGreaterThan(500)
  })
})
