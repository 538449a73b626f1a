// fast-check arbitraries of what the format can hold.

import fc from 'fast-check'
import type { Extent, Fmap, LogEntry, LogHeader, Superblock } from '../../src/media/index.ts'
import { textBytes } from '../../src/media/index.ts'

export const u64 = fc.maxSafeNat()
export const u32 = fc.nat(0xffffffff)
export const uuid = fc.uuid({ version: [1, 4, 7] })
/** Text of at most `max` bytes without NUL or lone surrogates. */
export const text = (max: number) =>
  fc
    .string({ unit: 'grapheme', maxLength: max })
    .map(s => s.replaceAll('\0', ''))
    .filter(s => textBytes(s) <= max)

const extent: fc.Arbitrary<Extent> = fc.record({ dev: u64, offset: u64, len: u64 })
export const fmap: fc.Arbitrary<Fmap> = fc.oneof(
  fc.record({ kind: fc.constant('simple' as const), extents: fc.array(extent, { maxLength: 16 }) }),
  fc.record({ kind: fc.constant('interleaved' as const), chunkSize: u64, strips: fc.array(extent, { maxLength: 16 }) }),
)

export const entry: fc.Arbitrary<LogEntry> = fc.oneof(
  fc.record({
    type: fc.constant('file' as const),
    seqnum: u64,
    path: text(79),
    size: u64,
    flags: u32,
    uid: u32,
    gid: u32,
    mode: u32,
    fmap,
  }),
  fc.record({ type: fc.constant('mkdir' as const), seqnum: u64, path: text(79), uid: u32, gid: u32, mode: u32 }),
  fc.record({ type: fc.constant('add_daxdev' as const), seqnum: u64, size: u64, uuid, index: u32 }),
)

export const header: fc.Arbitrary<LogHeader> = fc.record({
  magic: fc.constant(0xbadcafef00d),
  logLen: u64,
  lastIndex: u64,
  nextSeqnum: u64,
  nextIndex: u64,
})

export const superblock: fc.Arbitrary<Superblock> = fc.record({
  magic: fc.constant(0x87b282ff),
  version: fc.constant(48),
  logOffset: u64,
  logLen: u64,
  allocUnit: fc.constantFrom(4096, 0x200000),
  omfMajor: u32,
  omfMinor: u32,
  fsUuid: uuid,
  devUuid: uuid,
  systemUuid: uuid,
  sbFlags: u32,
  daxdevSize: u64,
  daxdevUuid: uuid,
  daxdevName: text(64),
})
