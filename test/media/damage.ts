// Damaged images, as fast-check makes them: good ones with fields changed (their CRCs made good again, or not) or cut off, and
// bytes that never were an image. Whoever looks at one must come to an end without an exception.
import fc from 'fast-check'
import {
  crc32,
  describeImage,
  ENTRY_CRC_LEN,
  ENTRY_SIZE,
  encodeEntry,
  encodeLogHeader,
  entryOffset,
  FM,
  freshLogHeader,
  fsckReport,
  LE,
  LE_DAXDEV,
  LE_FILE,
  LE_MKDIR,
  LH,
  LOG_CRC_LEN,
  LOG_OFFSET,
  logCapacity,
  MAX_EXTENTS,
  PATH_FIELD,
  playLog,
  type ReadBytes,
  SB,
  SB_CRC_LEN,
  SB_SIZE,
  textBytes,
  validateImage,
} from '../../src/media/index.ts'
import { entry } from './arbitraries.ts'
import { image } from './images.ts'

/** Entries that a damaged image has room for. */
const ENTRIES = 30

/** A device: its first bytes, and those from the log on; neither need be whole. */
export interface Damaged {
  readonly head: Uint8Array
  readonly log: Uint8Array
  readonly deviceSize: number
}

const references = (['basic4g', 'interleave8g'] as const).map(name => {
  const { bytes, deviceSize } = image(name)
  const log = bytes.subarray(LOG_OFFSET, LOG_OFFSET + entryOffset(ENTRIES))
  return { head: bytes.subarray(0, ENTRY_SIZE), log, deviceSize }
})

/** What is at the edges of what a field of one, two, four or eight bytes can hold. */
const value = fc.oneof(
  fc.constantFrom(
    0,
    1,
    2,
    3,
    4,
    15,
    16,
    17,
    63,
    64,
    65,
    79,
    80,
    255,
    4096,
    15419,
    15420,
    0x200000,
    0x7fffffff,
    0x80000000,
  ),
  fc.constantFrom(0xffffffff, 2 ** 32, 2 ** 40, 2 ** 52, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64 - 1),
  fc.nat(255),
  fc.maxSafeNat(),
)
const FIELDS = [SB, LH, LE, LE_FILE, LE_MKDIR, LE_DAXDEV].flatMap(Object.values<number>)
const MAP = Object.values(FM).map(at => LE_FILE.fmap + at)
/** A field overwritten, or as much as a path takes, in superblock (0), log header (1) or an entry (2 and up). */
const stroke = fc.record({
  part: fc.oneof(fc.constantFrom(0, 1), fc.integer({ min: 2, max: 2 + ENTRIES })),
  at: fc.oneof(
    fc.constantFrom(...FIELDS, ...MAP),
    fc.nat(ENTRY_CRC_LEN / 8).map(n => 8 * n),
    fc.nat(ENTRY_SIZE - 1),
  ),
  width: fc.constantFrom(1, 2, 4, 8, PATH_FIELD),
  value,
  /** Its CRC made good again? */
  mended: fc.boolean(),
})

/** One such. */
type Stroke = { part: number; at: number; width: number; value: number; mended: boolean }

function overwrite({ head, log }: Damaged, { part, at, width, value, mended }: Stroke): void {
  const b = part === 0 ? head : log
  const start = part < 2 ? 0 : entryOffset(part - 2)
  const covered = [SB_CRC_LEN, LOG_CRC_LEN][part] ?? ENTRY_CRC_LEN
  for (let i = 0, v = BigInt(value); i < width; i++, v >>= 8n) b[start + at + i] = i < 8 ? Number(v & 255n) : 0x70
  const crc = start + covered
  if (mended && crc + 4 <= b.length) new DataView(b.buffer).setUint32(crc, crc32(b, start, crc), true)
}

