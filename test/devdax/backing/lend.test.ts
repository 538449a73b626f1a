// What --backing and its companions mean: which storage a device of a scenario gets, who is refused, and that no trace tells.
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { type Backing, BackingError, Lender, type LendOptions } from '../../../src/devdax/backing/index.ts'
import { makeRunFile, printRunFile, RandomChooser, replay, search } from '../../../src/explore/index.ts'
import { nativeAvailable } from '../../../src/native/index.ts'
import { UsageError } from '../../../src/sim/index.ts'
import { buildWorld, GiB, MiB, runScenario, scenario, World } from '../../../src/world/index.ts'
import { type FakeDevice, FakeMachine, REGION_START } from './fake-dax.ts'

const SIZE = MiB(4)
const native = nativeAvailable().ok

const machines: FakeMachine[] = []
const dirs: string[] = []
const machine = (devices: Readonly<Record<string, FakeDevice>>): FakeMachine => {
  const m = new FakeMachine(devices)
  machines.push(m)
  return m
}
const folder = (): string => {
  const dir = mkdtempSync(join(tmpdir(), 'famsim-lend-'))
  dirs.push(dir)
  return dir
}
afterEach(() => {
  for (const m of machines.splice(0)) m.remove()
  for (const d of dirs.splice(0)) rmSync(d, { recursive: true })
})

const refusal = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    expect(error).toBeInstanceOf(BackingError)
    expect((error as Error).message).not.toContain('\n')
    return (error as Error).message
  }
  throw new Error('expected a BackingError')
}

const mark = (b: Backing): void => {
  b.window(0)[0] = 1
}

describe('Lender', () => {
  it.each(['', 'ram', 'AUTO', 'toString', 'file:', 'dax:', 'floppy:/dev/fd0'])('%j names what is known', want => {
    expect(refusal(() => new Lender(want))).toBe(
      `backing '${want}': expected auto, hugetlb, memfd, file, arraybuffer, file:PATH or dax:/dev/daxX.Y`,
    )
  })

  it('arraybuffer is not named: any number of worlds have one each', () => {
    const lender = new Lender('arraybuffer')
    const [a, b] = [lender.open('dax0.0', SIZE), lender.open('dax0.0', SIZE)]
    mark(a)
    expect([lender.named, b.window(0)[0], lender.notes()]).toEqual([false, 0, []])
  })
})

describe.skipIf(!native)('file:PATH', () => {
  it('is the first device; the others lie beside it; each is kept, and the same in every world', () => {
    const dir = folder()
    const lender = new Lender(`file:${join(dir, 'a:b,c')}`)
    for (let world = 0; world < 2; world++) {
      const both = ['dax0.0', 'dax1.0'].map(name => lender.open(name, SIZE))
      for (const b of both) {
        expect([b.kind, b.window(0)[0]]).toEqual(['file', 0])
        mark(b)
      }
      for (const b of both) b.close()
    }
    expect(readdirSync(dir).sort()).toEqual(['a:b,c', 'a:b,c.dax1.0'])
    for (const f of readdirSync(dir)) expect(readFileSync(join(dir, f))[0]).toBe(1)
    expect(lender.notes()).toEqual([
      `dax0.0 lies on ${join(dir, 'a:b,c')}, kept on close, the first 4 MiB`,
      `dax1.0 lies on ${join(dir, 'a:b,c.dax1.0')}, kept on close, the first 4 MiB`,
    ])
  })

  it('serves one world; a second one at the same time lies on memory', () => {
    const lender = new Lender(`file:${join(folder(), 'x')}`)
    const first = lender.open('dax0.0', SIZE)
    const second = lender.open('dax0.0', SIZE)
    expect([first.kind, second.kind === 'file']).toEqual(['file', false])
    first.close()
    second.close()
    const third = lender.open('dax0.0', SIZE)
    expect(third.kind).toBe('file')
    third.close()
  })

  it('what an earlier command left is refused without --overwrite, and gone with it', () => {
    const path = join(folder(), 'x')
    const world = buildWorld(
      scenario('leaves a famfs', ({ world: w }) => {
        w.host('h0').famfs('/mnt/famfs', { mkfs: w.daxdev('dax0.0', { size: GiB(4) }) })
      }),
      { backing: new Lender(`file:${path}`) },
    )
    world.close()
    expect(refusal(() => new Lender(`file:${path}`).open('dax0.0', GiB(4)))).toMatch(
      /^file backing \S+: holds a famfs \(\S{36}\); add --overwrite to lose it$/,
    )
    const again = new Lender(`file:${path}`, { overwrite: true }).open('dax0.0', GiB(4))
    expect(
      again
        .window(0)
        .subarray(0, 4096)
        .every(byte => byte === 0),
    ).toBe(true)
    again.close()
  })
})

