// The digest of the traces.
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Fnv } from '../../src/conform/index.ts'

const slow = (b: Uint8Array): string => {
  let h = 1469598103934665603n
  for (const x of b) h = ((h ^ BigInt(x)) * 0x100000001b3n) & 0xffffffffffffffffn
  return h.toString(16).padStart(16, '0')
}

it('is FNV-1a with the basis of the measuring program, zeros by the number or one by one', () => {
  const part = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.nat({ max: 5000 }))
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), parts => {
      const d = new Fnv()
      for (const p of parts) typeof p === 'number' ? d.addZeros(p) : d.add(p)
      const all = parts.map(p => (typeof p === 'number' ? new Uint8Array(p) : p))
      return d.hex() === slow(Buffer.concat(all))
    }),
    { numRuns: 60 },
  )
})

it('of 32 MiB of zeros is what an untouched device was measured to have', () => {
  const d = new Fnv()
  d.addZeros(32 * 1048576)
  expect(d.hex()).toBe('d7d808f28b9d0383')
})
