// The holder protocol and address translation of the DAX core (kernel.md 2.7), and the bus below it.
import { describe, expect, it } from 'vitest'
import {
  DAX_MAJOR,
  DaxBus,
  type DaxDriver,
  type DaxMemory,
  type dax_device,
  dax_direct_access,
  dax_holder,
  dax_holder_notify_failure,
  type dax_holder_operations,
  device_driver_attach,
  device_driver_detach,
  fs_dax_get,
  fs_put_dax,
  MAJOR,
  Memory,
  type MemoryOptions,
  MINOR,
  MKDEV,
  make_memory,
  openArrayBuffer,
  put_dax,
} from '../../src/devdax/index.ts'
import { type DefectSwitches, kernelProfile } from '../../src/profile/index.ts'
import { GiB, Heap, kfn, Machine, MiB, type Step } from '../../src/sim/index.ts'
import { errnoName } from '../../src/wire/index.ts'

const E = (n: number): number | string => (n < 0 ? errnoName(-n) : n)

const world = (driver: DaxDriver = 'fsdev_dax', dax?: string, o: MemoryOptions = {}, s: DefectSwitches = {}) => {
  const m = new Machine()
  const bus = new DaxBus(m, 'h0', kernelProfile('v10', s, dax), new Heap(m, 'h0'))
  const mem = (name: string): DaxMemory => make_memory(m, name, new Memory(openArrayBuffer(MiB(8))), o)
  const dev = bus.attach(mem('dax0.0'), driver)
  const run = <T>(body: () => Step<T>): T => {
    const t = m.spawn('test', body())
    expect(m.run()).toBe('held')
    return t.value as T
  }
  return { m, bus, dev, d: dev.dax_dev, mem, run }
}
const ops = (heard: unknown[]): dax_holder_operations => ({
  notify_failure: kfn('notify', function* (_d: dax_device, off: number, len: number, flags: number): Step<number> {
    heard.push([off, len, flags])
    return 0
  }),
})

describe('bus', () => {
  it('numbers its devices, and finds them by name', () => {
    const { bus, d, mem } = world()
    const second = bus.attach(mem('dax1.0'), null)
    expect([d.devno, second.dax_dev.devno]).toEqual([MKDEV(DAX_MAJOR, 0), MKDEV(DAX_MAJOR, 1)])
    expect([MAJOR(d.devno), MINOR(second.dax_dev.devno)]).toEqual([DAX_MAJOR, 1])
    expect(bus.byName('dax1.0')).toBe(second)
    expect(bus.byName('dax2.0')).toBeUndefined()
    expect(bus.devices()).toHaveLength(2)
  })
  it('dax_dev_get() finds what is there and makes up what is not, alive, with a reference each', () => {
    const { bus, d } = world()
    expect(bus.dax_dev_get(d.devno)).toBe(d)
    expect(d.refs.peek()).toBe(2)
    const phantom = bus.dax_dev_get(MKDEV(1, 3))
    expect(phantom.alive.peek()).toBe(true)
    expect(phantom.private_data).toBeNull()
    expect(bus.dax_dev_get(MKDEV(1, 3))).toBe(phantom)
    expect(phantom.refs.peek()).toBe(2)
  })
  it('forgets a made-up device when the world is rewound', () => {
    const { bus, m } = world()
    const mark = m.journal.mark()
    const first = bus.dax_dev_get(MKDEV(1, 3))
    m.journal.rewind(mark)
    const again = bus.dax_dev_get(MKDEV(1, 3))
    expect(again).not.toBe(first)
    expect([again.id, again.refs.peek()]).toEqual([first.id, 1])
  })
})

