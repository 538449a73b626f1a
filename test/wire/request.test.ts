import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  argOf,
  decodeRequest,
  encodeRequest,
  fuse_init_in,
  fuse_open_in,
  OPCODES,
  opcodeTable,
  peekRequest,
} from '../../src/wire/index.ts'
import init from '../vectors/wire-init.json' with { type: 'json' }
import { encodeAny, hex, mutated, requestOf, unhex, withLen } from './arbitrary.ts'

const { op } = OPCODES
const ok = (bytes: Uint8Array, table = OPCODES) => {
  const m = decodeRequest(table, bytes)
  if ('error' in m) throw new Error(m.error)
  return m
}
const why = (bytes: Uint8Array): string => {
  const m = decodeRequest(OPCODES, bytes)
  return 'error' in m ? m.error : `decoded as ${m.op.name}`
}

describe('requests', () => {
  it('the INIT of a real kernel comes out byte for byte, and reads back', () => {
    const bytes = encodeRequest(op.INIT, init.header, init.arg)
    expect(hex(bytes)).toBe(init.hex)
    expect(bytes).toHaveLength(104)
    const m = ok(unhex(init.hex))
    expect(m).toMatchObject({ len: 104, unique: 2, nodeid: 0, uid: 0, gid: 0, pid: 0, names: [], resend: false })
    expect(argOf(m, fuse_init_in)).toEqual(init.arg)
  })

  it('sizes seen on a real mount: LOOKUP, GETXATTR, READDIRPLUS, GETATTR, GET_DAXDEV', () => {
    expect(encodeRequest(op.LOOKUP, { unique: 22, nodeid: 1 }, null, ['.met'])).toHaveLength(45)
    const capability = 'security.capability'
    expect(encodeRequest(op.GETXATTR, { unique: 6 }, {}, [capability])).toHaveLength(40 + 8 + capability.length + 1)
    expect(encodeRequest(op.READDIRPLUS, { unique: 14, nodeid: 1 }, { size: 32768 })).toHaveLength(80)
    expect(encodeRequest(op.GETATTR, { unique: 4, nodeid: 1 })).toHaveLength(56)
    expect(encodeRequest(op.GET_DAXDEV, { unique: 8, nodeid: 3 })).toHaveLength(40)
  })

  it('a LOOKUP, byte by byte', () => {
    const bytes = encodeRequest(op.LOOKUP, { unique: 4, nodeid: 1, uid: 1000, gid: 1001, pid: 77 }, null, ['a\u00e9'])
    expect(hex(bytes)).toBe(
      '2c000000010000000400000000000000' + '0100000000000000e8030000e9030000' + '4d00000000000000' + '61c3a900',
    )
    expect(peekRequest(bytes)).toMatchObject({ len: 44, opcode: 1, unique: 4, nodeid: 1, pid: 77 })
    expect(peekRequest(bytes.subarray(0, 39))).toBeNull()
  })

  it.each(OPCODES.all.map(o => [o.name, o] as const))('decode(encode(%s)) is the same', (_, o) => {
    fc.assert(
      fc.property(requestOf(o), r => {
        const bytes = encodeAny(o, r)
        const m = ok(bytes)
        const { op: found, len, unique, resend, nodeid, uid, gid, pid, arg, names, data, ext } = m
        expect(found).toBe(o)
        expect(len).toBe(bytes.length)
        expect({ unique, resend, nodeid, uid, gid, pid }).toEqual(r.header)
        expect({ arg, names, data, ext }).toEqual({ arg: r.arg, names: r.names, data: r.data, ext: r.ext })
      }),
      { numRuns: 60 },
    )
  })

  it('decodes in place, from any offset of a larger buffer', () => {
    const one = encodeRequest(op.WRITE, { unique: 6, nodeid: 5 }, { size: 3, fh: -1 }, [], Uint8Array.of(1, 2, 3))
    const big = new Uint8Array(500).fill(0xee)
    big.set(one, 123)
    const m = ok(big.subarray(123, 123 + one.length))
    expect(m.data).toEqual(Uint8Array.of(1, 2, 3))
    expect(m.arg.fh).toBe(-1)
    expect(m.data.buffer).toBe(big.buffer)
  })

  it('a fresh message is zeroed and shares no byte with another', () => {
    const messages = Array.from({ length: 3000 }, (_, i) => encodeRequest(op.GETATTR, { unique: i }))
    messages.forEach((bytes, i) => {
      expect(peekRequest(bytes)!.unique).toBe(i)
      if (bytes.subarray(16).some(b => b !== 0)) throw new Error(`message ${i} is not zeroed`)
    })
  })

  it('messages larger than the slab work too', () => {
    const data = new Uint8Array(200_000).map((_, i) => i & 255)
    const m = ok(encodeRequest(op.WRITE, { unique: 2 }, { size: data.length }, [], data))
    expect(Buffer.compare(m.data, data)).toBe(0)
  })

  it('marks a RESEND copy with bit 63 and keeps unique exact', () => {
    const bytes = encodeRequest(op.OPEN, { unique: 4503599627370498, resend: true }, { flags: 2 })
    expect(bytes[15]! & 0x80).toBe(0x80)
    expect(ok(bytes)).toMatchObject({ unique: 4503599627370498, resend: true })
  })

  it('argOf gives the struct its type, and refuses another', () => {
    const m = ok(encodeRequest(op.OPEN, { unique: 2 }, { flags: 0x8002 }))
    expect(argOf(m, fuse_open_in).flags).toBe(0x8002)
    expect(() => argOf(m, fuse_init_in)).toThrow('OPEN carries fuse_open_in, not fuse_init_in')
  })

  it('an INIT of 16 bytes from an old kernel reads as one with zeros behind', () => {
    const bytes = withLen(unhex(init.hex).slice(0, 56))
    expect(ok(bytes).arg).toEqual({ ...init.arg, flags2: 0 })
  })
})