describe.skipIf(!native)('bad geometry', () => {
  it.each([
    ['size 0', { size: 0 }],
    ['an align that does not divide the size', { size: MiB(4), align: GiB(1) }],
    ['ranges that are less than the size', { size: MiB(4), ranges: [{ start: 0, len: MiB(2) }] }],
  ])('%s: refused, and nothing stays open', (_name, o) => {
    const world = new World()
    const before = readdirSync('/proc/self/fd').length
    expect(() => world.daxdev('dax0.0', o)).toThrow(UsageError)
    expect(readdirSync('/proc/self/fd').length).toBe(before)
    world.close()
  })
})

describe.skipIf(!native)('dax:', () => {
  const devices = { 'dax0.0': { size: MiB(8) }, 'dax1.0': { size: MiB(8) } }
  const lend = (m: FakeMachine, want: string, o: LendOptions = {}): Lender =>
    new Lender(want, { allowRealDevice: true, places: m.places, ...o })

  it('takes a list, one for each device of the scenario, and says when there are more', () => {
    const m = machine(devices)
    const nodes = [m.node('dax1.0'), m.node('dax0.0')]
    const lender = lend(m, `dax:${nodes.join(',')}`)
    const both = ['x', 'y'].map(name => lender.open(name, SIZE))
    expect(lender.notes()).toEqual([
      `x lies on ${nodes[0]}, 8 MiB, the first 4 MiB`,
      `y lies on ${nodes[1]}, 8 MiB, the first 4 MiB`,
    ])
    expect(refusal(() => lender.open('z', SIZE))).toMatch(/device number 3, z, has none; name one for each: dax:\S+$/)
    for (const b of both) b.close()
  })

  it('a smaller one is refused', () => {
    const m = machine(devices)
    expect(refusal(() => lend(m, `dax:${m.node('dax0.0')}`).open('x', MiB(16)))).toContain('smaller than the 16 MiB')
  })
})

describe.skipIf(!native)('auto', () => {
  const lend = (m: FakeMachine, o: LendOptions = {}): Lender => new Lender('auto', { places: m.places, ...o })
  const idle = (): FakeMachine => {
    const m = machine({
      'dax0.0': { size: MiB(8), driver: 'kmem' },
      'dax1.0': { size: MiB(2) },
      'dax2.0': { size: MiB(8) },
      'dax3.0': { size: MiB(8) },
      'dax4.0': { size: MiB(8) },
    })
    m.process(5, 'fio', 'opens', 'dax2.0')
    const held = m.node('dax3.0')
    writeFileSync(held, 'data')
    truncateSync(held, MiB(8))
    return m
  }

  it('takes no real device without leave', () => {
    const backing = lend(idle()).open('x', SIZE)
    expect(backing.kind).not.toBe('dax')
    backing.close()
  })

  it('takes the first idle one with leave: in its mode, large enough, unused, empty; also when forced', () => {
    for (const force of [false, true]) {
      const m = idle()
      const lender = lend(m, { allowRealDevice: true, force })
      for (let world = 0; world < 2; world++) {
        const backing = lender.open('x', SIZE)
        expect([backing.kind, backing.why]).toEqual(['dax', `${m.node('dax4.0')}, 8 MiB`])
        mark(backing)
        const other = lender.open('y', SIZE)
        expect(other.kind).not.toBe('dax')
        for (const why of ['in mode system-ram', 'smaller than', 'in use: process 5', 'holds data (at 0)'])
          if (world === 0) expect(other.why).toContain(why)
        other.close()
        backing.close()
      }
    }
  })

  it('without any falls back to memory', () => {
    const backing = lend(machine({}), { allowRealDevice: true }).open('x', SIZE)
    expect(backing.kind).not.toBe('dax')
    backing.close()
  })
})