describe('becoming the holder', () => {
  const me = { who: 'me' }
  const other = { who: 'other' }
  it('takes a reference and stores data, then ops; giving it up undoes both', () => {
    const { d, run } = world()
    const o = ops([])
    expect(run(() => get(d, me, o))).toBe(0)
    expect([d.refs.peek(), d.holder_data.peek(), d.holder_ops.peek()]).toEqual([2, me, o])
    expect(
      run(function* () {
        const h = yield* dax_holder(d)
        yield* fs_put_dax(d, me)
        return h
      }),
    ).toBe(me)
    expect([d.refs.peek(), d.holder_data.peek(), d.holder_ops.peek()]).toEqual([1, null, null])
  })
  it.each<[string, DaxDriver, (d: dax_device) => void, string]>([
    ['another holder', 'fsdev_dax', d => d.holder_data.poke(other), 'EBUSY'],
    ['a dead device', 'fsdev_dax', d => d.alive.poke(false), 'ENODEV'],
    ['no driver', null, () => {}, 'ENODEV'],
    ['the other driver', 'device_dax', () => {}, 'EOPNOTSUPP'],
  ])('%s: refused, no reference kept', (_name, driver, change, want) => {
    const { d, run, dev } = world(driver)
    change(d)
    const before = d.holder_data.peek()
    expect(E(run(() => get(d, me, ops([]))))).toBe(want)
    expect([d.refs.peek(), d.holder_data.peek(), d.holder_ops.peek()]).toEqual([1, before, null])
    expect(dev.lock.owner).toBeNull()
  })
  it('of no device at all, or of one that was made up: ENODEV', () => {
    const { bus, run } = world()
    expect(E(run(() => get(null, me, ops([]))))).toBe('ENODEV')
    const phantom = bus.dax_dev_get(MKDEV(1, 3))
    expect(E(run(() => get(phantom, me, ops([]))))).toBe('ENODEV')
    expect(phantom.refs.peek()).toBe(1)
  })
  it('giving up what another holds is warned about, and leaves the other without ops', () => {
    const { d, m } = world()
    const t = m.spawn(
      'test',
      (function* () {
        yield* fs_dax_get(d, other, ops([]))
        yield* fs_put_dax(d, me)
      })(),
    )
    expect(m.run()).toBe('failed')
    expect(t.error).toBeNull()
    expect(m.problems.map(p => p.kind)).toEqual(['WARN'])
    expect([d.holder_data.peek(), d.holder_ops.peek()]).toEqual([other, null])
  })
  it('giving up after the device was killed is not', () => {
    const { d, run } = world()
    run(() => get(d, me, ops([])))
    d.holder_ops.poke(null)
    d.holder_data.poke(null)
    run(function* () {
      yield* fs_put_dax(d, me)
    })
    expect(d.refs.peek()).toBe(1)
  })
  function* get(d: dax_device | null, holder: object, o: dax_holder_operations): Step<number> {
    return yield* fs_dax_get(d, holder, o)
  }
})

describe('telling the holder', () => {
  const notify = (d: dax_device) =>
    function* (): Step<number> {
      return yield* dax_holder_notify_failure(d, 4096, 8192, 2)
    }
  it('passes range and flags, and its answer back', () => {
    const { d, run } = world()
    const heard: unknown[] = []
    run(function* () {
      yield* fs_dax_get(d, {}, ops(heard))
    })
    expect(run(notify(d))).toBe(0)
    expect(heard).toEqual([[4096, 8192, 2]])
  })
  it('EOPNOTSUPP without ops, also between claim and ops (R6); ENXIO when dead', () => {
    const { d, run } = world()
    expect(E(run(notify(d)))).toBe('EOPNOTSUPP')
    d.holder_data.poke({})
    expect(E(run(notify(d)))).toBe('EOPNOTSUPP')
    d.alive.poke(false)
    expect(E(run(notify(d)))).toBe('ENXIO')
  })
})

describe('dax_direct_access()', () => {
  const at = (page: number, nr: number, change?: (d: dax_device) => void) => {
    const { d, run } = world()
    change?.(d)
    const r = run(function* () {
      return yield* dax_direct_access(d, page, nr)
    })
    return typeof r === 'number' ? E(r) : [r.off, r.nr]
  }
  it.each([
    ['first page', 0, 1, [0, 1]],
    ['a huge page', 512, 512, [MiB(2), 512]],
    ['the whole device', 0, 2048, [0, 2048]],
    ['last page', 2047, 1, [2047 * 4096, 1]],
    ['over the end', 2047, 2, 'EFAULT'],
    ['past the end', 2048, 1, 'EFAULT'],
    ['far past it', 2 ** 40, 1, 'EFAULT'],
    ['nothing, at the end', 2048, 0, 'EFAULT'],
    ['nothing, before it', 2047, 0, 'ERANGE'],
    ['a negative count', 0, -1, 'EINVAL'],
  ] as const)('%s', (_name, page, nr, want) => {
    expect(at(page, nr)).toEqual(want)
  })
  it('ENXIO when dead, EOPNOTSUPP with nothing behind or no device', () => {
    expect(at(0, 1, d => d.alive.poke(false))).toBe('ENXIO')
    expect(at(0, 1, d => d.ops.poke(null))).toBe('EOPNOTSUPP')
    const { run } = world()
    expect(
      run(function* () {
        return yield* dax_direct_access(null, 0, 1)
      }),
    ).toBe(-95)
  })
})

