import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeNotify,
  EINVAL,
  ENAMETOOLONG,
  encodeNotify,
  encodeReply,
  NOTIFIES,
  notifyByCode,
} from '../../src/wire/index.ts'
import { hex, mutated, nameText, structValue, withLen } from './arbitrary.ts'

const [POLL, INVAL_INODE, INVAL_ENTRY, STORE, RETRIEVE, DELETE, RESEND, INC_EPOCH, PRUNE] = NOTIFIES as any

describe('notifications (kernel.md 1.7)', () => {
  it.each([
    ['POLL', 1, 8],
    ['INVAL_INODE', 2, 24],
    ['INVAL_ENTRY', 3, 16],
    ['STORE', 4, 24],
    ['RETRIEVE', 5, 32],
    ['DELETE', 6, 24],
    ['RESEND', 7, 0],
    ['INC_EPOCH', 8, 0],
    ['PRUNE', 9, 16],
  ])('%s has code %i and a body of %i bytes', (name, code, size) => {
    const n = notifyByCode(code)!
    expect([n.name, n.code, n.struct?.size ?? 0]).toEqual([name, code, size])
  })

  it('INVAL_ENTRY, byte by byte', () => {
    const bytes = encodeNotify(INVAL_ENTRY, { parent: 1 }, 'ab')
    expect(hex(bytes)).toBe('23000000030000000000000000000000' + '0100000000000000' + '0200000000000000' + '616200')
  })

  it.each(NOTIFIES.map(n => [n.name, n] as const))('decode(encode(%s)) is the same', (_, n) => {
    const body = fc.record({
      arg: n.struct ? structValue(n.struct) : fc.constant(null),
      name: n.tail === 'name' ? nameText : fc.constant(''),
      count: fc.nat({ max: 20 }),
    })
    fc.assert(
      fc.property(body, ({ arg, name, count }) => {
        let data = new Uint8Array(0)
        if (typeof n.tail === 'object') {
          arg[n.tail.field] = count
          data = new Uint8Array(count * n.tail.unit).map((_, i) => i)
        }
        if (n.tail === 'name') arg.namelen = Buffer.byteLength(name)
        expect(decodeNotify(encodeNotify(n, arg, name, data))).toEqual({ notify: n, arg, name, data })
      }),
      { numRuns: 50 },
    )
  })

  it.each([
    ['an unknown code', () => encodeReply(0, 77), EINVAL, 'notification: code 77, known are 1..9'],
    ['a negative code', () => encodeReply(0, -2), EINVAL, 'notification: code -2, known are 1..9'],
    ['a reply', () => encodeReply(4, 0), EINVAL, 'notification: unique is not 0: a reply'],
    ['a short body', () => encodeReply(0, 2, new Uint8Array(23)), EINVAL, /INVAL_INODE: 23 bytes of body/],
    ['a long body', () => encodeReply(0, 1, new Uint8Array(9)), EINVAL, /0 bytes should follow .*, 1 came/],
    [
      'a name without room for its NUL',
      () => encodeNotify(DELETE, { namelen: 3 }, 'ab'),
      EINVAL,
      /need 4 bytes, 3 came/,
    ],
    ['a very long name', () => encodeNotify(INVAL_ENTRY, {}, 'n'.repeat(1025)), ENAMETOOLONG, /a name of 1025 bytes/],
    ['data that is not there', () => encodeNotify(STORE, { size: 4 }), EINVAL, /STORE: 4 bytes should follow/],
    [
      'nodes that are not there',
      () => encodeNotify(PRUNE, { count: 2 }, '', new Uint8Array(8)),
      EINVAL,
      /PRUNE: 16 bytes/,
    ],
  ])('refuses %s', (_, make, errno, line) => {
    const m = decodeNotify(make())
    if (!('error' in m)) throw new Error('decoded')
    expect(m.errno).toBe(-errno)
    if (typeof line === 'string') expect(m.error).toBe(line)
    else expect(m.error).toMatch(line)
  })

  it('never throws, whatever comes', () => {
    const real = fc
      .constantFrom(POLL, INVAL_INODE, INVAL_ENTRY, STORE, RETRIEVE, DELETE, RESEND, INC_EPOCH, PRUNE)
      .map(n => encodeNotify(n, {}, 'name'))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated(real).map(withLen)), bytes => {
        const m = decodeNotify(bytes)
        if ('error' in m) expect(m.error).toMatch(/^notification: [^\n]+$/)
      }),
      { numRuns: 1000 },
    )
  })
})
