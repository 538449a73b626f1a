// renameat2(2) with flags on the host's tmpfs; each result is what a real tmpfs gave for the same calls in this order.
import { expect, it } from 'vitest'
import { Rig } from '../../../src/conform/index.ts'
import { O_CREAT, O_WRONLY, type Stat, type Sys } from '../../../src/kernel/index.ts'
import type { Step } from '../../../src/sim/index.ts'
import { errnoName, RENAME_EXCHANGE, RENAME_NOREPLACE } from '../../../src/wire/index.ts'

const CALLS: readonly (readonly [from: string, to: string, flags: number, result: number | string])[] = [
  ['g', 'd/f', RENAME_NOREPLACE, 'EEXIST'],
  ['g', 'h', RENAME_NOREPLACE, 0],
  ['h', 'd', RENAME_EXCHANGE, 0],
  ['h', 'none', RENAME_EXCHANGE, 'ENOENT'],
  ['d', 'h/f', RENAME_EXCHANGE, 0],
  ['h', 'h/f', RENAME_EXCHANGE, 'EINVAL'],
  ['h/f', 'h', RENAME_EXCHANGE, 'EINVAL'],
  ['h', 'h', RENAME_EXCHANGE, 0],
  ['h', 'h', RENAME_NOREPLACE, 'EEXIST'],
  ['d', 'h/f', RENAME_NOREPLACE | RENAME_EXCHANGE, 'EINVAL'],
  ['d', 'h/f', 8, 'EINVAL'],
]

it('renames without replacing, and exchanges names', () => {
  const rig = new Rig({ devices: [] })
  const got = rig.run(function* (sys: Sys): Step<unknown[]> {
    yield* sys.mkdir('/t')
    yield* sys.mkdir('/t/d')
    for (const [path, size] of [['d/f', 1] as const, ['g', 2] as const]) {
      const fd = yield* sys.open(`/t/${path}`, O_WRONLY | O_CREAT)
      yield* sys.write(fd, new Uint8Array(size))
    }
    const out: unknown[] = []
    for (const [from, to, flags] of CALLS) {
      const rc = yield* sys.rename(`/t/${from}`, `/t/${to}`, flags)
      out.push(rc < 0 ? errnoName(-rc) : rc)
    }
    for (const path of ['d', 'h/f']) out.push(((yield* sys.stat(`/t/${path}`)) as Stat).size)
    for (const path of ['h', '']) out.push(((yield* sys.stat(`/t/${path}`)) as Stat).nlink)
    return out
  })
  expect(got).toEqual([...CALLS.map(c => c[3]), 1, 2, 2, 3])
})
