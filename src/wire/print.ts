// A message as one dense line, from the same tables as the codec. Zero fields are left out, flags go by name, names are
// quoted and cut. Never throws: a broken message prints as what is wrong with it and its first bytes. Not a hot path.

import { viewOf } from './buffer.ts'
import {
  checkReply,
  checkReplyHeader,
  decodeReply,
  decodeRequest,
  type Malformed,
  replyStruct,
  VERDICTS,
} from './codec.ts'
import { type Flag, flagNames, initFlagsInForce } from './constants.ts'
import { unpackDirents, unpackDirentsPlus } from './dirent.ts'
import { errnoName } from './errno.ts'
import { decodeFmap, type Extent, type FileMap } from './fmap.ts'
import { decodeNotify } from './notify.ts'
import type { Op, OpcodeTable } from './opcodes.ts'
import type { AnyStruct } from './struct.ts'
import { fuse_forget_one } from './structs.ts'

const MOST_NAMES = 8
const MOST_CHARS = 64
const MOST_RUNS = 16

/**
 * `LOOKUP #4 node 1 "x"`, `#4 -> ENOENT`, `#6 -> OPEN fh=-1 open_flags=PARALLEL_DIRECT_WRITES`,
 * `#8 -> GET_FMAP size=4096 simple [0:+0xa00000+0x200000]`, `notify INVAL_INODE ino=5`. A reply without its op prints
 * its length only. A reply that write(2) would refuse ends in `!` and the reason.
 */
export function printMessage(
  table: OpcodeTable,
  bytes: Uint8Array,
  direction: 'request' | 'reply',
  opOfReply?: Op,
): string {
  return direction === 'request' ? printRequest(table, bytes) : printReply(table, bytes, opOfReply)
}

function printRequest(table: OpcodeTable, bytes: Uint8Array): string {
  const m = decodeRequest(table, bytes)
  if ('error' in m) return malformed(m, bytes)
  const words = [m.op.name, `#${m.unique}${m.resend ? ' (resent)' : ''}`]
  if (m.nodeid !== 0) words.push(m.op.name === 'GET_DAXDEV' ? `index ${m.nodeid}` : `node ${m.nodeid}`)
  else if (m.op.name === 'GET_DAXDEV') words.push('index 0')
  if (m.op.struct) words.push(...fieldWords(m.op.struct, m.arg, table))
  for (const name of m.names) words.push(quote(name))
  if (m.op.name === 'BATCH_FORGET') words.push(forgets(m.data))
  else if (m.data.length > 0) words.push(`data[${m.data.length}]`)
  if (m.ext.length > 0) words.push(`ext[${m.ext.length}]`)
  return words.join(' ')
}

function printReply(table: OpcodeTable, bytes: Uint8Array, op: Op | undefined): string {
  const head = checkReplyHeader(bytes)
  if (head.verdict === VERDICTS.notify) return printNotify(table, bytes)
  if (head.verdict === VERDICTS.short || head.verdict === VERDICTS.len) {
    return malformed({ error: `reply: ${head.verdict.why}` }, bytes)
  }
  // Without the request's size field a body of one getxattr_out may be a probe's answer or that many bytes of value.
  const checked = op ? checkReply(op, bytes) : head
  const words = [`#${head.unique}${head.resend ? ' (resent)' : ''} ->`]
  if (head.error !== 0) words.push(head.error < 0 ? errnoName(head.error) : `error +${head.error}`)
  else {
    words.push(op ? op.name : 'ok')
    if (checked.verdict === VERDICTS.ok && op) words.push(...bodyWords(table, op, bytes))
    else if (head.body.length > 0) words.push(`body[${head.body.length}]`)
  }
  if (checked.verdict !== VERDICTS.ok) words.push(`! ${checked.verdict.why}`)
  return words.join(' ')
}

function bodyWords(table: OpcodeTable, op: Op, bytes: Uint8Array): string[] {
  const m = decodeReply(op, bytes)
  if ('error' in m) return [m.error]
  const def = replyStruct(op)
  const words = def ? fieldWords(def, m.arg, table) : []
  if (op.name === 'GET_FMAP') words.push(fmapWords(decodeFmap(m.data)))
  else if (op.name === 'READDIR') words.push(direntWords(unpackDirents(m.data)))
  else if (op.name === 'READDIRPLUS') words.push(direntWords(unpackDirentsPlus(m.data)))
  else if (m.data.length > 0) words.push(`data[${m.data.length}]`)
  return words
}

function printNotify(table: OpcodeTable, bytes: Uint8Array): string {
  const m = decodeNotify(bytes)
  if ('error' in m) return malformed(m, bytes)
  const words = ['notify', m.notify.name]
  if (m.notify.struct) words.push(...fieldWords(m.notify.struct, m.arg, table))
  if (m.notify.tail === 'name') words.push(quote(m.name))
  if (m.data.length > 0) words.push(`data[${m.data.length}]`)
  return words.join(' ')
}

