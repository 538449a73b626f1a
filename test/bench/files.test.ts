// The table of many files: it is measured (the faults are of the size they should be), and fits.
import { expect, it } from 'vitest'
import { filesFigure, filesText } from '../../bench/files.ts'

it('is measured, and fits', () => {
  const few = filesFigure('v10', 5, { opens: 10, faults: 64 })
  for (const v of [few.opens, few.pte, few.pmd]) expect(v).toBeGreaterThan(0)
  const lines = filesText([few, { ...few, files: 100_000 }])
  expect(lines).toHaveLength(4)
  expect(lines.at(-1)).toMatch(/^ {2}100,000 to 10 +1\.00 +1\.00 +1\.00$/)
  for (const l of lines) expect(l.length).toBeLessThanOrEqual(80)
})
