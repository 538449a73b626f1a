// The builder of message layouts: a name, a size and fields at byte offsets become typed accessors over a DataView.
// Little-endian, no implicit padding; offsets are written out because they are the facts (kernel.md 1.1 and 1.7).
// Reading or writing a whole struct is compiled to straight-line code at first use: 20 ns for the 22 fields of an entry
// reply, against 700 ns for a loop over field objects. Any room may call it; offsets and sizes are bytes.

import type { Flag } from './constants.ts'
import { getText, putText, textLength } from './text.ts'
import { getU64, setU64 } from './u64.ts'

/** How a field is printed: a number in some base, or bits by name. */
export type Show = 'dec' | 'hex' | 'oct' | readonly Flag[]

/** What sits in a field. `pad` is reserved space: listed, never read or written (buffers start zeroed). */
export type FieldType = 'u8' | 'u16' | 'u32' | 's32' | 'u64' | 's64' | 'bytes' | 'cstr' | 'struct' | 'pad'

/** A field as the table states it, before it has a name. R is what reading gives, W what writing takes. */
export interface Spec<R, W = R> {
  readonly type: FieldType
  readonly offset: number
  readonly size: number
  readonly show: Show
  readonly def?: AnyStruct
  /** Phantoms: they carry the types and hold nothing. */
  readonly R?: R
  readonly W?: W
}

/** One named field. `base` is the offset of the struct in the view. */
export interface Field<R = unknown, W = R> {
  readonly name: string
  readonly offset: number
  readonly size: number
  readonly type: FieldType
  readonly show: Show
  readonly def?: AnyStruct
  get(dv: DataView, base: number): R
  set(dv: DataView, base: number, v: W): void
}

/** A layout. R is the plain object that read() gives; write() takes any part of it. */
export interface StructDef<R, W> {
  readonly name: string
  readonly size: number
  /** In offset order, reserved space included. */
  readonly fields: readonly Field[]
  /** Single fields by name, reserved space left out. */
  readonly f: { readonly [K in keyof R & keyof W]: Field<R[K], Exclude<W[K], undefined>> }
  /** All fields as a new object. The caller has checked that `size` bytes are there. */
  read(dv: DataView, base: number): R
  /** Store the given fields and leave the others as they are. Numbers wrap as in a C assignment. */
  write(dv: DataView, base: number, values: W): void
}

/** Any layout at all. */
export type AnyStruct = StructDef<any, any>
/** The object that a layout reads as. */
export type Values<D> = D extends StructDef<infer R, any> ? R : never
/** What a layout can be written from. */
export type Input<D> = D extends StructDef<any, infer W> ? W : never

type Specs = Record<string, Spec<any, any>>
type Named<S extends Specs> = { [K in keyof S]: S[K] extends Spec<never, never> ? never : K }[keyof S]
type ReadOf<S extends Specs> = { [K in Named<S>]: S[K] extends Spec<infer R, any> ? R : never }
type WriteOf<S extends Specs> = { [K in Named<S>]?: S[K] extends Spec<any, infer W> ? W : never }

const number = (type: FieldType, size: number) => {
  return (offset: number, show: Show = 'dec'): Spec<number> => ({ type, offset, size, show })
}

/** Unsigned 8, 16 and 32 bits, signed 32 bits. */
export const u8 = number('u8', 1)
export const u16 = number('u16', 2)
export const u32 = number('u32', 4)
export const s32 = number('s32', 4)
/** 64 bits as a JS number, exact to 2^53; bit 63 reads as the sign (u64.ts). The two differ in name only. */
export const u64 = number('u64', 8)
export const s64 = number('s64', 8)

/** `n` raw bytes. get() is a view, not a copy; set() takes at most n and leaves the rest. */
export const bytes = (offset: number, n: number): Spec<Uint8Array> => ({ type: 'bytes', offset, size: n, show: 'dec' })
/** Text in `n` bytes, read up to the first NUL or the end. Exactly n bytes of text leave no room for a NUL: allowed. */
export const cstr = (offset: number, n: number): Spec<string> => ({ type: 'cstr', offset, size: n, show: 'dec' })
/** A layout inside this one. */
export const nested = <R, W>(offset: number, def: StructDef<R, W>): Spec<R, W> => {
  return { type: 'struct', offset, size: def.size, show: 'dec', def }
}
/** Reserved space: padding, dummy, unused, spare. */
export const pad = (offset: number, n: number): Spec<never> => ({ type: 'pad', offset, size: n, show: 'dec' })

