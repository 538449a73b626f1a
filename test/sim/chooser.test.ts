import { expect, it } from 'vitest'
import { defaultChooser } from '../../src/sim/index.ts'

it('the default chooser takes option 0, whatever it is asked', () => {
  expect(defaultChooser.choose('fault', [{ label: 'no' }, { label: 'yes' }], { steps: 0 })).toBe(0)
})
