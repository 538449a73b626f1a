// What hosts meet when bytes are really lost, the way to the memory times out, or power fails.
import { describe, expect, it } from 'vitest'
import type { Chooser } from '../../src/sim/index.ts'
import { defaultChooser } from '../../src/sim/index.ts'
import {
  accessTimeout,
  after,
  at,
  clearPoison,
  crashHost,
  delay,
  EHWPOISON,
  EINVAL,
  EIO,
  ENXIO,
  type Fault,
  type Fs,
  GiB,
  type Host,
  MAP_PRIVATE,
  MAP_SHARED,
  MiB,
  ms,
  O_RDWR,
  PROT_READ,
  PROT_WRITE,
  patrol,
  poison,
  powerLoss,
  type RunResult,
  runScenario,
  type Step,
  type Sys,
  scenario,
  us,
  type World,
  type WorldOptions,
} from '../../src/world/index.ts'

const EFAULT = 14
const hardware = (offset: number, len = 64) => poison('dax0.0', offset, { how: 'hardware', len })

/** Two hosts on one memory, `/x` of 4 MiB on both, full of 7; the apps of `body`. */
function run(
  body: (w: { world: World; h0: Host; h1: Host; x: number }) => void,
  o: WorldOptions = {},
  chooser: Chooser = defaultChooser,
): RunResult {
  const s = scenario('ras', ({ world }) => {
    const dev = world.daxdev('dax0.0', { size: GiB(4) })
    const h0 = world.host('h0')
    const h1 = world.host('h1')
    const fs: Fs = h0.famfs('/mnt', { mkfs: dev })
    fs.creat('/x', MiB(4))
    fs.creat('/y', MiB(4))
    h1.famfs('/mnt', { mount: dev })
    const map = fs.fmap('/x')
    const x = map.kind === 'simple' ? map.extents[0]!.offset : -1
    dev.memory.fill(x, MiB(4), 7)
    body({ world, h0, h1, x })
  })
  return runScenario(s, chooser, o)
}
const texts = (r: RunResult): string[] => r.problems.map(p => `${p.kind}: ${p.text}`)

/** Map /x, wait until the fault is over, load at these places: 'ok' or the si_code. */
function* loads(sys: Sys, places: readonly number[], flags = MAP_SHARED): Step<string[]> {
  const fd = yield* sys.open('/mnt/x', O_RDWR)
  const map = yield* sys.mmap(0, MiB(4), PROT_READ | PROT_WRITE, flags, fd)
  yield* sys.load(map, new Uint8Array(1))
  yield* sys.sleep(ms(1))
  const out: string[] = []
  for (const p of places) {
    const sig = yield* sys.load_or_signal(map + p, new Uint8Array(8))
    out.push(sig === null ? 'ok' : `${sig.si_code} +0x${(sig.si_addr - map).toString(16)} ${sig.si_addr_lsb ?? ''}`)
  }
  return out
}

