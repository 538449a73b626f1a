// The reference images, made again: the same commands give the same offsets.

import { expect, test } from 'vitest'
import {
  countTaken,
  decodeEntry,
  decodeSuperblock,
  encodeEntry,
  type FileEntry,
  takenRuns,
} from '../../src/media/index.ts'
import {
  allocFile,
  CONTIGUOUS,
  type Draw,
  type Interleave,
  openSession,
  openUsage,
  useEntry,
} from '../../src/server/alloc/index.ts'
import { image } from '../media/images.ts'
import { drawsFor, noDraws } from './alloc-draws.ts'

type Command = { entries: number[]; how?: Interleave; next?: () => Draw }

/** Each command opens its own session on the log as it is by then, and makes its entries in order. */
function replay(name: 'basic4g' | 'interleave8g', commands: Command[]): void {
  const im = image(name)
  const sb = decodeSuperblock(im.superblock).sb!
  const log: Uint8Array[] = []
  for (const { entries, how = CONTIGUOUS, next = () => noDraws } of commands) {
    const usage = openUsage(sb)
    log.forEach((bytes, i) => {
      expect(useEntry(usage, bytes, i, true)).toBe(0)
    })
    const session = openSession(usage.account.map)
    for (const i of entries) {
      expect(log.length).toBe(i)
      const e = decodeEntry(im.entries[i]!)
      if (e.type === 'file') {
        const a = allocFile(session, e.size, how, sb.daxdevSize, next())
        if (!a.ok) throw new Error(`entry ${i}: ${a.why}`)
        expect(a.fmap, `entry ${i}`).toEqual((e as FileEntry).fmap)
        log.push(encodeEntry({ ...e, fmap: a.fmap }))
      } else log.push(encodeEntry(e))
    }
    // What the session holds is what the next one reads from the log.
    const again = openUsage(sb)
    log.forEach((bytes, i) => {
      useEntry(again, bytes, i, true)
    })
    expect(takenRuns(again.account.map)).toEqual(takenRuns(session.map))
  }
  expect(log).toEqual(im.entries)
}

test('basic4g: six single files, nested directories, cp of two, cp -r, one command with two files', () => {
  const sessions = [[0], [1], [2], [3], [4], [5], [6, 7, 8, 9], [10], [11, 12], [13, 14, 15, 16, 17], [18, 19], [20]]
  replay(
    'basic4g',
    sessions.map(entries => ({ entries })),
  )
})

test('interleave8g: strips of several shapes, the fallback, and a contiguous file in between', () => {
  const M = 1 << 20
  const eight = () => drawsFor([7, 3, 2, 6, 1, 4, 5, 0])
  const five = () => drawsFor([3, 2, 1, 0, 4])
  const how = (nbuckets: number, nstrips: number, chunkSize: number) => ({ nbuckets, nstrips, chunkSize })
  replay('interleave8g', [
    { entries: [0] },
    { entries: [1], how: how(8, 7, 2 * M), next: eight },
    { entries: [2], how: how(8, 4, 4 * M), next: eight },
    { entries: [3], how: how(8, 8, 2 * M), next: eight },
    { entries: [4], how: how(8, 8, 2 * M) },
    { entries: [5] },
    { entries: [6], how: how(8, 1, 16 * M), next: eight },
    { entries: [7], how: how(5, 3, 2 * M), next: five },
    { entries: [8], how: how(8, 2, 2 * M), next: eight },
  ])
})

test('a 5 GiB file does not fit on 4 GiB, and leaves nothing behind', () => {
  const im = image('basic4g')
  const sb = decodeSuperblock(im.superblock).sb!
  const session = openSession(openUsage(sb).account.map)
  const a = allocFile(session, 5 * 2 ** 30, CONTIGUOUS, sb.daxdevSize, noDraws)
  expect(a).toMatchObject({ ok: false, code: -12 })
  expect(countTaken(session.map)).toBe(5)
})
