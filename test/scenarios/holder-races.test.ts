// Poison in all four positions around fs_dax_get() (kernel.md R6, R7, R24, R26), on every DAX level, and under every kernel on
// its own: what the scenarios say.
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DAX_LEVELS, KERNELS } from '../../src/profile/index.ts'
import { defaultChooser } from '../../src/sim/index.ts'
import { runScenario, SAY, type WorldOptions } from '../../src/world/index.ts'

/** What the older kernels do wrong besides: it leaks, or says less of a poisoned page. */
const BESIDES = ['B07', 'B13', 'B14', 'B62']

const says = async (name: string, o: WorldOptions, problems: string[] = []): Promise<string[]> => {
  const s = (await import(join(import.meta.dirname, `../../scenarios/poison/${name}.ts`))).default
  const out: string[] = []
  const switches = { noDefect: [...BESIDES, ...(o.switches?.noDefect ?? [])] }
  const r = runScenario(s, defaultChooser, { ...o, switches, sink: e => void (e.kind === SAY && out.push(e.subject)) })
  expect([r.problems.map(p => p.text), r.neverFired]).toEqual([problems, []])
  return out
}

/** Levels of fsdev have a handler that asks the holder; before it, whoever has the page mapped is looked for. */
const fsdev = (level: string): boolean => level.startsWith('fsdev') || level === 'fix'

/** A refused fs_dax_get() keeps the reference it took where there is B03, and says EPERM. */
const refused = (level: string): string[] => (fsdev(level) ? [] : ['1 x reference to dax0.0 never dropped on h0'])

const NEVER_LEARNS = ['memory_failure: EBUSY', 'read: 8']

// The scenarios mount by a daemon, which the standalone file system has not.
const PROFILES = KERNELS.filter(k => k.kabi === null).flatMap(k =>
  (['v10', 'new'].includes(k.name) ? DAX_LEVELS.map(l => l.name) : [k.dax]).map(l => [k.name, l] as const),
)

describe.each(PROFILES)('%s on %s', (kernel, level) => {
  it('R6: between claim and operations nobody is there to be told, and the holder never learns', async () => {
    expect(await says('claim-gap', { kernel, dax: level })).toEqual(NEVER_LEARNS)
  })
  it('R7: while the table is filled the notifier waits for it, and the slot learns', async () => {
    const want = fsdev(level)
      ? ['memory_failure: 0, after it waited for the installer', 'read: EHWPOISON']
      : NEVER_LEARNS
    expect(await says('while-installing', { kernel, dax: level })).toEqual(want)
  })
  it('R24: a holder that comes while another goes', async () => {
    const b38 = level !== 'fix'
    expect(await says('put-vs-get', { kernel, dax: level })).toEqual([
      `the next holder: fs_dax_get: ${b38 ? 0 : 'EBUSY'}`,
      'memory_failure: EBUSY; it was not told',
    ])
    // The level without the defect: nobody is deaf; the next holder comes too early instead.
    expect(
      (await says('put-vs-get', { kernel, dax: level, switches: { noDefect: ['B38'] } }, refused(level)))[0],
    ).toMatch(/EBUSY$|EPERM$/)
  })
  it('R26: a holder on a dead device, which hears neither of its end nor, before fsdev, of the page', async () => {
    expect(await says('kill-vs-get', { kernel, dax: level })).toEqual([
      'unbind: 0',
      'fs_dax_get: 0; access to the dead device: ENXIO',
      'dead, with a holder; bind: 0',
      fsdev(level)
        ? 'memory_failure: 0; the holder heard of the page'
        : 'memory_failure: EBUSY; the holder heard nothing',
      'access after a driver is bound again: 1',
    ])
  })
  it('R26 without L18: the claim is looked at again and given up', async () => {
    expect(await says('kill-vs-get', { kernel, dax: level, switches: { noDefect: ['L18'] } }, refused(level))).toEqual([
      'unbind: 0',
      `fs_dax_get: ${level.startsWith('devdax') ? 'EPERM' : 'ENODEV'}; access to the dead device: ENXIO`,
      'dead, with no holder; bind: 0',
      'memory_failure: EBUSY; the holder heard nothing',
      'access after a driver is bound again: 1',
    ])
  })
})