describe('dax_direct_access() on a device of two ranges', () => {
  const ranges = [
    { start: GiB(64), len: MiB(2) },
    { start: GiB(16), len: MiB(6) },
  ]
  const at = (page: number, nr: number, o: { switches?: DefectSwitches; dax?: string; data_offset?: number } = {}) => {
    const { dev, run } = world('fsdev_dax', o.dax, { ranges, data_offset: o.data_offset }, o.switches)
    const r = run(function* () {
      return yield* dax_direct_access(dev.dax_dev, page, nr)
    })
    return typeof r === 'number' ? E(r) : [r.off, r.kaddr, r.nr]
  }
  it.each([
    ['in the first', 0, 512, [0, 0, 512]],
    ['in the second', 512, 1536, [MiB(2), MiB(2), 1536]],
    ['across (L19)', 511, 2, 'EFAULT'],
    ['page by page, before', 511, 1, [511 * 4096, 511 * 4096, 1]],
    ['page by page, behind', 512, 1, [MiB(2), MiB(2), 1]],
  ] as const)('%s', (_name, page, nr, want) => {
    expect(at(page, nr)).toEqual(want)
  })
  it('without L19 what crosses is cut at the end of the range', () => {
    const o = { switches: { noDefect: ['L19'] } }
    expect(at(511, 2, o)).toEqual([511 * 4096, 511 * 4096, 1])
    expect(at(511, 4000, o)).toEqual([511 * 4096, 511 * 4096, 1])
    expect(at(2048, 1, o)).toBe('EFAULT')
  })
  it('B21: what is not there gets an address all the same', () => {
    expect(at(511, 2, { dax: 'fsdev-v3' })).toEqual([-1, -1, 2])
    expect(at(511, 2, { dax: 'fsdev-v8' })).toBe('EFAULT')
  })
  it('B35: a copy goes where the first range would go on, a page table is right', () => {
    expect(at(512, 1, { dax: 'fsdev-v8' })).toEqual([MiB(2), -1, 1])
    expect(at(0, 1, { dax: 'fsdev-v8' })).toEqual([0, 0, 1])
    expect(at(512, 1)).toEqual([MiB(2), MiB(2), 1])
  })
})

describe('a static region', () => {
  const one = (o: MemoryOptions, dax?: string) => () => world('fsdev_dax', dax, { region: 'static', ...o })
  it('has one range only', () => {
    const ranges = [
      { start: GiB(64), len: MiB(2) },
      { start: GiB(16), len: MiB(6) },
    ]
    expect(one({ ranges })).toThrow('daxdev dax0.0: fsdev_dax does not take it: EINVAL')
  })
  it('whose pgmap starts behind its data is refused, and B36 goes on', () => {
    expect(one({ data_offset: -MiB(2) })).toThrow('EINVAL')
    expect(one({ data_offset: -MiB(2) }, 'fsdev-v8')).not.toThrow()
  })
  it('with labels before the data: B35 adds the offset to where the labels are', () => {
    const copy = (dax?: string) => {
      const { d, run } = world('fsdev_dax', dax, { region: 'static', data_offset: MiB(2) })
      const r = run(function* () {
        return yield* dax_direct_access(d, 600, 1)
      })
      return typeof r === 'number' ? E(r) : [r.off, r.kaddr]
    }
    expect(copy()).toEqual([600 * 4096, 600 * 4096])
    expect(copy('fsdev-v8')).toEqual([600 * 4096, 600 * 4096 - MiB(2)])
  })
  it('B32: compound pages of device_dax are still there under fsdev', () => {
    const orders = (dax?: string) => {
      const { dev, bus, run } = world('device_dax', dax, { region: 'static' })
      bus.dynids.set('fsdev_dax dax0.0', true)
      run(function* () {
        expect(yield* device_driver_detach(dev, 'device_dax')).toBe(0)
        expect(yield* device_driver_attach(dev, 'fsdev_dax')).toBe(0)
      })
      return dev.folios.of(5).folio
    }
    expect(orders('fsdev-v8')).toMatchObject({ order: 9, refcount: 0 })
    expect(orders('fix')).toMatchObject({ order: 0, refcount: 0 })
  })
})

it('put_dax() drops one reference', () => {
  const { d, run } = world()
  run(function* () {
    yield* put_dax(d)
  })
  expect(d.refs.peek()).toBe(0)
})