/** `name=value` for every field that is not zero; a struct inside shows as name={...}. */
function fieldWords(def: AnyStruct, values: any, table: OpcodeTable): string[] {
  const words: string[] = []
  for (const field of def.fields) {
    const value = values[field.name]
    if (value === undefined || value === 0 || value === '') continue
    if (field.type === 'struct') {
      const inner = fieldWords(field.def!, value, table)
      if (inner.length > 0) words.push(`${field.name}={${inner.join(' ')}}`)
    } else if (typeof value === 'string') words.push(`${field.name}=${quote(value)}`)
    else if (typeof value !== 'number') words.push(`${field.name}[${value.length}]`)
    else if (isInit(def)) initWord(words, field.name, values, table.initFlags)
    else words.push(`${field.name}=${number(value, field.show)}`)
  }
  return words
}

const isInit = (def: AnyStruct): boolean => def.name === 'fuse_init_in' || def.name === 'fuse_init_out'

/** INIT spreads one set of flags over two words, the second of which counts only under INIT_EXT. */
function initWord(words: string[], name: string, values: any, flags: readonly Flag[]): void {
  if (name === 'flags') {
    const force = initFlagsInForce(values)
    words.push(`flags=${flagNames(flags, force.flags, force.flags2).join('|')}`)
  } else if (name === 'flags2') {
    if (initFlagsInForce(values).flags2 === 0) words.push(`flags2=${hex(values.flags2)} (no INIT_EXT)`)
  } else if (name === 'max_readahead' || name === 'max_write') words.push(`${name}=${hex(values[name])}`)
  else words.push(`${name}=${values[name]}`)
}

function number(value: number, show: 'dec' | 'hex' | 'oct' | readonly Flag[]): string {
  if (typeof show !== 'string') return flagNames(show, value).join('|')
  if (show === 'oct') return `0${value.toString(8)}`
  return show === 'hex' ? hex(value) : String(value)
}

const hex = (n: number): string => (n < 0 ? `-0x${(-n).toString(16)}` : `0x${n.toString(16)}`)

function fmapWords(map: FileMap | Malformed): string {
  if ('error' in map) return `! ${map.error}`
  const words = [`size=${map.fileSize}`]
  if (map.fileType) words.push(`file_type=${map.fileType}`)
  if (map.version !== 1) words.push(`version=${map.version}`)
  if (map.fmapSize) words.push(`fmap_size=${map.fmapSize}`)
  if (map.kind === 'simple') words.push('simple', runs(map.extents))
  else {
    words.push('interleaved')
    for (const g of clip(map.groups)) {
      words.push(`{chunk=${hex(g.chunkSize)} nbytes=${g.nbytes} ${runs(g.strips)}}`)
    }
    if (map.groups.length > MOST_RUNS) words.push(`and ${map.groups.length - MOST_RUNS} groups more`)
  }
  return words.join(' ')
}

/** `[dev:+offset+length ...]` */
function runs(extents: readonly Extent[]): string {
  const shown = clip(extents).map(e => `${e.dev}:+${hex(e.offset)}+${hex(e.len)}`)
  if (extents.length > MOST_RUNS) shown.push(`and ${extents.length - MOST_RUNS} more`)
  return `[${shown.join(' ')}]`
}

const clip = <T>(list: readonly T[]): readonly T[] => (list.length > MOST_RUNS ? list.slice(0, MOST_RUNS) : list)

function direntWords(list: readonly { name: string }[] | Malformed): string {
  if ('error' in list) return `! ${list.error}`
  const shown = list.slice(0, MOST_NAMES).map(e => quote(e.name))
  if (list.length > MOST_NAMES) shown.push(`and ${list.length - MOST_NAMES} more`)
  return [`${list.length} entries`, ...shown].join(' ')
}

function forgets(data: Uint8Array): string {
  const n = data.length / fuse_forget_one.size
  const shown: string[] = []
  for (let i = 0; i < n && i < MOST_RUNS; i++) {
    const one = fuse_forget_one.read(viewOf(data), data.byteOffset + i * fuse_forget_one.size)
    shown.push(`${one.nodeid}x${one.nlookup}`)
  }
  if (n > MOST_RUNS) shown.push(`and ${n - MOST_RUNS} more`)
  return `[${shown.join(' ')}]`
}

const quote = (s: string): string => {
  return s.length > MOST_CHARS ? `${JSON.stringify(s.slice(0, MOST_CHARS))}..(${s.length})` : JSON.stringify(s)
}

function malformed(m: Readonly<Malformed>, bytes: Uint8Array): string {
  const first: string[] = []
  for (let i = 0; i < bytes.length && i < 16; i++) first.push(bytes[i]!.toString(16).padStart(2, '0'))
  return `malformed ${m.error}; ${bytes.length} bytes: ${first.join(' ')}${bytes.length > 16 ? ' ..' : ''}`
}
