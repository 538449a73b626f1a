// The kernel's parser and resolver against the reference, on many drawn maps.
import fc from 'fast-check'
import { it } from 'vitest'
import { placesAgree, verdictsAgree } from '../conform/maps-against-reference.ts'

it('20,000 verdicts', () => fc.assert(verdictsAgree(), { numRuns: 1000 }), 60_000)
it('2,000 maps, their ranges', () => fc.assert(placesAgree(), { numRuns: 2000 }), 60_000)
