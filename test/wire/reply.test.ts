import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  bodyRange,
  checkReply,
  checkReplyHeader,
  decodeReply,
  EINVAL,
  EIO,
  ENOENT,
  encodeReply,
  encodeReplyStruct,
  fuse_entry_out,
  fuse_init_out,
  fuse_open_out,
  OPCODES,
  type Op,
  opcodeTable,
  replyStruct,
} from '../../src/wire/index.ts'
import { hex, mutated, structValue, withLen } from './arbitrary.ts'

const { op } = OPCODES
const zeros = (n: number) => new Uint8Array(n)
const wrongLen = (bytes: Uint8Array) => {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, bytes.length + 1, true)
  return bytes
}
const rfc = opcodeTable({ GET_FMAP: { number: 53, out: { fixed: 4096 } }, GET_DAXDEV: 54 }).op.GET_FMAP

// kernel.md 1.8: what write(2) returns, and what happens to whoever waits.
const RULES: [string, Op, () => Uint8Array, number | undefined, string, number, string | number][] = [
  ['nothing', op.OPEN, () => zeros(0), undefined, 'short', -EINVAL, 'waits'],
  ['15 bytes', op.OPEN, () => zeros(15), undefined, 'short', -EINVAL, 'waits'],
  ['len field too large', op.OPEN, () => wrongLen(encodeReply(6, 0, zeros(16))), undefined, 'len', -EINVAL, 'waits'],
  ['len before error', op.OPEN, () => wrongLen(encodeReply(6, 95)), undefined, 'len', -EINVAL, 'waits'],
  ['unique 0', op.OPEN, () => encodeReply(0, 2, zeros(24)), undefined, 'notify', 0, 'waits'],
  ['error +95', op.OPEN, () => encodeReply(6, 95), undefined, 'error-range', -EINVAL, 'waits'],
  ['error -512', op.OPEN, () => encodeReply(6, -512), undefined, 'error-range', -EINVAL, 'waits'],
  ['error -511', op.OPEN, () => encodeReply(6, -511), undefined, 'ok', 0, 'reply'],
  [
    'error range before the body',
    op.OPEN,
    () => encodeReply(6, 5, zeros(3)),
    undefined,
    'error-range',
    -EINVAL,
    'waits',
  ],
  ['ENOENT', op.LOOKUP, () => encodeReply(4, -ENOENT), undefined, 'ok', 0, 'reply'],
  ['error with a body', op.LOOKUP, () => encodeReply(4, -ENOENT, zeros(128)), undefined, 'error-body', -EINVAL, -EIO],
  ['error with a body, variable', op.READ, () => encodeReply(4, -EIO, zeros(1)), 4096, 'error-body', -EINVAL, -EIO],
  ['entry', op.LOOKUP, () => encodeReply(4, 0, zeros(128)), undefined, 'ok', 0, 'reply'],
  ['entry 8 bytes short', op.LOOKUP, () => encodeReply(4, 0, zeros(120)), undefined, 'size', -EINVAL, -EIO],
  ['entry 8 bytes long', op.LOOKUP, () => encodeReply(4, 0, zeros(136)), undefined, 'size', -EINVAL, -EIO],
  ['success without the body', op.OPEN, () => encodeReply(6, 0), undefined, 'size', -EINVAL, -EIO],
  ['CREATE without its open half', op.CREATE, () => encodeReply(6, 0, zeros(128)), undefined, 'size', -EINVAL, -EIO],
  ['CREATE', op.CREATE, () => encodeReply(6, 0, zeros(144)), undefined, 'ok', 0, 'reply'],
  ['a body where none goes', op.FLUSH, () => encodeReply(6, 0, zeros(8)), undefined, 'size', -EINVAL, -EIO],
  ['FLUSH', op.FLUSH, () => encodeReply(6, 0), undefined, 'ok', 0, 'reply'],
  ['READ, all of it', op.READ, () => encodeReply(6, 0, zeros(4096)), 4096, 'ok', 0, 'reply'],
  ['READ, end of file', op.READ, () => encodeReply(6, 0), 4096, 'ok', 0, 'reply'],
  ['READ, one byte too many', op.READ, () => encodeReply(6, 0, zeros(4097)), 4096, 'size', -EINVAL, -EIO],
  ['GET_FMAP, 56 bytes', op.GET_FMAP, () => encodeReply(6, 0, zeros(56)), undefined, 'ok', 0, 'reply'],
  ['GET_FMAP, 4096 bytes', op.GET_FMAP, () => encodeReply(6, 0, zeros(4096)), undefined, 'ok', 0, 'reply'],
  ['GET_FMAP, 4097 bytes', op.GET_FMAP, () => encodeReply(6, 0, zeros(4097)), undefined, 'size', -EINVAL, -EIO],
  ['GET_FMAP into more room', op.GET_FMAP, () => encodeReply(6, 0, zeros(5000)), 8192, 'ok', 0, 'reply'],
  ['GET_FMAP of RFC, short', rfc, () => encodeReply(6, 0, zeros(56)), undefined, 'size', -EINVAL, -EIO],
  ['GET_FMAP of RFC, padded', rfc, () => encodeReply(6, 0, zeros(4096)), undefined, 'ok', 0, 'reply'],
  ['GET_DAXDEV, 280 bytes', op.GET_DAXDEV, () => encodeReply(6, 0, zeros(280)), undefined, 'ok', 0, 'reply'],
  ['GET_DAXDEV, 279 bytes', op.GET_DAXDEV, () => encodeReply(6, 0, zeros(279)), undefined, 'size', -EINVAL, -EIO],
  ['GETXATTR probe', op.GETXATTR, () => encodeReply(6, 0, zeros(8)), 0, 'ok', 0, 'reply'],
  ['GETXATTR probe, no answer', op.GETXATTR, () => encodeReply(6, 0), 0, 'size', -EINVAL, -EIO],
  ['GETXATTR value', op.GETXATTR, () => encodeReply(6, 0, zeros(11)), 400, 'ok', 0, 'reply'],
  ['GETXATTR value too long', op.GETXATTR, () => encodeReply(6, 0, zeros(11)), 4, 'size', -EINVAL, -EIO],
  ['INIT, 64 bytes', op.INIT, () => encodeReply(2, 0, zeros(64)), undefined, 'ok', 0, 'reply'],
  ['INIT, old and short', op.INIT, () => encodeReply(2, 0, zeros(24)), undefined, 'ok', 0, 'reply'],
  ['INIT, too long', op.INIT, () => encodeReply(2, 0, zeros(72)), undefined, 'size', -EINVAL, -EIO],
  ['IOCTL without its head', op.IOCTL, () => encodeReply(6, 0, zeros(8)), 100, 'size', -EINVAL, -EIO],
  ['IOCTL with less than asked', op.IOCTL, () => encodeReply(6, 0, zeros(20)), 100, 'ok', 0, 'reply'],
  ['answer to a FORGET', op.FORGET, () => encodeReply(6, 0), undefined, 'unasked', -ENOENT, 'waits'],
  ['answer to a BATCH_FORGET', op.BATCH_FORGET, () => encodeReply(6, -EIO), undefined, 'unasked', -ENOENT, 'waits'],
  ['INTERRUPT, EAGAIN', op.INTERRUPT, () => encodeReply(7, -11), undefined, 'ok', 0, 'reply'],
  [
    'INTERRUPT with a body',
    op.INTERRUPT,
    () => encodeReply(7, 0, zeros(8)),
    undefined,
    'interrupt-size',
    -EINVAL,
    'waits',
  ],
  ['odd unique on the interrupted op', op.OPEN, () => encodeReply(7, -38), undefined, 'ok', 0, 'reply'],
  [
    'odd unique with an OPEN body',
    op.OPEN,
    () => encodeReply(7, 0, zeros(16)),
    undefined,
    'interrupt-size',
    -EINVAL,
    'waits',
  ],
]