describe('a lost line', () => {
  it('read(2) stops before it, gives EFAULT at it, and tells nobody: the device stays in use', () => {
    const got: number[] = []
    const r = run(({ world, h0, x }) => {
      const bad = world.fault(at(0), hardware(x + 8192))
      h0.app('reader', function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        yield* bad.wait()
        const buf = new Uint8Array(16384)
        for (const off of [0, 8192, 8192 + 63, 8192 + 64]) got.push(yield* sys.pread(fd, buf, off))
      })
    })
    expect(got).toEqual([8192, -EFAULT, -EFAULT, 16384])
    expect(r.problems).toEqual([])
  })
  it('a write of the whole line heals it, of a part does not, and neither is stopped', () => {
    const got: number[] = []
    run(({ world, h0, x }) => {
      const bad = world.fault(at(0), hardware(x + 64, 128))
      h0.app('writer', function* (sys) {
        const fd = yield* sys.open('/mnt/x', O_RDWR)
        yield* bad.wait()
        got.push(yield* sys.pwrite(fd, new Uint8Array(65), 64))
        got.push(yield* sys.pread(fd, new Uint8Array(64), 64), yield* sys.pread(fd, new Uint8Array(64), 128))
      })
    })
    expect(got).toEqual([65, 64, -EFAULT])
  })
  it('a load through a mapping of famfs: told, famfs counts it as dealt with, and the machine check comes again (L02)', () => {
    const got: number[] = []
    const r = run(({ world, h0, x }) => {
      world.fault(at(us(100)), hardware(x + 8192))
      h0.app('mapper', function* (sys) {
        yield* loads(sys, [0, 8192])
      })
      h0.app('other', function* (sys) {
        const fd = yield* sys.open('/mnt/y')
        yield* sys.sleep(ms(5))
        got.push(yield* sys.pread(fd, 8, 0))
      })
    })
    expect(texts(r)).toHaveLength(1)
    expect(texts(r)[0]).toMatch(/^machine check storm: h0\/mapper takes the machine check of its load at .*\(L02\)$/)
    expect(got).toEqual([-EHWPOISON])
  })
  it('the same without L02: SIGBUS/BUS_MCEERR_AR with the address of the mapping, and h1 is not told', () => {
    let seen: string[] = []
    let far = 0
    const r = run(
      ({ world, h0, h1, x }) => {
        world.fault(at(us(100)), hardware(x + 8192))
        h0.app('mapper', function* (sys) {
          seen = yield* loads(sys, [0, 8192, 0])
        })
        h1.app('reader', function* (sys) {
          const fd = yield* sys.open('/mnt/x')
          yield* sys.sleep(ms(5))
          far = yield* sys.pread(fd, 8, 0)
        })
      },
      { switches: { noDefect: ['L02'] } },
    )
    expect(texts(r)).toEqual([])
    expect([seen, far]).toEqual([['ok', 'BUS_MCEERR_AR +0x0 21', 'BUS_ADRERR +0x0 '], 8])
  })
  it('a private store copies the page in the kernel, which has no way back: the host is down', () => {
    const r = run(({ world, h0, x }) => {
      const bad = world.fault(at(0), hardware(x + 8192))
      h0.app('mapper', function* (sys) {
        const fd = yield* sys.open('/mnt/x', O_RDWR)
        const map = yield* sys.mmap(0, MiB(4), PROT_READ | PROT_WRITE, MAP_PRIVATE, fd)
        yield* bad.wait()
        yield* sys.store(map + 8192, new Uint8Array(8))
      })
    })
    expect(texts(r)).toEqual([expect.stringMatching(/^panic: machine check while dax0\.0 at 0x\w+ is copied$/)])
  })
})

describe('patrol', () => {
  /** Who learnt, when the choice is taken by this label's end. */
  const learnt = (end: string, named?: readonly string[]): string[] => {
    const out: string[] = []
    const chooser: Chooser = {
      choose: (kind, options) => (kind === 'poison' ? options.findIndex(o => o.label.endsWith(end)) : 0),
    }
    const r = run(
      ({ world, h0, h1, x }) => {
        world.fault(at(0), hardware(x))
        const found = world.fault(at(us(50)), patrol('dax0.0', named === undefined ? {} : { hosts: named }))
        for (const h of [h0, h1])
          h.app('reader', function* (sys) {
            const fd = yield* sys.open('/mnt/y')
            yield* found.wait()
            if ((yield* sys.pread(fd, 8, 0)) === -EHWPOISON) out.push(h.name)
          })
      },
      {},
      chooser,
    )
    expect(texts(r)).toEqual([])
    return out.sort()
  }
  it.each([
    ['nobody', []],
    ['h0+h1', ['h0', 'h1']],
    [': h0', ['h0']],
    [': h1', ['h1']],
  ])('%s', (end, want) => expect(learnt(end)).toEqual(want))
  it('named hosts are no choice', () => expect(learnt('no such option', ['h1'])).toEqual(['h1']))
})

