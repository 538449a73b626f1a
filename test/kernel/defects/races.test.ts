// Defects that only some schedules show: the notice of a failed page meets the teardown (R8).
import { expect, it } from 'vitest'
import { PctChooser } from '../../../src/explore/index.ts'
import type { DefectSwitches } from '../../../src/profile/index.ts'
import { buildWorld } from '../../../src/world/index.ts'
import poisonUmount from '../../explore/fixtures/poison-umount.ts'

/** What went wrong over many schedules. */
const notice = (switches: DefectSwitches, n = 150): string[] => {
  const w = buildWorld(poisonUmount, { policy: 'free', switches })
  const chooser = new PctChooser(1, 3)
  const all = new Set<string>()
  for (let i = 0; i < n; i++) for (const p of w.run(chooser).problems) all.add(`${p.kind}: ${p.text}`)
  w.close()
  return [...all]
}

it('L14: a notice that comes to a connection which is gone, or was freed; with neither B42 nor L14 it comes to no harm', () => {
  const has = notice({ noDefect: ['B42'] })
  expect(has.some(p => p.startsWith('oops: NULL pointer dereference: fc in famfs_dax_notify_failure'))).toBe(true)
  expect(notice({ noDefect: ['B42', 'L14'] })).toEqual([])
})

it('B37: holder_ops is gone at the second look', () => {
  const fetched_twice = (all: string[]): boolean => all.some(p => p.includes('holder_ops->notify_failure'))
  expect(fetched_twice(notice({ defect: ['B37'] }, 400))).toBe(true)
  expect(fetched_twice(notice({}, 400))).toBe(false)
})
