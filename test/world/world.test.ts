// The scenario API: set-up, properties, the standing invariant, and what it refuses.
import { describe, expect, it } from 'vitest'
import { RandomChooser } from '../../src/explore/index.ts'
import { fabric_read } from '../../src/fabric/index.ts'
import { defaultChooser, Mutex, mutex_lock, mutex_unlock, type Step } from '../../src/sim/index.ts'
import { buildWorld, GiB, MiB, runScenario, type Scenario, scenario } from '../../src/world/index.ts'

const withFile = (extra: (w: any, h: any, fs: any, dev: any) => void): Scenario =>
  scenario('t', ({ world }) => {
    const dev = world.daxdev('dax0.0', { size: GiB(4) })
    const h0 = world.host('h0')
    const fs = h0.famfs('/mnt', { mkfs: dev })
    fs.creat('/x', MiB(4))
    extra(world, h0, fs, dev)
  })

const reader = (h: any) =>
  h.app('a', function* (sys: any) {
    const fd = yield* sys.open('/mnt/x')
    yield* sys.pread(fd, 8, 0)
  })

describe('properties', () => {
  it('always: a property that breaks fails the run, once', () => {
    const s = withFile((w, h) => {
      reader(h)
      w.always('nobody opens', () => w.count('OPEN') === 0)
    })
    const r = runScenario(s, defaultChooser)
    expect(r.verdict).toBe('failed')
    expect(r.problems.map(p => p.text)).toEqual(['always: nobody opens'])
  })
  it('sometimes: reported when never reached', () => {
    const s = withFile((w, h) => {
      reader(h)
      w.sometimes('an open', () => w.count('FUSE_OPEN') > 0)
      w.sometimes('a destroy', () => w.count('DESTROY') > 0)
    })
    const w = buildWorld(s)
    expect(w.run().verdict).toBe('held')
    expect(w.unreached()).toEqual(['a destroy'])
    w.close()
  })
  it('eventually: judged at the end', () => {
    const make = (want: number) =>
      withFile((w, h) => {
        reader(h)
        w.eventually('released', () => w.count('RELEASE') >= want)
      })
    expect(runScenario(make(1), defaultChooser).verdict).toBe('held')
    expect(runScenario(make(99), defaultChooser).verdict).toBe('failed')
  })
})

describe('the standing invariant', () => {
  it('canary: a kernel thread that reads the superblock trips it', () => {
    const s = withFile((w, h, _fs, dev) => {
      w.addApp({
        name: 'kernel reads',
        start: () => {
          h.k.kthread('scrubber', function* () {
            yield* fabric_read(dev, 0, new Uint8Array(200), 'read')
          })
        },
      })
    })
    const r = runScenario(s, defaultChooser)
    expect(r.verdict).toBe('failed')
    expect(r.problems[0]).toMatchObject({ kind: 'cause' })
    expect(r.problems[0]!.text).toContain('h0/scrubber touches dax0.0 at 0x0')
  })
})

describe('set-up', () => {
  it('several files and directories; a client sees them after log play', () => {
    const s = scenario('t', ({ world }) => {
      const dev = world.daxdev('dax0.0', { size: GiB(4) })
      const h0 = world.host('h0')
      const h1 = world.host('h1')
      const fs0 = h0.famfs('/mnt/a', { mkfs: dev })
      fs0.mkdir('/d')
      fs0.creat('/d/one', 5000)
      const fs1 = h1.famfs('/mnt/b', { mount: dev })
      expect([fs1.play.newFiles, fs1.play.newDirs]).toEqual([1, 1])
      fs0.creat('/d/two', 5000)
      const again = fs1.logplay()
      expect([again.entries, again.newFiles, again.newDirs]).toEqual([3, 1, 0])
      expect(fs1.fmap('/d/two')).toEqual(fs0.fmap('/d/two'))
      h1.app('ls', function* (sys) {
        const st = yield* sys.stat('/mnt/b/d/two')
        world.expect('size', typeof st === 'number' ? st : st.size, 5000)
      })
    })
    expect(runScenario(s, new RandomChooser(1)).problems).toEqual([])
  })
  it.each([
    [
      'creat on a client',
      (w: any, _h: any, _fs: any, dev: any) => w.host('h1').famfs('/mnt', { mount: dev }).creat('/y', 4096),
      /not the owner/,
    ],
    ['creat of what exists', (_w: any, _h: any, fs: any) => fs.creat('/x', 4096), /\/x: exists and has another size/],
    [
      'creat without its directory',
      (_w: any, _h: any, fs: any) => fs.creat('/no/y', 4096),
      /neither it nor its directory is there/,
    ],
    ['creat beyond the device', (_w: any, _h: any, fs: any) => fs.creat('/y', GiB(5)), /no room/],
    [
      'mkfs over a file system',
      (w: any, _h: any, _fs: any, dev: any) => w.host('h1').famfs('/m2', { mkfs: dev }),
      /owned by another host/,
    ],
    ['a second device of one name', (w: any) => w.daxdev('dax0.0', { size: MiB(2) }), /there is one of that name/],
    ['a second host of one name', (w: any) => w.host('h0'), /there is one of that name/],
    ['size 0', (w: any) => w.daxdev('dax1.0', { size: 0 }), /multiple of 2 MiB/],
    ['negative size', (w: any) => w.daxdev('dax1.0', { size: -MiB(2) }), /multiple of 2 MiB/],
  ])('refuses %s', (_n, extra, want) => {
    expect(() => buildWorld(withFile(extra as any))).toThrow(want)
  })
  it('refuses set-up calls from applications', () => {
    const s = withFile((w, h) => {
      h.app('a', function* () {
        w.host('h9')
      })
    })
    const w = buildWorld(s)
    expect(() => w.run()).toThrow(/set-up is over/)
    w.close()
  })
  it('strips lie in different buckets', () => {
    const s = withFile((_w, _h, fs) => {
      fs.creat('/s', MiB(64), { interleave: { nbuckets: 4, nstrips: 4, chunkSize: MiB(2) } })
      const strips = fs.fmap('/s').strips as { offset: number }[]
      expect(new Set(strips.map(x => Math.floor(x.offset / GiB(1)))).size).toBe(4)
    })
    buildWorld(s).close()
  })
})

describe('lock order', () => {
  const inverted = withFile((w, h) => {
    const [a, b] = [new Mutex(w.m, 'a'), new Mutex(w.m, 'b')]
    h.app('one', function* (): Step<void> {
      for (const [x, y] of [
        [a, b],
        [b, a],
      ] as const) {
        yield* mutex_lock(x)
        yield* mutex_lock(y)
        yield* mutex_unlock(y)
        yield* mutex_unlock(x)
      }
    })
  })
  it('is watched in every world, though nobody met anybody', () => {
    const r = runScenario(inverted, defaultChooser)
    expect([r.verdict, r.problems.map(p => p.kind)]).toEqual(['failed', ['lock order']])
  })
  it('is not when the world says so', () => {
    expect(runScenario(inverted, defaultChooser, { lockdep: false }).verdict).toBe('held')
  })
})

describe('deadlock', () => {
  it('two applications that wait for each other are named', () => {
    const s = withFile((w, h) => {
      const a = w.gate('a')
      h.app('x', function* () {
        yield* a.wait()
      })
    })
    const r = runScenario(s, defaultChooser)
    expect(r.verdict).toBe('deadlock')
    expect(r.problems[0]!.text).toContain('h0/x waits for a')
  })
})
