// One verdict table of test/vectors/verdicts/ in its smallest part; all of them: test/long/verdicts*.test.ts. And a table is
// worth something only if a change of the kernel shows in it.
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { BOUNDS, goldenOf, PAIRS, verdict } from './pairs.ts'

const p = PAIRS.find(x => x.name === 'notifier and teardown')!
const [bound, exhaustive] = BOUNDS(p)[0]!

it('a notice and a teardown on v10 come to what the table says', async () => {
  const lines = await verdict(p, 'v10', exhaustive)
  const golden = readFileSync(goldenOf(p), 'utf8')
  expect(golden).toContain(`v10; ${bound}:\n${lines.map(l => `  ${l}\n`).join('')}`)
  expect(lines.some(l => l.includes('fc->dax_devlist in famfs_set_daxdev_err (R8)'))).toBe(true)
})
it('without B42 nobody finds the table gone', async () => {
  const lines = await verdict(p, 'v10', exhaustive, { noDefect: ['B42'] })
  expect(lines.some(l => l.includes('fc->dax_devlist in famfs_set_daxdev_err'))).toBe(false)
})
