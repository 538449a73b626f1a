import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  encodeEntry,
  encodeLogHeader,
  entryOffset,
  type Fmap,
  freshLogHeader,
  LOG_OFFSET,
  type LogEntry,
  playLog,
  skipReason,
} from '../../src/media/index.ts'
import { image } from './images.ts'

const basic = image('basic4g')

test('a sound log is played to its end, in order, nothing passed over', () => {
  const walk = [...playLog(basic.bytes.subarray(LOG_OFFSET))]
  expect(walk.map(w => ('stop' in w ? -1 : w.index))).toEqual([...Array(21).keys()])
  expect(walk.every(w => !('stop' in w) && w.skip === null && w.errors === 0)).toBe(true)
})

const base = { seqnum: 0, uid: 0, gid: 0, mode: 0o644 }
const simple = (...offsets: number[]): Fmap => ({
  kind: 'simple',
  extents: offsets.map(offset => ({ dev: 0, offset, len: 1 })),
})
const file = (path: string, fmap: Fmap): LogEntry => ({ ...base, type: 'file', path, size: 1, flags: 2, fmap })

test.each<[string, LogEntry, { why: string; errors: number } | null]>([
  ['a relative path', file('a/b', simple(1)), null],
  ['an empty path', file('', simple(1)), { why: 'path is empty', errors: 1 }],
  ['an absolute path', file('/etc/evil', simple(1)), { why: 'path is not relative', errors: 1 }],
  ['dot dot is let through (Q13)', file('../../x', simple(1)), null],
  ['a zero offset', file('f', simple(1, 0, 2, 0)), { why: '2 of 4 extents with offset 0', errors: 2 }],
  ['no extents', file('f', simple()), null],
  [
    'a zero first strip is not looked at',
    file('f', { kind: 'interleaved', chunkSize: 4096, strips: [{ dev: 0, offset: 0, len: 1 }] }),
    null,
  ],
  [
    'a zero chunk size is',
    file('f', { kind: 'interleaved', chunkSize: 0, strips: [] }),
    { why: '1 of 1 extents with offset 0', errors: 1 },
  ],
  ['an absolute directory', { ...base, type: 'mkdir', path: '/d' }, { why: 'path is not relative', errors: 1 }],
  [
    'a device',
    { type: 'add_daxdev', seqnum: 0, size: 1, uuid: '00000000-0000-0000-0000-000000000001', index: 0 },
    null,
  ],
])('%s', (_name, e, reason) => {
  expect(skipReason(encodeEntry(e))).toEqual(reason)
  const log = new Uint8Array(0x1000)
  log.set(encodeLogHeader({ ...freshLogHeader(0x1000), nextSeqnum: 1, nextIndex: 1 }))
  log.set(encodeEntry(e), entryOffset(0))
  expect([...playLog(log)]).toEqual([{ index: 0, entry: e, skip: reason?.why ?? null, errors: reason?.errors ?? 0 }])
})

test('a broken header stops the walk before it starts', () => {
  expect([...playLog(new Uint8Array(4096))]).toMatchObject([{ stop: 0 }])
  expect([...playLog(new Uint8Array(0))]).toMatchObject([{ stop: 0, why: 'log header: only 0 bytes, expected 48' }])
})

test('the first entry that does not check ends the walk; what follows it is never seen (Q19)', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.nat(543), fc.integer({ min: 1, max: 255 }), (index, at, flip) => {
      const log = basic.bytes.slice(LOG_OFFSET, LOG_OFFSET + entryOffset(21))
      log[entryOffset(index) + at]! ^= flip
      const walk = [...playLog(log)]
      expect(walk).toHaveLength(index + 1)
      expect(walk[index]).toMatchObject({ stop: index })
    }),
  )
})