describe.skipIf(!native)('the trace', () => {
  const small = scenario('writes and reads', ({ world }) => {
    world.daxdev('dax0.0', { size: MiB(16) })
    world.host('h0').app('a', function* (sys) {
      const old = new Uint8Array(MiB(2))
      yield* sys.tool_read('/dev/dax0.0', MiB(14), old)
      world.say(`sum ${old.reduce((a, b) => a + b)}`)
      yield* sys.tool_write('/dev/dax0.0', MiB(15), new Uint8Array(5000).fill(7))
      yield* sys.tool_read('/dev/dax0.0', MiB(15), old.subarray(0, 6000))
      world.say(`sum ${old.reduce((a, b) => a + b)}`)
    })
  })
  const digest = (backing: Lender): string => {
    const r = runScenario(small, new RandomChooser(5), { seed: 5, backing })
    expect(r.verdict).toBe('held')
    return r.digest
  }

  it('is the same on each, whatever lay there before and however large it is', () => {
    const m = machine({ 'dax0.0': { size: MiB(16) }, 'dax1.0': { size: MiB(24) } })
    const path = join(folder(), 'old')
    for (const file of [path, m.node('dax0.0'), m.node('dax1.0')])
      writeFileSync(file, Buffer.alloc(file === m.node('dax0.0') ? MiB(16) : MiB(24), 0xa5))
    const o = { places: m.places, allowRealDevice: true, overwrite: true }
    const dax = new Lender(`dax:${m.node('dax1.0')}`, o)
    const digests = [
      new Lender('memfd'),
      new Lender('arraybuffer'),
      new Lender(`file:${path}`, { overwrite: true }),
      dax,
      dax,
      new Lender('auto', o),
    ].map(digest)
    expect(new Set(digests)).toEqual(new Set([digests[0]]))
    expect([statSync(path).size, readFileSync(path)[MiB(20)]]).toEqual([MiB(24), 0xa5])
    expect(existsSync(`${path}.dax0.0`)).toBe(false)
  })

  it('a search on a file finds what one on memory finds, and its run file knows of no backing', () => {
    const fails = scenario('reads what another writes', ({ world }) => {
      world.daxdev('dax0.0', { size: MiB(4) })
      const host = world.host('h0')
      host.app('writer', function* (sys) {
        yield* sys.tool_write('/dev/dax0.0', 0, new Uint8Array(1).fill(1))
      })
      host.app('reader', function* (sys) {
        const b = new Uint8Array(1)
        yield* sys.tool_read('/dev/dax0.0', 0, b)
        world.expect('byte 0', b[0], 1)
      })
    })
    const setting = { seed: 1, kernel: null, switches: {}, policy: 'free', strategy: 'random' } as const
    const path = join(folder(), 'searched')
    const files = [new Lender(`file:${path}`), new Lender('arraybuffer')].map(backing => {
      const { failure } = search(fails, { ...setting, backing })
      expect(failure).toMatchObject({ reproduces: true })
      const file = makeRunFile({ ...setting, backing, scenario: 's', title: 't', command: 'c' }, failure!.run)
      expect(replay(fails, { ...file, backing })).toMatchObject({ difference: null })
      return printRunFile(file)
    })
    expect(files[0]).toBe(files[1])
    expect(files[0]).not.toContain('searched')
    expect(statSync(path).size).toBe(MiB(4))
  })

  it("a device's own bad pages are poison before anybody looks, and go with no rewind", () => {
    const sector = (2 ** 32 + MiB(10) - REGION_START) / 512
    const m = machine({ 'dax0.0': { size: MiB(16), badblocks: `${sector} 8\n` } })
    const lender = new Lender(`dax:${m.node('dax0.0')}`, { places: m.places, allowRealDevice: true })
    const seen: number[] = []
    const world = buildWorld(
      scenario('looks', ({ world: w }) => {
        const d = w.daxdev('dax0.0', { size: MiB(16) })
        seen.push(d.poison.count)
        w.host('h0').app('a', function* (sys) {
          yield* sys.stat('/')
          seen.push(d.poison.count)
          d.poison.add(5)
        })
      }),
      { backing: lender },
    )
    for (let i = 0; i < 2; i++) world.run()
    expect(seen).toEqual([1, 1, 1])
    expect(world.memory('dax0.0')!.poison.has(MiB(10), 1)).toBe(true)
    world.close()
  })
})
