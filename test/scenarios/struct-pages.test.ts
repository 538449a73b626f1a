// Where struct pages lie, and what sharing them or losing one of them breaks. And what they cost the host.
import { describe, expect, it } from 'vitest'
import { structPages } from '../../scenarios/multihost/struct-pages.ts'
import type { StructPages } from '../../src/devdax/index.ts'
import { RandomChooser } from '../../src/explore/index.ts'
import { buildWorld, GiB, MAP_SHARED, MiB, O_RDWR, PROT_READ, runScenario, scenario } from '../../src/world/index.ts'

const problems = (where: StructPages, bad: boolean): string[] =>
  runScenario(structPages(where, bad), new RandomChooser(1), { seed: 1, lockdep: false }).problems.map(p =>
    `${p.kind}: ${p.text}`.replace(/page \d+/g, 'page N'),
  )
const CAUSE =
  "cause: the kernel of h1 writes struct pages into dax0.0, the memory that hosts share: each host that does writes over the others'"
const PANIC = 'panic: machine check in the kernel: the struct page of page N is poisoned'

describe('struct pages', () => {
  it.each(['mem', 'separate'] as const)('%s: no host sees what the other does', where => {
    expect(problems(where, false)).toEqual([])
  })
  it('dev: the other host writes over them, and the kernel is found in the shared memory', () => {
    const p = problems('dev', false)
    expect(p).toContain(CAUSE)
    expect(p.some(x => x.startsWith('WARN: bad page map'))).toBe(true)
  })
  it('separate, one bad: that host alone dies', () => {
    expect(problems('separate', true)).toEqual([PANIC])
  })
  it('dev, one bad: every host dies that looks', () => {
    expect(problems('dev', true).filter(x => x === PANIC)).toEqual([PANIC, PANIC])
  })
  it('a host that panics stops whole: what else ran on it is gone, and the other host goes on', () => {
    const s = scenario('panic', ({ world }) => {
      const dev = world.daxdev('dax0.0', { size: GiB(4), mode: 'devdax' })
      const h0 = world.host('h0', { structPages: 'separate' })
      const h1 = world.host('h1', { structPages: 'separate' })
      const never = world.gate('never')
      const sleeper = h0.app('sleeper', function* () {
        yield* never.wait()
      })
      for (const h of [h0, h1])
        h.app('mapper', function* (sys) {
          if (h === h0) h0.poisonStructPage(dev, 0)
          const fd = yield* sys.open('/dev/dax0.0', O_RDWR)
          const map = yield* sys.mmap(0, MiB(2), PROT_READ, MAP_SHARED, fd)
          yield* sys.load(map, new Uint8Array(8))
          return 'done'
        })
      world.eventually('h0 is down, with all of it', () => h0.k.crashed.peek() && sleeper.end() === undefined)
      world.eventually('h1 is up', () => !h1.k.crashed.peek())
    })
    const r = runScenario(s, new RandomChooser(1), { seed: 1 })
    expect([r.verdict, r.problems.map(p => `${p.kind} of ${p.task}`)]).toEqual(['failed', ['panic of h0/mapper']])
  })
  it('mem: its loss is no matter of the device', () => {
    expect(() => problems('mem', true)).toThrow(/its struct pages lie in its own memory/)
  })
  it.each([
    ['mem', 64 * 1024 * 1024],
    ['dev', 4096],
    ['separate', 4096],
  ] as const)('%s: 4 GiB cost the host %d bytes', (structPages, want) => {
    const w = buildWorld(
      scenario('cost', ({ world }) => {
        world.daxdev('dax0.0', { size: GiB(4) })
        world.host('h0', { structPages })
      }),
    )
    const live = w.hosts[0]!.k.heap.live.values().filter(a => a.name === 'struct page[]')
    expect(live.map(a => a.size)).toEqual([want])
    w.close()
  })
})
