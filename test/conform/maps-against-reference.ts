// The kernel's parser and resolver on drawn maps, compared with the reference.
import fc from 'fast-check'
import { resolvedBy, verdictsOf } from '../../src/conform/index.ts'
import { errnoName } from '../../src/wire/index.ts'
import { maps } from './map-draws.ts'
import { referenceMap, referencePlace } from './reference.ts'

const how = (index0: boolean, off: readonly string[] = []) => ({
  switches: { noDefect: [...(index0 ? [] : ['B44']), ...off] },
})

/** Every verdict is the reference's. `off`: defects taken away, for a canary. */
export const verdictsAgree = (off: readonly string[] = []) =>
  fc.property(fc.array(maps, { minLength: 20, maxLength: 20 }), fc.boolean(), (bodies, index0) => {
    const want = bodies.map(b => referenceMap(b, index0)).map(m => (typeof m === 'string' ? m : '0'))
    const got = verdictsOf(how(index0, off), bodies).map(v => errnoName(v.rc))
    const at = got.findIndex((g, i) => g !== want[i])
    if (at >= 0) throw new Error(`${Buffer.from(bodies[at]!).toString('hex')}: ${got[at]}, expected ${want[at]}`)
  })

/** Every range of a map that is taken lies where the reference says. */
export const placesAgree = (off: readonly string[] = []) =>
  fc.property(
    maps,
    fc.array(fc.tuple(fc.nat({ max: 1000 }), fc.constantFrom(1, 4096, 0x200000, 0x1000000)), {
      minLength: 1,
      maxLength: 20,
    }),
    (body, draws) => {
      const m = referenceMap(body, false)
      if (typeof m === 'string') return
      // Chunks of no bytes are a crash, and an index behind the table another one; both are tested by name.
      fc.pre(m.groups.every(g => g.chunk > 0n) && m.size < 1n << 50n)
      const asks = draws.map(([at, length]) => ({
        offset: Math.floor((Number(m.size) * 1.1 * at) / 1000),
        length,
        write: false,
      }))
      const got = resolvedBy(how(false, off), body, asks)
      for (const [i, { offset, length }] of asks.entries()) {
        const r = got[i]!
        const want = referencePlace(m, offset, length)
        const text = JSON.stringify('reasons' in r ? null : { device: r.device, addr: r.addr, length: r.length })
        // No device is that large: where it would lie is not a number that the model keeps exactly.
        if (want !== null && (want.device >= 24 || !Number.isSafeInteger(want.addr))) continue
        if (text !== JSON.stringify(want))
          throw new Error(`${Buffer.from(body).toString('hex')} at ${offset}, ${length}: ${JSON.stringify(r)}`)
      }
    },
  )
