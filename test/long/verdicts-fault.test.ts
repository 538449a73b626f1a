// The verdict tables of faults: all that they can come to, in every kernel. A table that changed is
// written anew with -u.
import { expect, it } from 'vitest'
import { goldenOf, PAIRS, verdictTable } from '../scenarios/pairs.ts'

it.each(PAIRS.filter(p => p.name.endsWith('fault')))('$name', async p => {
  await expect(await verdictTable(p)).toMatchFileSnapshot(goldenOf(p))
})
