// Binding a driver step by step, with a fault between any two: an allocation that fails, memory that somebody has, a driver
// that has its operations already. Whatever the step, all before it is undone, and the next probe works; but for B33.
import { describe, expect, it } from 'vitest'
import { Rig } from '../../src/conform/index.ts'
import { type DriverName, type dax_operations, dev_pagemap } from '../../src/devdax/index.ts'
import { DAX_LEVELS } from '../../src/profile/index.ts'
import { MiB } from '../../src/sim/index.ts'
import { EBUSY, EINVAL, ENOMEM } from '../../src/wire/index.ts'

type Region = 'dynamic' | 'static'
interface Fault {
  /** Name of an allocation; or what else is in the way. */
  readonly at: 'dev_pagemap' | 'struct page[]' | 'cdev map' | 'memmap' | 'region' | 'dax_set_ops' | 'geometry'
  readonly errno: number
  /** B33: dev_dax->pgmap is set by then. */
  readonly late?: boolean
}

const NO_MEMORY = (at: Fault['at'], late = false): Fault => ({ at, errno: ENOMEM, late })
const REGION: Fault = { at: 'region', errno: EBUSY, late: true }

/** The steps that can fail, in the order of kernel.md 2.15. */
const STEPS: Readonly<Record<DriverName, Readonly<Record<Region, readonly Fault[]>>>> = {
  device_dax: {
    dynamic: [NO_MEMORY('dev_pagemap'), REGION, NO_MEMORY('struct page[]'), NO_MEMORY('cdev map')],
    static: [REGION, NO_MEMORY('struct page[]'), NO_MEMORY('cdev map')],
  },
  fsdev_dax: {
    dynamic: [
      NO_MEMORY('dev_pagemap'),
      REGION,
      NO_MEMORY('struct page[]', true),
      NO_MEMORY('cdev map', true),
      { at: 'dax_set_ops', errno: EBUSY, late: true },
    ],
    static: [REGION, NO_MEMORY('struct page[]'), NO_MEMORY('cdev map'), { at: 'dax_set_ops', errno: EBUSY }],
  },
  kmem: {
    dynamic: [REGION, NO_MEMORY('memmap')],
    static: [REGION, NO_MEMORY('memmap')],
  },
  pmem: {
    dynamic: [],
    static: [REGION, NO_MEMORY('struct page[]'), { at: 'dax_set_ops', errno: EBUSY }],
  },
}

const OTHER: dax_operations = { direct_access: () => -EINVAL }

const rigOf = (dax: string, region: Region) =>
  new Rig({ dax, devices: [{ size: MiB(256), driver: null, region }], kasan: true })

/** The device as nobody has it. */
const state = (rig: Rig) => {
  const d = rig.k.bus.devices()[0]!
  return {
    driver: d.driver.peek(),
    devres: d.devres.length,
    reserved: d.reserved.peek(),
    cdev: d.cdev.peek(),
    ops: d.dax_dev.ops.peek() !== null,
    alive: d.dax_dev.alive.peek(),
    pages: d.folios.present,
    pgmap: d.pgmap.peek() !== null,
    bound: d.life.state,
    leaks: rig.leaks(),
    allocated: rig.k.heap.live.values().length,
    problems: rig.problems(),
  }
}

describe.each(DAX_LEVELS.map(l => l.name))('%s', dax => {
  const drivers = (['device_dax', 'fsdev_dax', 'kmem', 'pmem'] as const).filter(
    d => d !== 'fsdev_dax' || dax.startsWith('fsdev') || dax === 'fix',
  )
  const cases = drivers.flatMap(driver =>
    (['dynamic', 'static'] as const).flatMap(region => STEPS[driver][region].map(f => [driver, region, f] as const)),
  )
  it.each(cases.map(c => [`${c[0]}, ${c[1]}: ${c[2].at}`, ...c] as const))('%s', (_, driver, region, fault) => {
    const rig = rigOf(dax, region)
    const d = rig.k.bus.devices()[0]!
    const before = state(rig)
    let undo = (): void => {}
    if (fault.at === 'region') {
      d.reserved.poke('somebody')
      undo = () => d.reserved.poke(null)
    } else if (fault.at === 'dax_set_ops') {
      d.dax_dev.ops.poke(OTHER)
      undo = () => d.dax_dev.ops.poke(null)
    } else rig.k.heap.refusal(fault.at, () => {})(1)
    expect(rig.bind(0, driver)).toBe(-fault.errno)
    undo()
    // B33: the pgmap of the probe that failed is still pointed to, and was freed.
    const dangling = fault.late === true && driver === 'fsdev_dax' && region === 'dynamic' && dax !== 'fix'
    expect(state(rig)).toEqual({ ...before, pgmap: region === 'static' || dangling })
    expect(rig.bind(0, driver)).toBe(dangling ? -EINVAL : 0)
    if (dangling) return
    expect(state(rig).bound).toBe('bound')
    expect(rig.unbind(0)).toBe(0)
    expect(state(rig)).toEqual(before)
  })
})

describe('a static pgmap', () => {
  const bound = (dax: string) => {
    const rig = rigOf(dax, 'static')
    const d = rig.k.bus.devices()[0]!
    return { rig, d, pgmap: d.pgmap.peek()! }
  }
  it.each(['fsdev-v3', 'fsdev-v8', 'fix'])(
    'keeps the order of device_dax under fsdev until the fixes (B32): %s',
    dax => {
      const { rig, d, pgmap } = bound(dax)
      rig.bind(0, 'device_dax')
      rig.bind(0, 'fsdev_dax')
      expect(pgmap.vmemmap_shift.peek()).toBe(dax === 'fix' ? 0 : 9)
      expect(d.folios.of(5).folio.order).toBe(dax === 'fix' ? 0 : 9)
    },
  )
  it.each(['fsdev-v3', 'fsdev-v8', 'fix'])(
    'keeps the handler of fsdev when it has gone until the fixes (B34): %s',
    dax => {
      const { rig, pgmap } = bound(dax)
      rig.bind(0, 'fsdev_dax')
      rig.unbind(0)
      expect([pgmap.ops.peek()?.owner ?? null, pgmap.owner.peek()]).toEqual(
        dax === 'fix' ? [null, null] : ['fsdev_dax', 'dax0.0'],
      )
    },
  )
  it.each(['fsdev-v3', 'fsdev-v8', 'fix'])('that starts behind its data is refused since the fixes (B36): %s', dax => {
    const rig = new Rig({
      dax,
      devices: [{ size: MiB(256), driver: null, region: 'static', data_offset: -MiB(2) }],
    })
    expect(rig.bind(0, 'fsdev_dax')).toBe(dax === 'fix' ? -EINVAL : 0)
  })
  it("is its region's own: binding and unbinding never puts another in its place (B31)", () => {
    for (const { name } of DAX_LEVELS) {
      const { rig, d, pgmap } = bound(name)
      for (const driver of ['pmem', 'device_dax', 'kmem', 'fsdev_dax'] as const) {
        if (rig.bind(0, driver) === 0) rig.unbind(0)
        expect(d.pgmap.peek()).toBe(pgmap)
      }
      expect(pgmap).toBeInstanceOf(dev_pagemap)
    }
  })
})