it("timeouts: what is not in that host's cache waits, fails and marks the device there; the other host goes on", () => {
  const got: unknown[] = []
  const r = run(
    ({ world, h0, h1 }) => {
      const slow = world.fault(at(us(100)), accessTimeout('dax0.0', { ns: ms(10), hosts: ['h0'] }))
      h0.app('mapper', function* (sys) {
        got.push(yield* loads(sys, [0, 4096]))
      })
      h1.app('reader', function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        yield* slow.wait()
        const before = world.m.clock()
        got.push([yield* sys.pread(fd, 8, 0), world.m.clock() - before < ms(1)])
      })
    },
    { switches: { noDefect: ['L02'] } },
  )
  expect(texts(r)).toEqual([])
  expect(got).toEqual([
    [8, true],
    ['ok', 'BUS_MCEERR_AR +0x0 21'],
  ])
  expect(r.now_ns).toBeGreaterThan(ms(10))
})
it('timeouts end: reads fail while they last', () => {
  const got: number[] = []
  run(({ world, h0 }) => {
    const slow = world.fault(at(us(100)), accessTimeout('dax0.0', { ns: us(10) }))
    const good = world.fault(after('again says'), accessTimeout('dax0.0', { ns: 0 }))
    h0.app('reader', function* (sys) {
      const fd = yield* sys.open('/mnt/x')
      yield* slow.wait()
      got.push(yield* sys.pread(fd, 8, 0))
      world.say('again')
      yield* good.wait()
      got.push(yield* sys.pread(fd, 8, 0))
    })
  })
  expect(got).toEqual([-EFAULT, 8])
})

describe('clearing', () => {
  it('gives zeros where it was lost and leaves the rest; what a host was told stays', () => {
    const got: unknown[] = []
    let told = 0
    run(({ world, h0, h1, x }) => {
      const bad = world.fault(at(0), poison('dax0.0', x, { how: 'hardware', len: 64, hosts: ['h0'] }))
      const cleared = world.fault(after('clear says'), clearPoison('dax0.0', x, 4096))
      h1.app('reader', function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        yield* bad.wait()
        got.push(yield* sys.pread(fd, 8, 0))
        world.say('clear')
        yield* cleared.wait()
        const buf = new Uint8Array(66)
        got.push(yield* sys.pread(fd, buf, 0), [...buf.subarray(62)])
      })
      h0.app('refused', function* (sys) {
        const fd = yield* sys.open('/mnt/y')
        yield* cleared.wait()
        told = yield* sys.pread(fd, 8, 0)
      })
    })
    expect(got).toEqual([-EFAULT, 66, [0, 0, 7, 7]])
    expect(told).toBe(-EHWPOISON)
  })
  it('by a tool, and what that refuses', () => {
    const got: number[] = []
    run(({ world, h0, x }) => {
      const bad = world.fault(at(0), hardware(x))
      h0.app('admin', function* (sys) {
        yield* bad.wait()
        for (const [dev, off, len] of [
          ['dax0.0', x, 64],
          ['dax0.0', x + 1, 64],
          ['dax0.0', x, 0],
          ['dax0.0', GiB(4), 64],
          ['dax9.9', 0, 64],
        ] as const)
          got.push(yield* sys.clear_poison(dev, off, len))
        const fd = yield* sys.open('/mnt/x')
        got.push(yield* sys.pread(fd, 64, 0))
      })
    })
    expect(got).toEqual([0, -EINVAL, -EINVAL, -EINVAL, -ENXIO, 64])
  })
})

