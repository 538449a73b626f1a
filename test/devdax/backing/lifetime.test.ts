// No view outlives its mapping: whatever was taken from a memory is empty once it is closed, also what a whole run took.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import firstLight from '../../../scenarios/basics/first-light.ts'
import { openMemfd } from '../../../src/devdax/backing/index.ts'
import { Memory } from '../../../src/devdax/memory.ts'
import { nativeAvailable } from '../../../src/native/index.ts'
import { defaultChooser } from '../../../src/sim/index.ts'
import { buildWorld } from '../../../src/world/index.ts'

const GiB = 2 ** 30

describe.skipIf(!nativeAvailable().ok)('after close', () => {
  it('each window, and each part of one, has length 0', () => {
    const memory = new Memory(openMemfd(2 * GiB))
    const kept = [0, 1].map(i => memory.backing.window(i))
    const part = kept[1]!.subarray(5, 10)
    memory.write(GiB - 2, new Uint8Array(4).fill(3))
    expect([kept[0]!.at(-1), part.length]).toEqual([3, 5])
    memory.close()
    expect([...kept.map(v => v.length), part.length, part[0]]).toEqual([0, 0, 0, undefined])
    part[0] = 1
  })

  it('so has every view a run has asked for, and nothing is mapped any more', () => {
    const world = buildWorld(firstLight)
    const { backing } = world.memory('dax0.0')!.memory
    const views = new Set<Uint8Array>()
    const window = backing.window.bind(backing)
    backing.window = i => {
      const view = window(i)
      views.add(view)
      return view
    }
    expect(world.run(defaultChooser).verdict).toBe('held')
    expect(views.size).toBeGreaterThan(0)
    for (const view of views) expect(view.length).toBeGreaterThan(0)
    world.close()
    for (const view of views) expect(view.length).toBe(0)
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('famsim-')
  })
})