const spoilt: fc.Arbitrary<Damaged> = fc
  .tuple(
    fc.constantFrom(...references),
    fc.array(stroke, { minLength: 1, maxLength: 8 }),
    fc.oneof({ weight: 4, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat() }),
    fc.nat(15),
  )
  .map(([{ head, log, deviceSize: whole }, strokes, cut, size]) => {
    // Mostly a device that ends soon: a next_index without bounds then costs no walk over 15,420 entries.
    const deviceSize = size === 0 ? whole : LOG_OFFSET + 2 * log.length
    const d = { head: head.slice(), log: log.slice(), deviceSize }
    for (const s of strokes) overwrite(d, s)
    if (cut === null) return d
    const n = cut % (head.length + log.length)
    return { head: d.head.subarray(0, n), log: d.log.subarray(0, n < head.length ? 0 : n - head.length), deviceSize }
  })

/** A good superblock and header before whatever entries the format can hold. */
const written: fc.Arbitrary<Damaged> = fc
  .tuple(fc.constantFrom(...references), fc.array(entry, { minLength: 1, maxLength: 8 }))
  .map(([{ head, deviceSize }, entries]) => {
    const n = entries.length
    const header = encodeLogHeader({ ...freshLogHeader(0x800000), nextSeqnum: n, nextIndex: n })
    const logged = entries.map((e, i) => encodeEntry({ ...e, seqnum: i }))
    return { head, log: new Uint8Array(Buffer.concat([header, ...logged])), deviceSize }
  })

/** Bytes that never were an image. */
const noise: fc.Arbitrary<Damaged> = fc.record({
  head: fc.uint8Array({ maxLength: SB_SIZE + 20 }),
  log: fc.uint8Array({ maxLength: 2000 }),
  deviceSize: fc.nat(2 ** 31 - 1),
})

export const damaged: fc.Arbitrary<Damaged> = fc.oneof(
  { weight: 6, arbitrary: spoilt },
  { weight: 2, arbitrary: written },
  { weight: 1, arbitrary: noise },
)

/** How often what was found, by name. */
export type Findings = Record<'unreadable' | 'wrong' | 'sound' | 'stopped', number>

/** Look at it in every way there is. Throws when something that must hold does not. */
export function lookAtDamaged({ head, log, deviceSize }: Damaged, found: Findings): void {
  const must = (held: boolean, what: string): void => {
    if (!held) throw new Error(what)
  }
  // A device ends where it ends: less may come than was asked for.
  const read: ReadBytes = (off, len) =>
    off < LOG_OFFSET ? head.subarray(off, off + len) : log.subarray(off - LOG_OFFSET, off - LOG_OFFSET + len)
  const dump = describeImage(read, deviceSize)
  const problems = validateImage(read, deviceSize)
  for (const { path = '', why: _, ...e } of dump.entries ?? []) {
    must((e.extents ?? e.strips ?? []).length <= MAX_EXTENTS, `entry ${e.i} has no more extents than fit into it`)
    must(textBytes(path) <= PATH_FIELD, `the path of entry ${e.i} ends with its field`)
    // What is read where nothing is becomes NaN, and null in JSON.
    must(!/null|NaN/.test(JSON.stringify(e)), `the numbers of entry ${e.i} are numbers`)
  }
  must(
    problems.every(p => /^[^\n]+$/.test(p)),
    'a problem is one line',
  )
  const report = fsckReport(dump, null, 7)
  must((report === null) === (dump.entries === null), 'there is a report where there are entries')
  must(dump.entries !== null || problems.length > 0, 'nothing to tell is a problem')
  must((dump.entries?.length ?? 0) <= logCapacity(deviceSize), 'no more entries than there is room for')
  if (report === null) found.unreadable++
  else if (problems.length > 0) found.wrong++
  else found.sound++
  let played = 0
  for (const e of playLog(log)) {
    if ('stop' in e) found.stopped++
    else must(e.index === played++, 'entries are played one after the other')
  }
  must(played <= logCapacity(log.length), 'none is played that is not there')
}