describe('what a request must not be', () => {
  const lookup = () => encodeRequest(op.LOOKUP, { unique: 4, nodeid: 1 }, null, ['name'])
  const edit = (bytes: Uint8Array, at: number, value: number) => {
    bytes[at] = value
    return bytes
  }
  it.each([
    ['empty', () => new Uint8Array(0), 'request: 0 bytes, a header alone takes 40'],
    ['39 bytes', () => lookup().subarray(0, 39), 'request: 39 bytes, a header alone takes 40'],
    ['a wrong len', () => edit(lookup(), 0, 46), 'request: the header says 46 bytes, the message has 45'],
    ['an unknown opcode', () => edit(lookup(), 4, 7), 'request: opcode 7 is not spoken in this version'],
    ['a name without NUL', () => edit(lookup(), 44, 65), 'LOOKUP: name 1 of 1 has no NUL before the end'],
    ['bytes after the name', () => edit(lookup(), 41, 0), 'LOOKUP: 3 bytes after the last part'],
    ['no name at all', () => withLen(lookup().slice(0, 40)), 'LOOKUP: name 1 of 1 has no NUL before the end'],
    [
      'a short struct',
      () => withLen(encodeRequest(op.OPEN, { unique: 2 }).slice(0, 44)),
      'OPEN: 4 bytes of body, fuse_open_in takes 8',
    ],
    [
      'an INIT under 16 bytes',
      () => withLen(encodeRequest(op.INIT, { unique: 2 }).slice(0, 52)),
      'INIT: 12 bytes of body, fuse_init_in takes 16',
    ],
    ['a body on GET_FMAP', () => edit(withLen(new Uint8Array(48)), 4, 54), 'GET_FMAP: 8 bytes after the last part'],
    ['extensions past the header', () => edit(lookup(), 36, 1), 'LOOKUP: 8 bytes of extensions in 45 bytes'],
    [
      'a WRITE that lies about its size',
      () => encodeRequest(op.WRITE, { unique: 2 }, { size: 5 }, [], Uint8Array.of(1, 2, 3)),
      'WRITE: size asks for 5 bytes of data, 3 came',
    ],
    [
      'a BATCH_FORGET that counts too far',
      () => encodeRequest(op.BATCH_FORGET, { unique: 2 }, { count: 2 }, [], new Uint8Array(16)),
      'BATCH_FORGET: count asks for 32 bytes of data, 16 came',
    ],
  ])('%s', (_, make, line) => {
    expect(why(make())).toBe(line)
  })

  it('the encoder refuses what has no form', () => {
    expect(() => encodeRequest(op.LOOKUP, { unique: 2 })).toThrow('encode LOOKUP: 0 names given, it takes 1')
    expect(() => encodeRequest(op.LOOKUP, { unique: 2 }, null, ['a\0b'])).toThrow(
      'a name with a NUL in it: "a\\u0000b"',
    )
    expect(() => encodeRequest(op.GETATTR, { unique: 2 }, {}, [], new Uint8Array(4))).toThrow('takes no data, 4 bytes')
    expect(() => encodeRequest(op.OPEN, { unique: 2 }, {}, [], undefined, new Uint8Array(4))).toThrow('multiple of 8')
  })

  it('never throws, whatever comes', () => {
    const tables = [OPCODES, opcodeTable({ GET_FMAP: 53, GET_DAXDEV: 54 })]
    const real = fc.constantFrom(...OPCODES.all).chain(o => requestOf(o).map(r => encodeAny(o, r)))
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 300 }), mutated(real), mutated(real).map(withLen)),
        fc.constantFrom(...tables),
        (bytes, table) => {
          const m = decodeRequest(table, bytes)
          if ('error' in m) expect(m.error).toMatch(/^[^\n]{10,}$/)
          else expect(m.len).toBe(bytes.length)
        },
      ),
      { numRuns: 3000 },
    )
  })
})
