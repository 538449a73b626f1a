// Generators shared by the tests of this room: values for any layout, requests for any op, broken bytes.

import fc from 'fast-check'
import { type AnyStruct, encodeRequest, type Field, type Op } from '../../src/wire/index.ts'

const fullU64 = fc.oneof(fc.integer({ min: -1, max: 100 }), fc.maxSafeInteger())

function fieldValue(field: Field): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'u8':
      return fc.integer({ min: 0, max: 0xff })
    case 'u16':
      return fc.integer({ min: 0, max: 0xffff })
    case 'u32':
      return fc.integer({ min: 0, max: 0xffffffff })
    case 's32':
      return fc.integer()
    case 'struct':
      return structValue(field.def!)
    case 'cstr':
      return nameText.filter(s => Buffer.byteLength(s) <= field.size)
    case 'bytes':
      return fc.uint8Array({ minLength: field.size, maxLength: field.size })
    default:
      return fullU64
  }
}

/** A complete object for a layout. */
export function structValue(def: AnyStruct): fc.Arbitrary<any> {
  const live = def.fields.filter(f => f.type !== 'pad')
  return fc.record(Object.fromEntries(live.map(f => [f.name, fieldValue(f)])))
}

/** No lone surrogate in it. */
export const isWellFormed = (s: string): boolean => !/\p{Surrogate}/u.test(s)

/** Text that a file name can be: valid UTF-16, no NUL. */
export const nameText = fc
  .oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'grapheme', maxLength: 20 }))
  .filter(s => !s.includes('\0') && isWellFormed(s))

export interface AnyRequest {
  header: { unique: number; nodeid: number; uid: number; gid: number; pid: number; resend: boolean }
  arg: any
  names: string[]
  data: Uint8Array
  ext: Uint8Array
}

const id32 = fc.integer({ min: 0, max: 0xffffffff })

/** A well-formed request of this op: the field that counts the data is made to fit. */
export function requestOf(op: Op): fc.Arbitrary<AnyRequest> {
  const unit = op.counts?.[1] ?? 1
  const data = op.data
    ? fc.integer({ min: 0, max: 20 }).chain(n => fc.uint8Array({ minLength: n * unit, maxLength: n * unit }))
    : fc.constant(new Uint8Array(0))
  return fc
    .record({
      header: fc.record({
        unique: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        nodeid: fc.nat({ max: Number.MAX_SAFE_INTEGER }),
        uid: id32,
        gid: id32,
        pid: id32,
        resend: fc.boolean(),
      }),
      arg: op.struct ? structValue(op.struct) : fc.constant(null),
      names: fc.array(nameText, { minLength: op.names, maxLength: op.names }),
      data,
      ext: fc.integer({ min: 0, max: 3 }).chain(n => fc.uint8Array({ minLength: n * 8, maxLength: n * 8 })),
    })
    .map(r => {
      if (op.counts) r.arg[op.counts[0]] = r.data.length / unit
      return r
    })
}

export const encodeAny = (op: Op, r: AnyRequest): Uint8Array =>
  encodeRequest(op, r.header, r.arg, r.names, r.data, r.ext)

/** A few bytes of a message overwritten, then perhaps cut short or made longer. */
export function mutated(message: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(
      message,
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
      fc.integer({ min: -20, max: 20 }),
    )
    .map(([m, edits, grow]) => {
      const n = m.length + grow
      const out = new Uint8Array(n < 0 ? 0 : n)
      out.set(m.subarray(0, out.length))
      for (const [at, value] of edits) if (out.length > 0) out[at % out.length] = value
      return out
    })
}

/** Make the len field of a message true, so that the checks behind it are reached. */
export function withLen(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= 4) new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, bytes.length, true)
  return bytes
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
export const unhex = (s: string): Uint8Array => new Uint8Array(Buffer.from(s, 'hex'))