describe('rules of a reply (kernel.md 1.8)', () => {
  it.each(RULES)('%s', (_, o, make, room, kind, writer, waiter) => {
    const { verdict } = checkReply(o, make(), room)
    expect({ kind: verdict.kind, writer: verdict.writer, waiter: verdict.waiter }).toEqual({ kind, writer, waiter })
  })

  it('for every op: an error alone is fine, one with a body is not, and only the right length passes', () => {
    for (const o of OPCODES.all) {
      if (!o.reply || o.name === 'INTERRUPT') continue
      expect(checkReply(o, encodeReply(8, -EIO)).verdict.kind).toBe('ok')
      expect(checkReply(o, encodeReply(8, -EIO, zeros(1))).verdict.kind).toBe('error-body')
      const { least, most } = bodyRange(o)
      expect(checkReply(o, encodeReply(8, 0, zeros(least))).verdict.kind).toBe('ok')
      if (least > 0) expect(checkReply(o, encodeReply(8, 0, zeros(least - 1))).verdict.kind, o.name).toBe('size')
      if (most < Infinity) expect(checkReply(o, encodeReply(8, 0, zeros(most + 1))).verdict.kind, o.name).toBe('size')
    }
  })

  it('the header alone is judged without the request', () => {
    expect(checkReplyHeader(encodeReply(6, 0, zeros(3))).verdict.kind).toBe('ok')
    expect(checkReplyHeader(encodeReply(6, 1)).verdict.kind).toBe('error-range')
  })

  it('answers with unique, error, resend and a view of the body', () => {
    const bytes = encodeReply(10, 0, Uint8Array.of(1, 2, 3), true)
    const { unique, error, resend, body } = checkReply(op.READ, bytes)
    expect({ unique, error, resend, body }).toEqual({
      unique: 10,
      error: 0,
      resend: true,
      body: Uint8Array.of(1, 2, 3),
    })
    expect(body.buffer).toBe(bytes.buffer)
  })
})

