// The text of famfs fsck against the real one's: on the reference images line by line, and where it is wrong (Q24) and is not.
import { describe, expect, test } from 'vitest'
import {
  crc32,
  describeImage,
  describeUsage,
  entryOffset,
  fsckReport,
  LOG_HEADER_SIZE,
  LOG_OFFSET,
  SB_SIZE,
} from '../../../src/media/index.ts'
import { decodeSuperblock } from '../../../src/media/superblock.ts'
import { buildBitmap } from '../../../src/server/alloc/bitmap.ts'
import { fsck_mount_text, fsck_text } from '../../../src/server/lib/fsck-text.ts'
import { image, reader, vectors } from '../../media/images.ts'

type Told = { image: 'basic4g' | 'interleave8g'; args: string; text: string }
const { cases } = vectors<{ cases: Told[] }>('fsck-text')

/** The report on a reference image to its owner; `mkfs`: when it was new. */
function told(name: Told['image'], args: string, o: { q24: boolean; buckets?: number }): string[] {
  const im = image(name)
  const bytes = im.bytes.slice()
  if (args === 'mkfs') bytes.fill(0, LOG_OFFSET + 32, LOG_OFFSET + 48)
  const dump = describeImage(reader(bytes), im.deviceSize)
  const buckets = o.buckets ?? (args.includes('-B 8') ? 8 : 0)
  const report = fsckReport(dump, dump.superblock!.system_uuid, buckets)!
  return fsck_text(dump, report, { verbose: args === '-v', human: args === 'mkfs' || args.includes('-h'), q24: o.q24 })
}

test.each(cases.map(c => [c.image, c.args, c] as const))('%s %s: the very text', (name, args, { text }) => {
  expect(`${told(name, args, { q24: true }).join('\n')}\n`).toBe(text)
})

test.each(cases.map(c => [c.image, c.args, c] as const))(
  '%s %s: right where the real one is wrong',
  (name, args, { text }) => {
    const lines = told(name, args, { q24: false })
    const wrong = /^ {4}(In use|Largest frag|Smallest frag): /
    const kept = (l: string): boolean => !wrong.test(l)
    expect(lines.filter(kept)).toEqual(text.slice(0, -1).split('\n').filter(kept))
    const used = lines.flatMap(l => /^ {4}In use: (\d+)$/.exec(l)?.[1] ?? [])
    const twice = text.split('\n').flatMap(l => /^ {4}In use: (\d+)$/.exec(l)?.[1] ?? [])
    expect(used.map(u => 2 * Number(u))).toEqual(twice.map(Number))
  },
)

test('free fragments: the largest is not their sum, the smallest not 0, unless Q24', () => {
  const bucket1 = (q24: boolean): string[] => {
    const lines = told('interleave8g', '-B 8', { q24 })
    return lines.slice(lines.indexOf('  Bitmap range 1') + 4).slice(0, 3)
  }
  expect(bucket1(false)).toEqual([
    '    Free fragments: 2',
    expect.stringMatching(/^ {4}Largest frag: {3}\d+$/),
    expect.stringMatching(/^ {4}Smallest frag: {2}[1-9]\d+$/),
  ])
  const [largest, smallest] = bucket1(false)
    .slice(1)
    .map(l => Number(/\d+$/.exec(l)![0]))
  expect(bucket1(true)).toEqual([
    '    Free fragments: 2',
    `    Largest frag:   ${largest! + smallest!}`,
    '    Smallest frag:  0',
  ])
})

test('what no bucket has is counted in units; by Q24 it is what bytes leave over', () => {
  const overhang = (q24: boolean) => told('basic4g', '', { q24, buckets: 7 }).find(l => l.startsWith('  Wasted'))
  expect([overhang(false), overhang(true)]).toEqual([
    '  Wasted overhang: 8388608 bytes (4 au)',
    '  Wasted overhang: 4 bytes (0 au)',
  ])
})

describe('of a mounted file system', () => {
  const im = image('basic4g')
  const mounted = {
    mpt: '/mnt/famfs',
    type: 'FAMFS_FUSE',
    dev: '/dev/dax0.0',
    shadow: '/tmp/famfs_shadow_RbJjrK',
  } as const

  test('a head says where it is; the rest, from the parts that a program has, is the same', () => {
    const sbBytes = im.bytes.subarray(0, SB_SIZE)
    const lhBytes = im.bytes.subarray(LOG_OFFSET, LOG_OFFSET + LOG_HEADER_SIZE)
    const { account, bad } = buildBitmap(decodeSuperblock(sbBytes).sb!, im.bytes.subarray(LOG_OFFSET), 21)
    const usage = describeUsage(sbBytes, lhBytes, account, bad)
    const lines = [
      ...fsck_mount_text(mounted),
      ...fsck_text(usage, fsckReport(usage, usage.superblock!.system_uuid)!, { verbose: true }),
    ]
    expect(lines.slice(0, 6)).toEqual([
      'famfs fsck:',
      '  mount point: /mnt/famfs',
      '  mount type:  FAMFS_FUSE',
      '  backing dev: /dev/dax0.0',
      '  shadow path: /tmp/famfs_shadow_RbJjrK',
      '',
    ])
    expect(`${lines.slice(6).join('\n')}\n`).toBe(cases.find(c => c.image === 'basic4g' && c.args === '-v')!.text)
  })

  test('collisions are counted, and then there is no capacity', () => {
    const bytes = im.bytes.slice()
    // The first file begins at 0: on the superblock.
    const entry = LOG_OFFSET + entryOffset(0)
    bytes[entry + 146] = 0
    new DataView(bytes.buffer).setUint32(entry + 536, crc32(bytes, entry, entry + 536), true)
    const dump = describeImage(reader(bytes), im.deviceSize)
    const lines = [...fsck_mount_text(mounted), ...fsck_text(dump, fsckReport(dump, null)!, {})]
    expect(lines).toContain('ERROR: 1 ALLOCATION COLLISIONS FOUND')
    expect(lines).toContain('  role of this node: Client')
    expect(lines.join('\n')).not.toMatch(/Capacity|No allocation errors/)
  })
})
