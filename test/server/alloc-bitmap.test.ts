import { describe, expect, test } from 'vitest'
import { countTaken, decodeSuperblock, LOG_OFFSET, takenRuns, unitMapCrc } from '../../src/media/index.ts'
import { buildBitmap, openUsage, useEntry } from '../../src/server/alloc/index.ts'
import { hexBytes, image, vectors } from '../media/images.ts'

describe.each(['basic4g', 'interleave8g'] as const)('%s', name => {
  const im = image(name)
  const sb = decodeSuperblock(im.superblock).sb!
  const { bitmap, stats } = im.expected

  test('bitmap, sums and counts are those of the reference', () => {
    const u = buildBitmap(sb, im.bytes.subarray(LOG_OFFSET), stats!.n_entries)
    const { account } = u
    expect({
      nbits: account.map.nbits,
      collisions: account.collisions,
      fsize_total: account.fsizeTotal,
      alloc_sum: account.allocSum,
      bits_set: countTaken(account.map),
      crc32_of_bitmap: `0x${unitMapCrc(account.map).toString(16)}`,
      runs: takenRuns(account.map),
    }).toEqual(bitmap)
    expect([u.entries, u.bad, account.filesLogged, account.dirsLogged]).toEqual(Object.values(stats!))
    expect(u.notes).toEqual([])
  })

  test('an entry read again after it did not check is entered once', () => {
    const u = openUsage(sb)
    im.entries.forEach((bytes, i) => {
      const stale = bytes.slice()
      stale[16]! ^= 1
      expect(useEntry(u, stale, i, false)).toBe(1)
      expect(useEntry(u, bytes, i, true)).toBe(0)
    })
    expect([u.entries, u.bad, u.account.fsizeTotal]).toEqual([stats!.n_entries, 0, bitmap!.fsize_total])
  })
})

test('a bad entry is counted and passed over, the rest stands', () => {
  const im = image('basic4g')
  const { cases } = vectors<{ cases: { name: string; patches: [number, string][] }[] }>('media-corrupt')
  const notes: Record<string, string[]> = {}
  for (const c of cases) {
    const bytes = im.bytes.slice()
    for (const [at, hex] of c.patches) bytes.set(hexBytes(hex), at)
    const u = buildBitmap(decodeSuperblock(im.superblock).sb!, bytes.subarray(LOG_OFFSET), 21)
    expect(u.entries).toBe(21)
    expect(u.bad).toBe(/^entry5/.test(c.name) ? 1 : 0)
    if (u.notes.length > 0) notes[c.name] = u.notes
  }
  expect(notes).toEqual({
    entry5_crc: [expect.stringContaining('log entry 5: crc 0x7f385bf8, expected 0x')],
    entry5_seq: ['log entry 5: seqnum 6, expected 5'],
    type9: ['log entry 0: entry type 9, expected 0, 1 or 3'],
    type_delete: ['log entry 0: entry type 2, expected 0, 1 or 3'],
    exttype7: ['log entry 0: map: extent type 7, expected 0 or 1'],
    nextents17: ['log entry 0: map: 17 extents, at most 16 fit'],
  })
})

test('no more entries are entered than the log has', () => {
  const im = image('basic4g')
  const u = buildBitmap(
    decodeSuperblock(im.superblock).sb!,
    im.bytes.subarray(LOG_OFFSET, LOG_OFFSET + 48 + 544 * 3),
    99999,
  )
  expect([u.entries, u.account.filesLogged]).toEqual([3, 3])
})