describe('power', () => {
  it('a memory without it has lost everything: every host finds out by itself; what is written whole is good again', () => {
    const got: number[] = []
    run(({ world, h0, h1 }) => {
      const dark = world.fault(at(us(100)), powerLoss('dax0.0'))
      for (const h of [h0, h1])
        h.app('user', function* (sys) {
          const fd = yield* sys.open('/mnt/x', O_RDWR)
          yield* dark.wait()
          got.push(yield* sys.pread(fd, 8, 0))
          if (h === h0) got.push(yield* sys.pwrite(fd, new Uint8Array(128), 64), yield* sys.pread(fd, 128, 64))
          got.push(yield* sys.tool_read('dax0.0', GiB(1), new Uint8Array(64)))
        })
    })
    expect(got.filter(n => n === -EFAULT)).toHaveLength(2)
    expect(got.filter(n => n === -EIO)).toHaveLength(2)
    expect(got.filter(n => n === 128)).toHaveLength(2)
  })
  it('a host without it stops where it is; what its cache held is lost, what reached the memory stays, the other host goes on', () => {
    const got: unknown[] = []
    const r = run(({ world, h0, h1 }) => {
      const gone = world.fault(after('crash says'), crashHost('h0'))
      const never = world.gate('never')
      const h0app = h0.app('victim', function* (sys) {
        const fd = yield* sys.open('/mnt/x', O_RDWR)
        const map = yield* sys.mmap(0, MiB(4), PROT_READ | PROT_WRITE, MAP_SHARED, fd)
        for (const off of [0, 64]) yield* sys.store(map + off, Uint8Array.of(42))
        yield* sys.clflush(map, 64)
        world.say('crash')
        yield* never.wait()
        got.push('lived')
      })
      h1.app('other', function* (sys) {
        const fd = yield* sys.open('/mnt/x')
        yield* gone.wait()
        const b = new Uint8Array(65)
        yield* sys.pread(fd, b, 0)
        got.push(b[0], b[64], h0app.end())
        yield* sys.sleep(ms(1))
      })
    })
    expect(texts(r)).toEqual([])
    expect(got).toEqual([42, 7, undefined])
  })
  it('a crashed host hears of nothing any more', () => {
    const r = run(({ world, x }) => {
      world.fault(at(0), crashHost('h0'))
      world.fault(at(us(10)), poison('dax0.0', x))
    })
    expect([r.verdict, texts(r), r.neverFired]).toEqual(['held', [], []])
  })
})

it.each<[string, Fault['action'], RegExp]>([
  [
    'a range that ends outside',
    hardware(GiB(4) - 64, 128),
    /len 128 at \d+: expected bytes from 1 that lie in dax0\.0/,
  ],
  ['no bytes', hardware(0, 0), /len 0 at 0/],
  ['a time below 0', accessTimeout('dax0.0', { ns: -1 }), /accessTimeout: ns -1: expected a whole number from 0/],
  ['a host that is not there', crashHost('h9'), /no host 'h9'/],
  ['a device that is not there', powerLoss('dax9.9'), /no device 'dax9\.9'/],
  ['a patrol for a host that is not there', patrol('dax0.0', { hosts: ['h9'] }), /no host 'h9'/],
  [
    'a delay of nobody',
    delay(us(1)),
    /it is the task of an event that is delayed; expected after\(label\), not at\(ns\)/,
  ],
])('refuses %s', (_name, action, want) => {
  expect(() => run(({ world }) => void world.fault(at(0), action))).toThrow(want)
})

describe('a delay', () => {
  /** The order of two tasks, of which the first is away for so long when it says `now`. */
  const order = (ns: number | null): string => {
    const out: string[] = []
    run(({ world, h0 }) => {
      if (ns !== null) world.fault(after('now says'), delay(ns))
      h0.app('first', function* (sys) {
        world.say('now')
        yield* sys.sleep(us(10))
        yield* sys.stat('/mnt')
        out.push('first')
      })
      h0.app('second', function* (sys) {
        yield* sys.sleep(us(500))
        yield* sys.stat('/mnt')
        out.push('second')
      })
    })
    return out.join(' ')
  }
  it('lets others get into the gap, if it is long enough', () => {
    expect([order(null), order(us(1)), order(ms(1))]).toEqual(['first second', 'first second', 'second first'])
  })
  it('of no time is refused', () => expect(() => order(0)).toThrow(/delay: ns 0: expected a whole number from 1/))
})
