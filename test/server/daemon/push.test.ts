// The daemon and its devices: pushed in order and once, tried again when it failed (kernel.md 1.9), asked for by index; and
// maps that are larger than the kernel's buffer.
import { describe, expect, it } from 'vitest'
import { Lender } from '../../../src/devdax/index.ts'
import { PctChooser } from '../../../src/explore/index.ts'
import { Pusher, push_daxdevs } from '../../../src/server/daemon/push.ts'
import { kfn, Machine, MiB, type Step, step } from '../../../src/sim/index.ts'
import { buildWorld, GiB, scenario, type World } from '../../../src/world/index.ts'

const PATHS = ['/dev/dax0.0', '/dev/dax1.0', '/dev/dax2.0']

describe('pushing', () => {
  /** Call `push_daxdevs` for each need, one task each; what was pushed, with what each push answered. */
  const pushes = (needs: number[], answer: (index: number, nth: number) => number, o: { zeroFails?: boolean } = {}) => {
    const m = new Machine({ policy: 'free' })
    const log: [number, number][] = []
    const push = kfn('push', function* (_path: string, index: number): Step<number> {
      yield* step()
      const rc = answer(index, log.filter(l => l[0] === index).length)
      log.push([index, rc])
      yield* step()
      return rc
    })
    const path_of = kfn('paths that are known', function* (index: number): Step<string | null> {
      return PATHS[index] ?? null
    })
    const p = new Pusher(m, path_of, push, o.zeroFails ?? false)
    const one = (need: number) =>
      (function* (): Step<void> {
        yield* push_daxdevs(p, need)
      })()
    return { m, log, one, needs, p }
  }
  const inTurn = (r: ReturnType<typeof pushes>): [number, number][] => {
    for (const need of r.needs) {
      r.m.spawn('lookup', r.one(need))
      expect(r.m.run()).toBe('held')
    }
    return r.log
  }
  it('every index up to the highest that a map names, in order, once', () => {
    expect(inTurn(pushes([1, 3, 3, 2], () => 0))).toEqual([
      [0, 0],
      [1, 0],
      [2, 0],
    ])
  })
  it('no further than the paths it has', () => {
    expect(inTurn(pushes([9], () => 0)).map(l => l[0])).toEqual([0, 1, 2])
  })
  it('a failure keeps nobody from the next device, and is tried again with what came after it', () => {
    const log = inTurn(pushes([3, 3, 3], (index, nth) => (index === 1 && nth === 0 ? -16 : 0)))
    expect(log).toEqual([
      [0, 0],
      [1, -16],
      [2, 0],
      [1, 0],
      [2, 0],
    ])
  })
  it('B54: a 0 is taken for a failure, so every look-up pushes all again', () => {
    const log = inTurn(pushes([2, 2], () => 0, { zeroFails: true }))
    expect(log.map(l => l[0])).toEqual([0, 1, 0, 1])
  })
  it('several workers push each device once: the lock is held from looking to having pushed', () => {
    const orders = new Set<string>()
    for (let seed = 1; seed <= 50; seed++) {
      const r = pushes([3, 3, 2], () => 0)
      r.needs.forEach((need, i) => {
        r.m.spawn(`worker${i}`, r.one(need))
      })
      expect(r.m.run(new PctChooser(seed, 2))).toBe('held')
      orders.add(JSON.stringify(r.log.map(l => l[0])))
    }
    expect([...orders]).toEqual(['[0,1,2]'])
  })
})

describe('B54 in a whole system', () => {
  const s = scenario('two files are opened', ({ world }) => {
    const h0 = world.host('h0')
    const fs = h0.famfs('/mnt', { mkfs: world.daxdev('dax0.0', { size: GiB(4) }) })
    fs.creat('/a', MiB(2))
    fs.creat('/b', MiB(2))
    h0.app('a', function* (sys) {
      for (const name of ['a', 'b']) {
        const fd = yield* sys.open(`/mnt/${name}`)
        world.expect(`read of /${name}`, yield* sys.pread(fd, 8, 0), 8)
      }
    })
  })
  const pushed = (defect: string[]): number => {
    let n = 0
    const w: World = buildWorld(s, {
      kernel: 'new',
      switches: { defect },
      backing: new Lender('arraybuffer'),
      sink: e => {
        if (e.kind.name === 'pushed') n++
      },
    })
    const r = w.run()
    w.close()
    expect(r.problems).toEqual([])
    return n
  }
  it('the files are read all the same; only the pushes are more', () => {
    // One for the dummy mount of mkfs, one for the mount.
    expect(pushed([])).toBe(2)
    expect(pushed(['B54'])).toBeGreaterThan(4)
  })
})