describe('replies', () => {
  it('an OPEN reply, byte by byte', () => {
    const bytes = encodeReplyStruct(6, fuse_open_out, { fh: -1, open_flags: 0x40 })
    expect(hex(bytes)).toBe('20000000000000000600000000000000' + 'ffffffffffffffff4000000000000000')
  })

  it('an error, byte by byte', () => {
    expect(hex(encodeReply(4, -ENOENT))).toBe('10000000feffffff0400000000000000')
  })

  it.each(OPCODES.all.filter(o => o.reply && replyStruct(o)).map(o => [o.name, o] as const))(
    'decode(encode(reply to %s)) is the same',
    (_, o) => {
      const def = replyStruct(o)!
      fc.assert(
        fc.property(structValue(def), fc.nat({ max: 2 ** 52 }), fc.boolean(), (value, half, resend) => {
          const unique = half * 2 + 2
          const m = decodeReply(o, encodeReplyStruct(unique, def, value, resend))
          expect(m).toEqual({ unique, resend, errno: 0, arg: value, data: zeros(0) })
        }),
        { numRuns: 50 },
      )
    },
  )

  it('bare bytes, heads with bytes behind, errors and probes come apart', () => {
    const read = decodeReply(op.READ, encodeReply(6, 0, Uint8Array.of(9, 8)), 10)
    expect(read).toEqual({ unique: 6, resend: false, errno: 0, arg: null, data: Uint8Array.of(9, 8) })
    const ioctl = decodeReply(op.IOCTL, encodeReply(6, 0, Uint8Array.from([...zeros(16), 7])), 100)
    expect(ioctl).toMatchObject({ arg: { result: 0 }, data: Uint8Array.of(7) })
    expect(decodeReply(op.LOOKUP, encodeReply(6, -ENOENT))).toMatchObject({ errno: -ENOENT, arg: null })
    const probe = decodeReply(op.GETXATTR, encodeReply(6, 0, Uint8Array.of(11, 0, 0, 0, 0, 0, 0, 0)), 0)
    expect(probe).toMatchObject({ arg: { size: 11 } })
    expect(decodeReply(op.LOOKUP, encodeReply(6, 0, zeros(120)))).toEqual({
      error: 'reply to LOOKUP: the body does not have the length that the request expects (136 bytes)',
    })
  })

  it('an INIT reply cut anywhere reads as zero from there', () => {
    const whole = encodeReplyStruct(2, fuse_init_out, {
      major: 7,
      minor: 45,
      max_readahead: 9,
      flags: 0x73fffffb,
      flags2: 5,
    })
    for (let n = 16; n <= 80; n++) {
      const m = decodeReply(op.INIT, withLen(whole.slice(0, n)))
      if ('error' in m) throw new Error(m.error)
      expect(m.arg.major).toBe(n >= 17 ? 7 : 0)
      expect(m.arg.flags2).toBe(n >= 49 ? 5 : 0)
    }
  })

  it('never throws, whatever comes', () => {
    const real = structValue(fuse_entry_out).map(v => encodeReplyStruct(4, fuse_entry_out, v))
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 200 }), mutated(real), mutated(real).map(withLen)),
        fc.constantFrom(...OPCODES.all, rfc),
        fc.option(fc.nat({ max: 300 }), { nil: undefined }),
        (bytes, o, room) => {
          const { verdict, body, unique } = checkReply(o, bytes, room)
          expect(body.length).toBe(bytes.length < 16 ? 0 : bytes.length - 16)
          if (verdict.waiter === -EIO) expect(verdict.writer).toBe(-EINVAL)
          const m = decodeReply(o, bytes, room)
          expect('error' in m).toBe(verdict.kind !== 'ok')
          if (!('error' in m)) expect(m.unique).toBe(unique)
        },
      ),
      { numRuns: 3000 },
    )
  })
})
