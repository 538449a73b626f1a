import { expect, it } from 'vitest'
import { assert, InvariantError } from '../../src/sim/index.ts'

it('lets what holds pass and names what does not', () => {
  assert(1, 'one')
  expect(() => assert(0, 'nothing is lost')).toThrow(new InvariantError('famsim bug: nothing is lost'))
})