/** Build a layout. Throws when a field lies outside `size`, overlaps another or has no plain name. */
export function struct<S extends Specs>(name: string, size: number, specs: S): StructDef<ReadOf<S>, WriteOf<S>> {
  const fields = Object.entries(specs)
    .map(([key, spec]) => makeField(key, spec))
    .sort((a, b) => a.offset - b.offset)
  let end = 0
  let before = ''
  for (const field of fields) {
    const at = `struct ${name}: ${field.name}@${field.offset}(${field.size})`
    if (!/^[A-Za-z_]\w*$/.test(field.name)) throw new Error(`${at}: the name must be a plain identifier`)
    if (!(field.size > 0) || field.offset !== field.offset >>> 0)
      throw new Error(`${at}: offset or size is not a count`)
    if (field.offset < end) throw new Error(`${at} overlaps ${before}, which ends at ${end}`)
    end = field.offset + field.size
    if (end > size) throw new Error(`${at} ends at ${end}, the struct at ${size}`)
    before = field.name
  }
  const live = fields.filter(field => field.type !== 'pad')
  const def = {
    name,
    size,
    fields,
    f: Object.fromEntries(live.map(field => [field.name, field])),
    // The first call compiles and takes the stub's place.
    read(dv: DataView, base: number): any {
      def.read = compileRead(live)
      return def.read(dv, base)
    },
    write(dv: DataView, base: number, values: any): void {
      def.write = compileWrite(live)
      def.write(dv, base, values)
    },
  }
  return def as unknown as StructDef<ReadOf<S>, WriteOf<S>>
}

const READ: Readonly<Record<string, string>> = {
  u8: 'dv.getUint8(AT)',
  u16: 'dv.getUint16(AT, true)',
  u32: 'dv.getUint32(AT, true)',
  s32: 'dv.getInt32(AT, true)',
  u64: 'getU64(dv, AT)',
  s64: 'getU64(dv, AT)',
}
const WRITE: Readonly<Record<string, string>> = {
  u8: 'dv.setUint8(AT, v)',
  u16: 'dv.setUint16(AT, v, true)',
  u32: 'dv.setUint32(AT, v, true)',
  s32: 'dv.setInt32(AT, v, true)',
  u64: 'setU64(dv, AT, v)',
  s64: 'setU64(dv, AT, v)',
}
const at = (code: string, offset: number): string => code.replace('AT', `base + ${offset}`)

function compileRead(fields: readonly Field[]): (dv: DataView, base: number) => any {
  const parts = fields.map(
    (f, i) => `${f.name}: ${READ[f.type] ? at(READ[f.type]!, f.offset) : `f[${i}].get(dv, base)`}`,
  )
  const make = new Function('f', 'getU64', `return (dv, base) => ({ ${parts.join(', ')} })`)
  return make(fields, getU64)
}

function compileWrite(fields: readonly Field[]): (dv: DataView, base: number, values: any) => void {
  const parts = fields.map((f, i) => {
    const store = WRITE[f.type] ? at(WRITE[f.type]!, f.offset) : `f[${i}].set(dv, base, v)`
    return `v = values.${f.name}; if (v !== undefined) ${store}`
  })
  const make = new Function('f', 'setU64', `return (dv, base, values) => { let v; ${parts.join('; ')} }`)
  return make(fields, setU64)
}

function makeField(name: string, spec: Spec<any, any>): Field<any> {
  const { type, offset, size, show, def } = spec
  const common = { name, offset, size, type, show, ...(def ? { def } : {}) }
  switch (type) {
    case 'u8':
      return {
        ...common,
        get: (dv, base) => dv.getUint8(base + offset),
        set: (dv, base, v) => dv.setUint8(base + offset, v),
      }
    case 'u16':
      return {
        ...common,
        get: (dv, base) => dv.getUint16(base + offset, true),
        set: (dv, base, v) => dv.setUint16(base + offset, v, true),
      }
    case 'u32':
      return {
        ...common,
        get: (dv, base) => dv.getUint32(base + offset, true),
        set: (dv, base, v) => dv.setUint32(base + offset, v, true),
      }
    case 's32':
      return {
        ...common,
        get: (dv, base) => dv.getInt32(base + offset, true),
        set: (dv, base, v) => dv.setInt32(base + offset, v, true),
      }
    case 'u64':
    case 's64':
      return {
        ...common,
        get: (dv, base) => getU64(dv, base + offset),
        set: (dv, base, v) => setU64(dv, base + offset, v),
      }
    case 'struct':
      return {
        ...common,
        get: (dv, base) => def!.read(dv, base + offset),
        set: (dv, base, v) => def!.write(dv, base + offset, v),
      }
    case 'cstr':
      return {
        ...common,
        get: (dv, base) => {
          const room = over(dv, base + offset, size)
          const nul = room.indexOf(0)
          return getText(room, 0, nul < 0 ? size : nul)
        },
        set: (dv, base, v: string) => {
          const n = textLength(v)
          if (n > size) throw new RangeError(`${name}: ${n} bytes of text, the field holds ${size}`)
          const room = over(dv, base + offset, size)
          room.fill(0, putText(room, 0, v))
        },
      }
    default:
      return {
        ...common,
        get: (dv, base) => over(dv, base + offset, size),
        set: (dv, base, v: Uint8Array) => {
          if (v.length > size) throw new RangeError(`${name}: ${v.length} bytes, the field holds ${size}`)
          over(dv, base + offset, size).set(v)
        },
      }
  }
}

const over = (dv: DataView, offset: number, n: number): Uint8Array => {
  return new Uint8Array(dv.buffer, dv.byteOffset + offset, n)
}
